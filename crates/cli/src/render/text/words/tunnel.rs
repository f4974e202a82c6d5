//! Tunnels in words: `VNI 4100 to 192.0.2.2`, and what changes about them.

use std::net::IpAddr;

use netsim_core::names::Mac;
use netsim_core::resource::{Df, Fdb, Gre, Neighbour, NetnsId, OvsTunnel, OvsTunnelKind, VXLAN_PORT, Vxlan};

use super::device::Changes;
use super::{end, on_off};
use crate::planned::Names;

/// Where it goes, and what is other than by default: `VNI 4100 to 192.0.2.2, no checksum`.
pub fn vxlan(vxlan: &Vxlan) -> Vec<String> {
    let at = (vxlan.port != VXLAN_PORT).then(|| format!(" at UDP port {}", vxlan.port));
    let to = vxlan.remote.map(|remote| format!(" to {}", far(remote)));
    let by = vxlan.device.map(|device| format!(" by {device}"));
    let mut about = vec![format!("VNI {}{}", vxlan.vni, [at, to, by].into_iter().flatten().collect::<String>())];
    about.extend(ttl(vxlan.ttl));
    about.extend(checksum(vxlan.checksum, true).map(str::to_owned));
    about.extend((vxlan.df != Df::Unset).then(|| format!("df {}", df(vxlan.df))));
    // As given out (`lower`): who sends to one other end alone has nothing to learn.
    let learns = vxlan.remote.is_none_or(|remote| remote.is_multicast());
    about.extend((vxlan.learning != learns).then(|| if learns { "no learning" } else { "learning" }.to_owned()));
    about
}

/// Where it goes, and what is other than by default: `to 192.0.2.2, key 7, ttl 64`.
pub fn gre(gre: &Gre) -> Vec<String> {
    let to = gre.remote.map_or_else(|| format!("from {}", gre.local), |remote| format!("to {remote}"));
    let mut about = vec![to];
    about.extend(gre.key.map(|key| format!("key {key}")));
    about.extend(match gre.ttl {
        // As given out (`lower`).
        64 => None,
        0 => Some("ttl inherit".to_owned()),
        hops => ttl(hops),
    });
    about.extend(checksum(gre.checksum, false).map(str::to_owned));
    about
}

/// Where a port of Open vSwitch goes, and what is other than by default.
pub fn ovs(tunnel: &OvsTunnel) -> Vec<String> {
    let OvsTunnel { kind, local: _, remote, key, ttl: hops, checksum, df } = tunnel;
    let (number, usual) = match kind {
        OvsTunnelKind::Vxlan { port } => (vni(*key), (*port, VXLAN_PORT)),
        OvsTunnelKind::Geneve { port } => (vni(*key), (*port, netsim_core::resource::GENEVE_PORT)),
        OvsTunnelKind::Gre => (key.map(|key| format!("key {key} ")), (0, 0)),
    };
    let at = (usual.0 != usual.1).then(|| format!("at UDP port {} ", usual.0));
    let mut about = vec![format!("{}{}to {remote}", number.unwrap_or_default(), at.unwrap_or_default())];
    about.extend(ttl(*hops));
    about.extend(self::checksum(*checksum, *kind != OvsTunnelKind::Gre).map(str::to_owned));
    about.extend(df.then(|| "df set".to_owned()));
    about
}

fn vni(key: Option<u32>) -> Option<String> {
    key.map(|vni| format!("VNI {vni} "))
}

/// `vxlan port`, `geneve port`, `gre port`.
pub fn ovs_word(kind: OvsTunnelKind) -> &'static str {
    match kind {
        OvsTunnelKind::Vxlan { .. } => "vxlan port",
        OvsTunnelKind::Geneve { .. } => "geneve port",
        OvsTunnelKind::Gre => "gre port",
    }
}

/// A VTEP by its address, or a group.
fn far(address: IpAddr) -> String {
    if address.is_multicast() { format!("group {address}") } else { address.to_string() }
}

/// Of an outer header: that of UDP has one by default, that of GRE has none.
fn checksum(has: bool, usual: bool) -> Option<&'static str> {
    match (has, usual) {
        (true, true) | (false, false) => None,
        (true, false) => Some("checksum"),
        (false, true) => Some("no checksum"),
    }
}

fn ttl(hops: u8) -> Option<String> {
    (hops != 0).then(|| format!("ttl {hops}"))
}

fn df(df: Df) -> &'static str {
    match df {
        Df::Unset => "unset",
        Df::Set => "set",
        Df::Inherit => "inherit",
    }
}

/// `FDB entry 02:00:00:00:00:01 behind 192.0.2.2 on sw-h1:vx`.
pub fn fdb(fdb: &Fdb, names: &Names, within: Option<&NetnsId>) -> String {
    let mac = if fdb.mac == Mac([0; 6]) { "for all others".to_owned() } else { fdb.mac.to_string() };
    format!("FDB entry {mac} behind {} on {}", fdb.to, end(&fdb.device, names, within))
}

/// `neighbour 10.0.99.2 behind 192.0.2.2 on r1:gre0`.
pub fn neighbour(neighbour: &Neighbour, names: &Names, within: Option<&NetnsId>) -> String {
    format!("{} behind {}", neighbour_place(neighbour, names, within), neighbour.to)
}

/// The same without what can change about it.
pub fn neighbour_place(neighbour: &Neighbour, names: &Names, within: Option<&NetnsId>) -> String {
    format!("neighbour {} on {}", neighbour.address, end(&neighbour.device, names, within))
}

