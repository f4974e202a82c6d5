//! Tunnels in scripts.

use super::*;

fn address(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn a_vxlan(change: impl FnOnce(&mut Vxlan)) -> SingleKind {
    let mut vxlan = Vxlan { remote: Some(address(2)), ..Vxlan::new(4100, address(1)) };
    change(&mut vxlan);
    SingleKind::Vxlan(vxlan)
}

fn a_gre(change: impl FnOnce(&mut Gre)) -> Gre {
    let mut gre = Gre { local: address(1), remote: Some(address(2)), key: Some(7), ttl: 64, checksum: false };
    change(&mut gre);
    gre
}

fn fdb(mac: Mac, last: u8) -> Resource {
    Resource::Fdb(Fdb { device: id("a", "x"), mac, to: address(last) })
}

fn neighbour(last: u8) -> Resource {
    let address_within = IpAddr::from([10, 0, 99, 2]);
    Resource::Neighbour(Neighbour { device: id("a", "n"), address: address_within, to: address(last) })
}

#[test]
fn a_tunnel_is_made_where_its_underlay_is() {
    let six = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
    let in_host = match single("h", 5, a_vxlan(|v| (v.vni, v.df) = (4104, Df::Set))) {
        Resource::Device(Device::Single(single)) => {
            Resource::Device(Device::Single(Box::new(Single { id: id("host", "h"), ..*single })))
        }
        other => other,
    };
    let all = [
        netns("a"),
        single("v", 4, a_vxlan(|_| {})),
        single(
            "g",
            6,
            a_vxlan(|v| {
                (v.vni, v.port, v.remote, v.ttl) = (4102, 8472, Some(IpAddr::from([239, 1, 1, 1])), 4);
                (v.device, v.checksum) = (Some(IfName::new("eth1").expect("a name")), false);
            }),
        ),
        single(
            "s",
            7,
            a_vxlan(|v| {
                (v.vni, v.local, v.remote, v.checksum, v.df) = (4103, six(1), Some(six(2)), false, Df::Inherit);
            }),
        ),
        single("x", 8, a_vxlan(|v| (v.vni, v.remote, v.learning) = (4101, None, false))),
        in_host,
        fdb(Mac([0; 6]), 2),
        fdb(mac(9), 3),
        single("t", 10, SingleKind::Gretap(a_gre(|g| g.checksum = true))),
        single("p", 0, SingleKind::Gre(a_gre(|g| (g.local, g.remote, g.key) = (six(1), Some(six(2)), None)))),
        single("n", 0, SingleKind::Gre(a_gre(|g| (g.remote, g.key, g.ttl) = (None, Some(99), 0)))),
        neighbour(2),
    ];
    check(
        &[],
        &all,
        &expect![[r#"
            ip netns add 'a'
            ip -n 'a' link set dev 'lo' alias 'netsim lab=t node=a'
            ip link add name 'h' address 02:00:00:00:00:05 mtu 1500 type vxlan id 4104 dstport 4789 local 192.0.2.1 remote 192.0.2.2 learning udpcsum df set
            ip link set dev 'h' group 1419200993 $quiet
            ip link add name 'ns-f992fdf36cb2' address 02:00:00:00:00:06 mtu 1500 netns 'a' type vxlan id 4102 dstport 8472 local 192.0.2.1 group 239.1.1.1 dev 'eth1' ttl 4 learning noudpcsum
            ip -n 'a' link set dev 'ns-f992fdf36cb2' name 'g'
            ip -n 'a' link set dev 'g' group 1419200993 $quiet
            ip link add name 'ns-8f92fe0d6923' mtu 1500 group 1419200993 type gre local 192.0.2.1 key 99 ttl inherit
            ip link set dev 'ns-8f92fe0d6923' netns 'a' name 'n'
            ip -n 'a' link set dev 'n' group 1419200993 $quiet
            ip link add name 'ns-8b92fe2a48bd' mtu 1500 group 1419200993 type ip6gre local 2001:db8::1 remote 2001:db8::2 ttl 64 encaplimit none
            ip link set dev 'ns-8b92fe2a48bd' netns 'a' name 'p'
            ip -n 'a' link set dev 'p' group 1419200993 $quiet
            ip link add name 'ns-f192fe2d2be6' address 02:00:00:00:00:07 mtu 1500 netns 'a' type vxlan id 4103 dstport 4789 local 2001:db8::1 remote 2001:db8::2 learning noudpcsum udp6zerocsumtx udp6zerocsumrx df inherit
            ip -n 'a' link set dev 'ns-f192fe2d2be6' name 's'
            ip -n 'a' link set dev 's' group 1419200993 $quiet
            ip link add name 'ns-f392fe1ebc19' address 02:00:00:00:00:0a mtu 1500 group 1419200993 type gretap local 192.0.2.1 remote 192.0.2.2 key 7 ttl 64 csum
            ip link set dev 'ns-f392fe1ebc19' netns 'a' name 't'
            ip -n 'a' link set dev 't' group 1419200993 $quiet
            ip link add name 'ns-bf92fe24826b' address 02:00:00:00:00:04 mtu 1500 netns 'a' type vxlan id 4100 dstport 4789 local 192.0.2.1 remote 192.0.2.2 learning udpcsum
            ip -n 'a' link set dev 'ns-bf92fe24826b' name 'v'
            ip -n 'a' link set dev 'v' group 1419200993 $quiet
            ip link add name 'ns-bb92fe416205' address 02:00:00:00:00:08 mtu 1500 netns 'a' type vxlan id 4101 dstport 4789 local 192.0.2.1 nolearning udpcsum
            ip -n 'a' link set dev 'ns-bb92fe416205' name 'x'
            ip -n 'a' link set dev 'x' group 1419200993 $quiet
            bridge -n 'a' fdb append 00:00:00:00:00:00 dev 'x' dst 192.0.2.2 self permanent
            bridge -n 'a' fdb append 02:00:00:00:00:09 dev 'x' dst 192.0.2.3 self permanent
            ip -n 'a' neigh replace 10.0.99.2 lladdr 192.0.2.2 nud permanent dev 'n'
        "#]],
    );
}

#[test]
fn what_a_tunnel_is_told_is_changed_and_taken_back() {
    let was = [
        netns("a"),
        single("x", 8, a_vxlan(|_| {})),
        fdb(mac(9), 3),
        single("n", 0, SingleKind::Gre(a_gre(|g| g.remote = None))),
        neighbour(2),
    ];
    let is = [
        netns("a"),
        single("x", 8, a_vxlan(|v| (v.remote, v.ttl) = (Some(address(4)), 9))),
        single("n", 0, SingleKind::Gre(a_gre(|g| (g.remote, g.ttl) = (None, 9)))),
        neighbour(3),
    ];
    check(
        &was,
        &is,
        &expect![[r#"
        bridge -n 'a' fdb del 02:00:00:00:00:09 dev 'x' dst 192.0.2.3 self
        ip -n 'a' link set dev 'n' mtu 1500 type gre ttl 9
        ip -n 'a' link set dev 'x' mtu 1500 type vxlan id 4100 remote 192.0.2.4 ttl 9 learning
        ip -n 'a' neigh replace 10.0.99.2 lladdr 192.0.2.3 nud permanent dev 'n'
    "#]],
    );
    check(
        &is,
        &was[..1],
        &expect![[r#"
        ip -n 'a' link del dev 'n'
        ip -n 'a' link del dev 'x'
    "#]],
    );
}

#[test]
fn a_tunnel_of_open_vswitch_is_a_port_with_options() {
    let tunnel = |kind, key, remote, df| {
        OvsPortKind::Tunnel(OvsTunnel {
            kind,
            local: address(1),
            remote: address(remote),
            key,
            ttl: 0,
            checksum: false,
            df,
        })
    };
    let base = || vec![ovs_bridge("sw", |_| {})];
    let with = |all: Vec<Resource>| [base(), all].concat();
    let was = with(vec![
        ovs_port("v", tunnel(OvsTunnelKind::Vxlan { port: 4789 }, Some(4100), 2, true), |p| p.protected = true),
        ovs_port("e", tunnel(OvsTunnelKind::Geneve { port: 6082 }, Some(4101), 3, false), |_| {}),
        ovs_port("g", tunnel(OvsTunnelKind::Gre, None, 4, true), |_| {}),
    ]);
    check(
        &base(),
        &was,
        &expect![[r#"
        ovs-vsctl \
          -- add-port sw e external_ids:netsim-lab=t \
          -- set Interface e type=geneve 'options={csum=false,df_default=false,dst_port=6082,key=4101,local_ip=192.0.2.1,remote_ip=192.0.2.3}' \
          -- add-port sw g external_ids:netsim-lab=t \
          -- set Interface g type=gre 'options={csum=false,df_default=true,local_ip=192.0.2.1,remote_ip=192.0.2.4}' \
          -- add-port sw v external_ids:netsim-lab=t protected=true \
          -- set Interface v type=vxlan 'options={csum=false,df_default=true,dst_port=4789,key=4100,local_ip=192.0.2.1,remote_ip=192.0.2.2}'
    "#]],
    );
    let is = with(vec![
        ovs_port("v", tunnel(OvsTunnelKind::Vxlan { port: 4789 }, Some(4200), 5, true), |_| {}),
        ovs_port("e", tunnel(OvsTunnelKind::Geneve { port: 6082 }, Some(4101), 3, true), |_| {}),
    ]);
    check(
        &was,
        &is,
        &expect![[r#"
            ovs-vsctl \
              -- --if-exists del-port sw g \
              -- --if-exists del-port sw v \
              -- set Interface e type=geneve 'options={csum=false,df_default=true,dst_port=6082,key=4101,local_ip=192.0.2.1,remote_ip=192.0.2.3}' \
              -- add-port sw v external_ids:netsim-lab=t \
              -- set Interface v type=vxlan 'options={csum=false,df_default=true,dst_port=4789,key=4200,local_ip=192.0.2.1,remote_ip=192.0.2.5}'
        "#]],
    );
}
