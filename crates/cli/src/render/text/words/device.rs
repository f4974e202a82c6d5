//! Devices in words, and what changes about them.

use netsim_core::names::Mac;
use netsim_core::resource::{Bond, Bridge, Device, DeviceId, End, NetnsId, Single, SingleKind, Veth};

use super::{end, on_off, tunnel, with};
use crate::planned::Names;
use crate::render::text::{count, natural};

/// What a device is called.
pub fn noun(device: &Device, names: &Names, within: Option<&NetnsId>) -> String {
    match device {
        Device::Veth(v) => link(v, names),
        Device::Bridge(b) => match b.id.netns {
            NetnsId::Host => format!("bridge {} in the host's namespace", names.interface(&b.id)),
            NetnsId::Named(_) => format!("bridge {}", end(&b.id, names, within)),
        },
        Device::Single(s) => {
            let about: Vec<String> = about(s, names).into_iter().collect();
            with(format!("{} {}", s.kind.name(), end(&s.id, names, within)), &about)
        }
        Device::Stray { id, what } => format!("{what} {}", end(id, names, within)),
    }
}

/// `link a:eth0 – b:eth0`, the lesser name first, numbers as numbers.
pub fn link(veth: &Veth, names: &Names) -> String {
    let mut ends = veth.ends().each_ref().map(|e| names.end(&e.id));
    ends.sort_by_cached_key(|e| natural(e));
    format!("link {} – {}", ends[0], ends[1])
}

/// How a bridge is other than by default: `stp`, `ageing 60s`.
pub fn bridge_about(bridge: &Bridge) -> Vec<String> {
    let usual = Bridge::new(bridge.id.clone(), bridge.mac);
    let mut about = Vec::new();
    about.extend(bridge.stp.then(|| "stp".to_owned()));
    let delay = bridge.forward_delay != usual.forward_delay;
    about.extend(delay.then(|| format!("forward delay {}", hundredths(&bridge.forward_delay))));
    about.extend((bridge.ageing != usual.ageing).then(|| format!("ageing {}", hundredths(&bridge.ageing))));
    about.extend(bridge.vlan_filtering.then(|| "VLANs".to_owned()));
    about
}

/// How an end of a pair is other than by default: `2 queues`, `txqueuelen 100`.
pub fn end_about(end: &End) -> Vec<String> {
    let usual = End::new(end.id.clone(), end.mac);
    let queues = (end.queues != usual.queues).then(|| count(end.queues as usize, "queue"));
    let len = (end.tx_queue_len != usual.tx_queue_len).then(|| format!("txqueuelen {}", end.tx_queue_len));
    queues.into_iter().chain(len).collect()
}

/// What is particular to it: `802.1Q 10 on eth0`.
pub fn about(single: &Single, names: &Names) -> Option<String> {
    let parent = single.kind.parent(&single.id).map(|p| end(&p, names, Some(&single.id.netns)));
    let on = parent.map_or_else(String::new, |parent| format!(" on {parent}"));
    sort(single).map(|sort| sort + &on)
}

/// The same without what it stands on: `802.1Q 10`.
pub fn sort(single: &Single) -> Option<String> {
    match &single.kind {
        SingleKind::Vxlan(vxlan) => Some(tunnel::vxlan(vxlan).join(", ")),
        SingleKind::Gretap(gre) | SingleKind::Gre(gre) => Some(tunnel::gre(gre).join(", ")),
        SingleKind::Dummy => None,
        SingleKind::Vlan { vid, protocol, .. } => Some(format!("{} {vid}", protocol.word().replace('q', "Q"))),
        SingleKind::Macvlan { mode, .. } => Some(mode.to_string()),
        SingleKind::Ipvlan { mode, .. } => Some(mode.to_string()),
        SingleKind::Bond(bond) => Some(bond.mode.to_string()),
        SingleKind::Vrf { table } => Some(format!("table {table}")),
    }
}

/// What an update changes, each as `mtu 1500 → 9000`.
pub fn changes(from: &Device, to: &Device, names: &Names, within: Option<&NetnsId>) -> Vec<String> {
    match (from, to) {
        (Device::Veth(a), Device::Veth(b)) => {
            let moved = a.ends().iter().zip(b.ends()).filter(|(a, b)| a.id != b.id);
            let moved = moved.map(|(a, b)| format!("its end {} → {}", names.end(&a.id), names.end(&b.id)));
            let within = veth_changes(a, b).into_iter().map(|(ends, what)| of_ends(&ends, &what, names, within));
            moved.chain(within).collect()
        }
        (Device::Bridge(a), Device::Bridge(b)) => bridge_changes(a, b),
        (Device::Single(a), Device::Single(b)) => single_changes(a, b, names),
        (Device::Veth(_) | Device::Bridge(_) | Device::Single(_) | Device::Stray { .. }, _) => {
            let is = |device| noun(device, names, within);
            vec![format!("{} → {}", is(from), is(to))]
        }
    }
}

fn of_ends(ends: &[&DeviceId], what: &str, names: &Names, within: Option<&NetnsId>) -> String {
    match ends {
        [one] => format!("{what} at {}", end(one, names, within)),
        _ => format!("{what} at both ends"),
    }
}

