//! Random members of bridges, bonds and VRFs, and the VLANs of ports.

use super::{Master, devices, master, master_of, masters};
use crate::names::IfName;
use crate::resource::{DeviceId, Port, PortSettings, PortVlans, Resource, VlanRange};
use crate::state::HostState;
use crate::testing::Tape;

pub(super) fn port(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let masters = masters(state);
    let to = tape.one_of(&masters)?;
    let mut members = devices(state);
    members.retain(|d| d.netns == to.netns && d.name != IfName::LO && d != to);
    let device = tape.one_of(&members)?.clone();
    let settings = match master(state, to)? {
        Master::Bridge { .. } => some_settings(tape),
        Master::Bond | Master::Vrf { .. } => PortSettings::default(),
    };
    Some(Resource::Port(Port { device, master: to.name, settings }))
}

pub(super) fn some_settings(tape: &mut Tape) -> PortSettings {
    let flags = tape.pick(24);
    if flags < 8 {
        PortSettings { hairpin: flags & 1 != 0, isolated: flags & 2 != 0, learning: flags & 4 == 0 }
    } else {
        PortSettings::default()
    }
}

/// Whether VLANs mean anything to a device.
pub(super) fn filters(state: &HostState, id: &DeviceId) -> bool {
    let filtering = Master::Bridge { filtering: true };
    master(state, id) == Some(filtering) || master_of(state, id) == Some(filtering)
}

pub(super) fn vlans(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let mut devices = devices(state);
    devices.retain(|id| filters(state, id));
    Some(Resource::PortVlans(some_vlans(tape.one_of(&devices)?.clone(), tape)))
}

pub(super) fn some_vlans(device: DeviceId, tape: &mut Tape) -> PortVlans {
    const FIRST: [u16; 4] = [1, 10, 11, 4094];
    let range = |tape: &mut Tape| {
        let first = FIRST[tape.pick(FIRST.len())];
        let last = (first + [0, 0, 1, 89][tape.pick(4)]).min(4094);
        VlanRange { first, last, untagged: tape.pick(2) == 1 }
    };
    let ranges: Vec<VlanRange> = (0..=tape.pick(3)).map(|_| range(tape)).collect();
    let pvid = (tape.pick(3) > 0).then_some(ranges[0].first);
    PortVlans::new(device, ranges, pvid)
}
