//! Random settings: of devices, of namespaces, and programs that have run.

use std::sync::Arc;

use super::{devices, named};
use crate::names::{IfName, SysctlName};
use crate::resource::{
    Aside, Distribution, Key, Knob, Loss, Netem, NetnsId, Qdisc, QdiscKind, Ran, Resource, Sysctl, Tbf, Tuning,
};
use crate::state::{HostState, promote_secondaries};
use crate::testing::Tape;

pub(super) fn qdisc(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let mut devices = devices(state);
    devices.retain(|d| d.name != IfName::LO);
    let device = tape.one_of(&devices)?.clone();
    Some(Resource::Qdisc(Qdisc { device, kind: some_qdisc(tape) }))
}

pub(super) fn some_qdisc(tape: &mut Tape) -> QdiscKind {
    if tape.pick(3) == 2 {
        let rate = [1_250_000, 125_000_000][tape.pick(2)];
        return QdiscKind::Tbf(Tbf { rate, buffer: 781_250, limit: 62_500 });
    }
    let mut netem = Netem { limit: [1000, 77][tape.pick(2)], ..Netem::default() };
    if tape.mostly(3) {
        netem.delay = 1_000_000 * (1 + tape.pick(20) as u64);
    }
    if tape.pick(3) == 2 {
        const OF: [Distribution; 4] =
            [Distribution::Uniform, Distribution::Normal, Distribution::Pareto, Distribution::Paretonormal];
        (netem.jitter, netem.distribution) = (500_000, OF[tape.pick(OF.len())]);
    }
    netem.loss = match tape.pick(4) {
        2 => Loss::Random(429_496_729),
        3 => Loss::GilbertElliott { p: 42_949_672, r: 858_993_459, h: u32::MAX, k: 1 },
        _ => Loss::Random(0),
    };
    match tape.pick(6) {
        1 => netem.duplicate = 7,
        2 => netem.corrupt = 7,
        // Past what waits: there has to be a delay.
        3 if netem.delay > 0 => netem.reorder = 7,
        4 => netem.rate = [1_250_000, 12_500_000_000][tape.pick(2)],
        5 => netem.ecn = true,
        _ => {}
    }
    if tape.pick(8) == 7 {
        netem.seed = Some(tape.pick(256) as u64);
    }
    QdiscKind::Netem(Box::new(netem))
}

pub(super) fn tuning(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let device = tape.one_of(&devices(state))?.clone();
    let knob = Knob::WORDS[tape.pick(Knob::WORDS.len())].1;
    let value = some_value(knob, tape);
    Some(Resource::Tuning(Tuning { device, knob, value }))
}

pub(super) fn some_value(knob: Knob, tape: &mut Tape) -> Arc<str> {
    let values = match knob {
        Knob::RpsCpus | Knob::XpsCpus => ["0", ""],
        // On is only where checksums are left to the device, which a hand may end.
        Knob::Tso => ["off", "off"],
        Knob::TxChecksum | Knob::Gso | Knob::Gro => ["off", "on"],
    };
    values[tape.pick(2)].into()
}

pub(super) fn sysctl(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let netns = NetnsId::Named(tape.one_of(&named(state))?.clone());
    let (name, value) = match tape.pick(5) {
        0 | 1 => (promote_secondaries(), if tape.mostly(4) { "1" } else { "0" }),
        2 => (SysctlName::new("net.ipv4.ip_forward").expect("a constant"), "1"),
        3 => (SysctlName::new("net.ipv6.conf.all.forwarding").expect("a constant"), "1"),
        _ => {
            let mut devices = devices(state);
            devices.retain(|d| d.netns == netns && d.name != IfName::LO);
            let device = tape.one_of(&devices)?;
            let name = format!("net.ipv4.conf.{}.rp_filter", device.name);
            (SysctlName::new(&name).expect("made from constants"), ["1", "2"][tape.pick(2)])
        }
    };
    Some(Resource::Sysctl(Sysctl { netns, name, value: value.into() }))
}

pub(super) fn ran(state: &HostState, tape: &mut Tape) -> Option<Resource> {
    let netns = tape.one_of(&named(state))?.clone();
    let index = (0..).find(|i| state.get(&Key::Ran(netns.clone(), *i)).is_none())?;
    let digest = 1 + tape.pick(2) as u64;
    Some(Resource::Ran(Ran { netns, index, digest, argv: Aside::default() }))
}
