//! Random addresses.

use super::devices;
use crate::names::IfName;
use crate::resource::{Address, Resource};
use crate::state::HostState;
use crate::testing::Tape;

pub(super) fn address(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let device = tape.one_of(&devices(state))?.clone();
    let (subnet, host) = (tape.pick(3), 1 + tape.pick(3));
    let lo = device.name == IfName::LO;
    let net = match tape.pick(5) {
        0 if lo => format!("10.1.{subnet}.{host}/32"),
        0 | 1 => format!("10.0.{subnet}.{host}/24"),
        2 => format!("10.0.{subnet}.{host}/25"),
        _ if lo => format!("fd01:{subnet}::{host}/128"),
        _ => format!("fd00:{subnet}::{host}/64"),
    };
    Some(Resource::Address(Address { device, net: net.parse().expect("made from constants") }))
}
