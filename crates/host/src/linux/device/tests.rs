use std::net::IpAddr;

use netlink_packet_core::Emitable;
use netsim_core::resource::{
    BondMode, DeviceId, Df, End, Gre, IpvlanMode, MacvlanMode, NetnsId, PortVlans, VlanProtocol, VlanRange, Vxlan,
};

use super::*;

/// What a message says, in bytes.
pub(super) fn payload(message: RouteNetlinkMessage) -> Vec<u8> {
    let (RouteNetlinkMessage::NewLink(message)
    | RouteNetlinkMessage::NewLinkProp(message)
    | RouteNetlinkMessage::SetLink(message)
    | RouteNetlinkMessage::DelLink(message)) = message
    else {
        panic!("not a message about a device: {message:?}");
    };
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

pub(super) fn id(name: &str) -> DeviceId {
    DeviceId { netns: NetnsId::Host, name: IfName::new(name).expect("a name") }
}

pub(super) fn end(name: &str, last: u8) -> End {
    End { mtu: 1400 + u32::from(last), ..End::new(id(name), Mac([2, 0, 0, 0, 0, last])) }
}

/// The line after one with these words, as bytes.
fn dump(words: &str) -> Vec<u8> {
    let dumps = include_str!("dumps.txt");
    let hex = dumps.lines().skip_while(|line| *line != words).nth(1).unwrap_or_else(|| panic!("no dump of {words}"));
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    hex.as_bytes().chunks_exact(2).map(digits).collect()
}

fn link(name: &str) -> Link {
    decode(&dump(name)).expect("a message about a device")
}

#[test]
fn a_dump_of_every_kind_reads_as_what_ip_was_told() {
    let told = [
        ("d0", Kind::Single(Sort::Dummy), None),
        ("v0", Kind::Single(Sort::Vlan { vid: 4094, protocol: VlanProtocol::Ad }), Some(3)),
        ("m0", Kind::Single(Sort::Macvlan(MacvlanMode::Vepa)), Some(3)),
        ("i0", Kind::Single(Sort::Ipvlan(IpvlanMode::L3s)), Some(2)),
        ("b0", Kind::Single(Sort::Bond { mode: BondMode::Lacp, miimon: 250 }), None),
        ("r0", Kind::Single(Sort::Vrf { table: 300 }), None),
        // What we have no word for is a device of some kind.
        ("m1", Kind::Other("macvlan".into()), Some(4)),
        ("b1", Kind::Other("bond".into()), None),
    ];
    for (name, kind, on) in told {
        let link = link(name);
        assert_eq!((link.name.as_str(), link.kind, link.peer), (name, kind, on.map(|index| (index, None))));
    }
}

#[test]
fn a_dump_of_every_tunnel_reads_as_what_ip_was_told() {
    let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
    let vxlan =
        |vni, port, local, remote: Option<&str>| Vxlan { port, remote: remote.map(ip), ..Vxlan::new(vni, ip(local)) };
    let gre = |local, remote: Option<&str>, key| Gre { remote: remote.map(ip), key, ..Gre::new(ip(local)) };
    // ip-link(8) gives 64 where none is said.
    let over_ipv6 = |key| Gre { ttl: 64, ..gre("2001:db8::1", Some("2001:db8::2"), key) };
    let plain = vxlan(0x8f21c4, 4789, "192.0.2.1", Some("192.0.2.2"));
    let plain = Vxlan { ttl: 9, df: Df::Set, learning: false, checksum: false, ..plain };
    let grouped = Vxlan { checksum: false, ..vxlan(7, 8472, "2001:db8::1", Some("ff05::7")) };
    let tap = Gre { ttl: 8, checksum: true, ..gre("192.0.2.1", Some("192.0.2.2"), Some(77)) };
    let told = [
        ("vx0", Kind::Single(Sort::Vxlan { vxlan: plain, link: 0 }), Some((4789, Some(0x8f21c4)))),
        ("vx1", Kind::Single(Sort::Vxlan { vxlan: grouped, link: 3 }), Some((8472, Some(7)))),
        // Without a mode or an address that we have a word for it still uses its port.
        ("vx2", Kind::Other("vxlan".into()), Some((4790, None))),
        ("vx3", Kind::Other("vxlan".into()), Some((4789, Some(8)))),
        ("vx4", Kind::Single(Sort::Vxlan { vxlan: vxlan(9, 4789, "192.0.2.1", None), link: 0 }), Some((4789, Some(9)))),
        ("gt0", Kind::Single(Sort::Gretap(tap)), None),
        ("gt1", Kind::Single(Sort::Gretap(over_ipv6(None))), None),
        ("gt2", Kind::Other("ip6gretap".into()), None),
        ("gr0", Kind::Single(Sort::Gre(gre("192.0.2.1", None, Some(3)))), None),
        ("gr1", Kind::Single(Sort::Gre(over_ipv6(Some(u32::MAX)))), None),
        ("gr2", Kind::Other("gre".into()), None),
    ];
    for (name, kind, listens) in told {
        let link = link(name);
        let listens = listens.map(|(port, vni)| Listens { port, vni });
        assert_eq!((link.name.as_str(), link.kind, link.listens), (name, kind, listens));
    }
}

#[test]
fn a_dump_of_a_bridge_and_of_its_port_reads_as_what_they_were_told() {
    let settings =
        BridgeSettings { multicast_snooping: false, stp: true, forward_delay: 400, ageing: 1000, vlan_filtering: true };
    let (bridge, port) = (link("br0"), link("x0"));
    assert_eq!(bridge.kind, Kind::Bridge(settings));
    assert_eq!(port.master, Some(bridge.index));
    assert_eq!(port.port, PortSettings { hairpin: true, isolated: true, learning: false });
    assert_eq!((port.kind.clone(), port.queues(), port.tx_queue_len), (Kind::Veth, 4, 50));
}

#[test]
fn a_member_of_a_bond_is_treated_by_no_bridge() {
    let (bond, member) = (link("b0"), link("y0"));
    assert_eq!((member.master, member.port), (Some(bond.index), PortSettings::default()));
    assert_eq!((member.mac, member.queues(), member.tx_queue_len), (bond.mac, 1, 1000));
}

#[test]
fn a_dump_of_vlans_reads_as_what_bridge_was_told() {
    let vlans = |name: &str| {
        let seen = decode_vlans(&dump(&format!("vlans of {name}"))).expect("a message about a device");
        assert_eq!(seen.index, link(name).index);
        PortVlans::new(id(name), seen.ranges, seen.pvid)
    };
    let range = |first, last, untagged| VlanRange { first, last, untagged };
    let of_port = [range(10, 10, true), range(20, 30, false), range(40, 40, true)];
    assert_eq!(vlans("x0"), PortVlans::new(id("x0"), of_port, Some(10)));
    assert_eq!(vlans("br0"), PortVlans::new(id("br0"), [range(7, 7, true), range(10, 10, false)], Some(7)));
}