fn or<T>(value: &Option<T>, none: &str, word: impl Fn(&T) -> String) -> String {
    value.as_ref().map_or_else(|| none.to_owned(), word)
}

fn hops(hops: &u8) -> String {
    ttl(*hops).map_or_else(|| "by default".to_owned(), |ttl| ttl.replace("ttl ", ""))
}

/// What differs of a VXLAN device, what a kernel fixes when it is made first.
pub fn vxlan_changes(a: &Vxlan, b: &Vxlan) -> Changes {
    let switched = |on: &bool| on_off(*on).to_owned();
    Changes::default()
        .note("VNI", a.vni, b.vni, u32::to_string)
        .note("UDP port", a.port, b.port, u16::to_string)
        .note("checksum", a.checksum, b.checksum, switched)
        .note("local", a.local, b.local, IpAddr::to_string)
        .note("remote", a.remote, b.remote, |to| or(to, "none", |to| far(*to)))
        .note("underlay device", a.device, b.device, |device| or(device, "none", ToString::to_string))
        .note("ttl", a.ttl, b.ttl, hops)
        .note("df", a.df, b.df, |value| df(*value).to_owned())
        .note("learning", a.learning, b.learning, switched)
}

/// What differs of a GRE device.
pub fn gre_changes(a: &Gre, b: &Gre) -> Changes {
    Changes::default()
        .note("local", a.local, b.local, IpAddr::to_string)
        .note("remote", a.remote, b.remote, |to| or(to, "none", IpAddr::to_string))
        .note("key", a.key, b.key, |key| or(key, "none", u32::to_string))
        .note("ttl", a.ttl, b.ttl, hops)
        .note("checksum", a.checksum, b.checksum, |on| on_off(*on).to_owned())
}

/// What differs of a tunnel port of Open vSwitch.
pub fn ovs_changes(a: &OvsTunnel, b: &OvsTunnel) -> Vec<String> {
    let switched = |on: &bool| on_off(*on).to_owned();
    let word = |kind: &OvsTunnelKind| match kind {
        OvsTunnelKind::Vxlan { port } | OvsTunnelKind::Geneve { port } => {
            format!("{} at UDP port {port}", ovs_word(*kind))
        }
        OvsTunnelKind::Gre => ovs_word(*kind).to_owned(),
    };
    let mut changes = Changes::default();
    if a.kind != b.kind {
        changes.0.push(format!("{} → {}", word(&a.kind), word(&b.kind)));
    }
    let key = if a.kind == OvsTunnelKind::Gre { "key" } else { "VNI" };
    changes
        .note("local", a.local, b.local, IpAddr::to_string)
        .note("remote", a.remote, b.remote, IpAddr::to_string)
        .note(key, a.key, b.key, |key| or(key, "none", u32::to_string))
        .note("ttl", a.ttl, b.ttl, hops)
        .note("checksum", a.checksum, b.checksum, switched)
        .note("df", a.df, b.df, |set| if *set { "set" } else { "unset" }.to_owned())
        .0
}

#[cfg(test)]
mod tests {
    use netsim_core::names::IfName;

    use super::*;

    fn a_vxlan(change: impl FnOnce(&mut Vxlan)) -> Vxlan {
        let mut vxlan =
            Vxlan { remote: Some(IpAddr::from([192, 0, 2, 2])), ..Vxlan::new(4100, IpAddr::from([192, 0, 2, 1])) };
        change(&mut vxlan);
        vxlan
    }

    #[test]
    fn a_vxlan_device_is_told_by_where_it_goes_and_what_is_unusual() {
        let told = |change: fn(&mut Vxlan)| vxlan(&a_vxlan(change)).join(", ");
        assert_eq!(told(|_| {}), "VNI 4100 to 192.0.2.2, learning");
        assert_eq!(told(|v| v.learning = false), "VNI 4100 to 192.0.2.2");
        assert_eq!(told(|v| (v.remote, v.learning) = (None, false)), "VNI 4100, no learning");
        let group = told(|v| {
            (v.port, v.remote, v.ttl) = (8472, Some(IpAddr::from([239, 1, 1, 1])), 4);
            v.device = Some(IfName::new("eth1").expect("a name"));
        });
        assert_eq!(group, "VNI 4100 at UDP port 8472 to group 239.1.1.1 by eth1, ttl 4");
        assert_eq!(
            told(|v| (v.checksum, v.df, v.learning) = (false, Df::Set, false)),
            "VNI 4100 to 192.0.2.2, no checksum, df set"
        );
    }

    #[test]
    fn only_what_changes_of_a_tunnel_is_told() {
        let new = a_vxlan(|v| (v.remote, v.learning) = (None, false));
        assert_eq!(vxlan_changes(&a_vxlan(|_| {}), &new).0, ["remote 192.0.2.2 → none", "learning on → off"]);
        let tunnel = |kind| {
            let [local, remote] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
            OvsTunnel { kind, local, remote, key: Some(7), ttl: 0, checksum: false, df: true }
        };
        let [a, b] = [OvsTunnelKind::Gre, OvsTunnelKind::Geneve { port: 6081 }].map(tunnel);
        assert_eq!(ovs(&a), ["key 7 to 192.0.2.2", "df set"]);
        assert_eq!(ovs_changes(&a, &b), ["gre port → geneve port at UDP port 6081"]);
        assert_eq!(ovs_changes(&a, &a), Vec::<String>::new());
    }
}