/// Each field that differs, with the ends where it does; the same change at both ends is told once.
fn veth_changes<'a>(from: &'a Veth, to: &Veth) -> Vec<(Vec<&'a DeviceId>, String)> {
    let mut all: Vec<(Vec<&DeviceId>, String)> = Vec::new();
    for (a, b) in from.ends().iter().zip(to.ends()) {
        for what in end_changes(a, b) {
            match all.iter_mut().find(|(_, w)| *w == what) {
                Some((ends, _)) => ends.push(&a.id),
                None => all.push((vec![&a.id], what)),
            }
        }
    }
    all
}

/// The fields that differ, each in words.
#[derive(Default)]
pub struct Changes(pub Vec<String>);

impl Changes {
    pub fn note<T: PartialEq>(mut self, what: &str, from: T, to: T, word: impl Fn(&T) -> String) -> Self {
        if from != to {
            self.0.push(format!("{what} {} → {}", word(&from), word(&to)));
        }
        self
    }

    pub fn mac(self, from: Option<Mac>, to: Option<Mac>) -> Self {
        self.note("mac", from, to, |mac| or_none(mac.as_ref()))
    }

    fn link_local(self, from: bool, to: bool) -> Self {
        self.note("IPv6 link-local address", from, to, |on| on_off(*on).to_owned())
    }

    fn full_name(self, from: Option<&str>, to: Option<&str>) -> Self {
        self.note("alternative name", from, to, |name| or_none(name.as_ref()))
    }
}

fn or_none(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn end_changes(a: &End, b: &End) -> Vec<String> {
    Changes::default()
        .note("mtu", a.mtu, b.mtu, u32::to_string)
        .mac(Some(a.mac), Some(b.mac))
        .note("queues", a.queues, b.queues, u32::to_string)
        .note("txqueuelen", a.tx_queue_len, b.tx_queue_len, u32::to_string)
        .link_local(a.link_local, b.link_local)
        .full_name(a.full_name.as_deref(), b.full_name.as_deref())
        .0
}

fn bridge_changes(a: &Bridge, b: &Bridge) -> Vec<String> {
    let switched = |on: &bool| on_off(*on).to_owned();
    Changes::default()
        .mac(Some(a.mac), Some(b.mac))
        .note("multicast snooping", a.multicast_snooping, b.multicast_snooping, switched)
        .note("stp", a.stp, b.stp, switched)
        .note("forward delay", a.forward_delay, b.forward_delay, hundredths)
        .note("ageing", a.ageing, b.ageing, hundredths)
        .note("VLAN filtering", a.vlan_filtering, b.vlan_filtering, switched)
        .link_local(a.link_local, b.link_local)
        .full_name(a.full_name.as_deref(), b.full_name.as_deref())
        .0
}

fn single_changes(a: &Single, b: &Single, names: &Names) -> Vec<String> {
    let mtu = |mtu: &Option<u32>| or_none(mtu.as_ref());
    let miimon = |single: &Single| match &single.kind {
        SingleKind::Vxlan(_) | SingleKind::Gretap(_) | SingleKind::Gre(_) => None,
        SingleKind::Bond(Bond { miimon, .. }) => Some(*miimon),
        SingleKind::Dummy
        | SingleKind::Vlan { .. }
        | SingleKind::Macvlan { .. }
        | SingleKind::Ipvlan { .. }
        | SingleKind::Vrf { .. } => None,
    };
    let parent = |single: &Single| single.kind.parent(&single.id);
    let whole = |single: &Single| {
        let words = std::iter::once(single.kind.name().to_owned()).chain(about(single, names));
        words.collect::<Vec<_>>().join(" ")
    };
    let changes = match a.kind.name() == b.kind.name() && parent(a) == parent(b) {
        true => tunnel_changes(a, b)
            .unwrap_or_else(|| Changes::default().note("mode", sort(a), sort(b), |sort| or_none(sort.as_ref()))),
        false => Changes(vec![format!("{} → {}", whole(a), whole(b))]),
    };
    changes
        .note("miimon", miimon(a), miimon(b), |ms| ms.map_or_else(|| "none".to_owned(), |ms| format!("{ms}ms")))
        .note("mtu", a.mtu, b.mtu, mtu)
        .mac(a.mac, b.mac)
        .link_local(a.link_local, b.link_local)
        .full_name(a.full_name.as_deref(), b.full_name.as_deref())
        .0
}

/// What changes of a tunnel; none of another kind.
pub fn tunnel_changes(a: &Single, b: &Single) -> Option<Changes> {
    match (&a.kind, &b.kind) {
        (SingleKind::Vxlan(a), SingleKind::Vxlan(b)) => Some(tunnel::vxlan_changes(a, b)),
        (SingleKind::Gretap(a), SingleKind::Gretap(b)) | (SingleKind::Gre(a), SingleKind::Gre(b)) => {
            Some(tunnel::gre_changes(a, b))
        }
        (
            SingleKind::Vxlan(_)
            | SingleKind::Gretap(_)
            | SingleKind::Gre(_)
            | SingleKind::Dummy
            | SingleKind::Vlan { .. }
            | SingleKind::Macvlan { .. }
            | SingleKind::Ipvlan { .. }
            | SingleKind::Bond(_)
            | SingleKind::Vrf { .. },
            _,
        ) => None,
    }
}

/// A time in 1/100 s.
fn hundredths(time: &u32) -> String {
    netsim_core::units::print_time(u64::from(*time) * 10_000_000)
}
