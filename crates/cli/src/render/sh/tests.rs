//! Scripts for every kind of resource.

use std::net::IpAddr;

use expect_test::{Expect, expect};
use netsim_core::names::{IfName, LabName, Mac, NetnsName, NodeName};
use netsim_core::resource::{
    Bond, BondMode, Bridge, Datapath, Device, DeviceId, Df, Distribution, End, Fdb, Gre, IpvlanMode, Knob, Loss,
    MacvlanMode, MirrorFrom, Neighbour, Netem, Netns, NetnsId, Ovs, OvsBridge, OvsFlows, OvsMirror, OvsPort,
    OvsPortKind, OvsQos, OvsTunnel, OvsTunnelKind, Port, PortSettings, PortVlans, Qdisc, QdiscKind, Resource, Single,
    SingleKind, Tbf, Tuning, Veth, VlanMode, VlanProtocol, VlanRange, Vxlan,
};
use netsim_core::state::{HostState, Observed};
use netsim_core::units::share;

use super::script;
use crate::planned::Planned;

mod tunnels;

fn id(netns: &str, name: &str) -> DeviceId {
    let netns = match netns {
        "host" => NetnsId::Host,
        named => NetnsId::Named(NetnsName::new(named).expect("a name")),
    };
    DeviceId { netns, name: IfName::new(name).expect("a name") }
}

fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

fn netns(name: &str) -> Resource {
    Resource::Netns(Netns::new(NetnsName::new(name).expect("a name"), NodeName::new(name).expect("a name")))
}

fn single(name: &str, last: u8, kind: SingleKind) -> Resource {
    let (mac, mtu) = (kind.has_mac().then(|| mac(last)), kind.has_mtu().then_some(1500));
    Resource::Device(Device::Single(Box::new(Single {
        id: id("a", name),
        mac,
        mtu,
        link_local: false,
        full_name: None,
        kind,
    })))
}

fn veth(a: DeviceId, b: DeviceId, change: impl FnOnce(&mut End)) -> Resource {
    let (mut a, b) = (End::new(a, mac(1)), End::new(b, mac(2)));
    change(&mut a);
    Resource::Device(Device::Veth(Veth::new(a, b)))
}

fn qdisc(kind: QdiscKind) -> Resource {
    Resource::Qdisc(Qdisc { device: id("a", "eth0"), kind })
}

fn netem(change: impl FnOnce(&mut Netem)) -> Resource {
    let mut netem = Netem { limit: 1000, ..Netem::default() };
    change(&mut netem);
    qdisc(QdiscKind::Netem(Box::new(netem)))
}

fn vlans(device: DeviceId, ranges: &[(u16, u16, bool)], pvid: u16) -> Resource {
    let range = |&(first, last, untagged)| VlanRange { first, last, untagged };
    Resource::PortVlans(PortVlans::new(device, ranges.iter().map(range), Some(pvid)))
}

fn tuning(knob: Knob, value: &str) -> Resource {
    Resource::Tuning(Tuning { device: id("a", "eth0"), knob, value: value.into() })
}

/// The commands from one state to another, without what is around them.
fn check(from: &[Resource], to: &[Resource], expected: &Expect) {
    let lab = LabName::new("t").expect("a name");
    let ours: HostState = from.iter().cloned().collect();
    let observed = Observed { ours, ..Observed::default() };
    let plan = Planned::between(&lab, &to.iter().cloned().collect(), &observed).expect("nothing is in the way");
    let script = script(&plan, None);
    let commands = script.lines().skip_while(|line| !line.is_empty()).filter(|l| !l.is_empty() && !l.starts_with('#'));
    expected.assert_eq(&commands.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn every_kind_of_device_is_made_with_all_that_it_is() {
    let host = veth(id("a", "eth0"), id("host", "b"), |end| {
        (end.queues, end.tx_queue_len, end.full_name) = (4, 500, Some("a-longer-name-of-it".into()));
    });
    let bridge =
        Bridge { stp: true, forward_delay: 400, ageing: 0, vlan_filtering: true, ..Bridge::new(id("a", "br"), mac(3)) };
    let parent = || id("host", "b");
    let all = [
        netns("a"),
        host,
        Resource::Device(Device::Bridge(bridge)),
        single("d", 4, SingleKind::Dummy),
        single("eth0.10", 5, SingleKind::Vlan { parent: id("a", "eth0").name, vid: 10, protocol: VlanProtocol::Q }),
        single("q", 6, SingleKind::Vlan { parent: id("a", "eth0").name, vid: 4094, protocol: VlanProtocol::Ad }),
        single("m", 7, SingleKind::Macvlan { parent: parent(), mode: MacvlanMode::Bridge }),
        single("i", 0, SingleKind::Ipvlan { parent: id("a", "d"), mode: IpvlanMode::L3s }),
        single("bond", 8, SingleKind::Bond(Bond { mode: BondMode::Lacp, miimon: 100 })),
        single("red", 9, SingleKind::Vrf { table: 100 }),
    ];
    check(
        &[],
        &all,
        &expect![[r#"
            ip netns add 'a'
            ip -n 'a' link set dev 'lo' alias 'netsim lab=t node=a'
            ip link add name 'b' address 02:00:00:00:00:02 mtu 1500 numtxqueues 1 numrxqueues 1 type veth peer name 'eth0' address 02:00:00:00:00:01 mtu 1500 numtxqueues 4 numrxqueues 4 txqueuelen 500 netns 'a'
            ip link set dev 'b' group 1419200993 $quiet
            ip -n 'a' link set dev 'eth0' group 1419200993 $quiet
            ip -n 'a' link property add dev 'eth0' altname 'a-longer-name-of-it'
            ip -n 'a' link add name 'bond' address 02:00:00:00:00:08 mtu 1500 type bond mode 802.3ad miimon 100
            ip -n 'a' link set dev 'bond' group 1419200993 $quiet
            ip -n 'a' link add name 'br' address 02:00:00:00:00:03 type bridge mcast_snooping 0 forward_delay 400 stp_state 1 ageing_time 0 vlan_filtering 1 vlan_default_pvid 0
            ip -n 'a' link set dev 'br' group 1419200993 $quiet
            ip -n 'a' link add name 'd' address 02:00:00:00:00:04 mtu 1500 type dummy
            ip -n 'a' link set dev 'd' group 1419200993 $quiet
            ip -n 'a' link add name 'red' address 02:00:00:00:00:09 type vrf table 100
            ip -n 'a' link set dev 'red' group 1419200993 $quiet
            ip -n 'a' link add link 'eth0' name 'eth0.10' address 02:00:00:00:00:05 mtu 1500 type vlan protocol 802.1Q id 10
            ip -n 'a' link set dev 'eth0.10' group 1419200993 $quiet
            ip -n 'a' link add link 'd' name 'i' mtu 1500 type ipvlan mode l3s
            ip -n 'a' link set dev 'i' group 1419200993 $quiet
            ip link add link 'b' name 'ns-5d92fe04bfa8' address 02:00:00:00:00:07 mtu 1500 netns 'a' type macvlan mode bridge
            ip -n 'a' link set dev 'ns-5d92fe04bfa8' name 'm'
            ip -n 'a' link set dev 'm' group 1419200993 $quiet
            ip -n 'a' link add link 'eth0' name 'q' address 02:00:00:00:00:06 mtu 1500 type vlan protocol 802.1ad id 4094
            ip -n 'a' link set dev 'q' group 1419200993 $quiet
        "#]],
    );
}

#[test]
fn what_a_kernel_changes_in_place_is_changed_in_place() {
    let link = || veth(id("a", "eth0"), id("a", "eth1"), |_| {});
    let bridge = |change: fn(&mut Bridge)| {
        let mut bridge = Bridge::new(id("a", "br"), mac(3));
        change(&mut bridge);
        Resource::Device(Device::Bridge(bridge))
    };
    let macvlan = |mode| single("m", 7, SingleKind::Macvlan { parent: id("a", "eth0"), mode });
    let bond = |miimon| single("bond", 8, SingleKind::Bond(Bond { mode: BondMode::BalanceRr, miimon }));
    let port = |settings| Resource::Port(Port { settings, ..Port::new(id("a", "eth1"), id("a", "br").name) });
    let was =
        [netns("a"), link(), bridge(|_| {}), macvlan(MacvlanMode::Bridge), bond(0), port(PortSettings::default())];
    let is = [
        netns("a"),
        veth(id("a", "eth0"), id("a", "eth1"), |end| end.tx_queue_len = 10),
        bridge(|b| (b.vlan_filtering, b.stp) = (true, true)),
        macvlan(MacvlanMode::Private),
        bond(100),
        port(PortSettings { hairpin: true, isolated: true, learning: false }),
    ];
    check(
        &was,
        &is,
        &expect![[r#"
        ip -n 'a' link set dev 'bond' type bond miimon 100
        ip -n 'a' link set dev 'br' type bridge stp_state 1 vlan_filtering 1 vlan_default_pvid 0
        ip -n 'a' link set dev 'eth0' txqueuelen 10
        ip -n 'a' link set dev 'm' type macvlan mode private
        bridge -n 'a' link set dev 'eth1' hairpin on isolated on learning off
    "#]],
    );
}

#[test]
fn vlans_are_ranges_and_the_one_without_a_tag_stands_alone() {
    let (port, itself) = (id("a", "eth1"), id("a", "br"));
    let base = || {
        let bridge = Bridge { vlan_filtering: true, ..Bridge::new(id("a", "br"), mac(3)) };
        let link = veth(id("a", "eth0"), id("a", "eth1"), |_| {});
        vec![
            netns("a"),
            link,
            Resource::Device(Device::Bridge(bridge)),
            Resource::Port(Port::new(id("a", "eth1"), id("a", "br").name)),
        ]
    };
    let was = [base(), vec![vlans(port.clone(), &[(1, 20, false)], 1)]].concat();
    check(
        &base(),
        &was,
        &expect![[r#"
        bridge -n 'a' vlan add dev 'eth1' vid 1 pvid
        bridge -n 'a' vlan add dev 'eth1' vid 2-20
    "#]],
    );
    let is = [base(), vec![vlans(port, &[(10, 20, false), (30, 30, true)], 30), vlans(itself, &[(10, 10, true)], 10)]]
        .concat();
    check(
        &was,
        &is,
        &expect![[r#"
        bridge -n 'a' vlan add dev 'br' vid 10 pvid untagged self
        bridge -n 'a' vlan del dev 'eth1' vid 1
        bridge -n 'a' vlan del dev 'eth1' vid 2-9
        bridge -n 'a' vlan add dev 'eth1' vid 30 pvid untagged
    "#]],
    );
    check(
        &is,
        &base(),
        &expect![[r#"
        bridge -n 'a' vlan del dev 'eth1' vid 10-20
        bridge -n 'a' vlan del dev 'eth1' vid 30
        bridge -n 'a' vlan del dev 'br' vid 10 self
    "#]],
    );
}

#[test]
fn an_impairment_is_said_whole() {
    let base = || vec![netns("a"), veth(id("a", "eth0"), id("a", "eth1"), |_| {})];
    let with = |qdisc: Resource| [base(), vec![qdisc]].concat();
    let slow = with(netem(|n| (n.delay, n.jitter) = (10_000_000, 1_500)));
    check(
        &base(),
        &slow,
        &expect![[r#"
            tc -n 'a' qdisc replace dev 'eth0' root handle 6e40: netem limit 1000 delay 10ms 1.500us
        "#]],
    );
    let bad = with(netem(|n| {
        (n.delay, n.jitter, n.distribution) = (10_000_001, 1_000_000, Distribution::Pareto);
        n.loss = Loss::GilbertElliott { p: share(1.0), r: share(10.0), h: share(70.0), k: share(0.1) };
        (n.duplicate, n.corrupt, n.reorder) = (share(0.5), share(0.01), share(25.0));
        (n.rate, n.limit, n.ecn, n.seed) = (12_500_000, 20, true, Some(7));
    }));
    check(
        &slow,
        &bad,
        &expect![[r#"
            tc -n 'a' qdisc del dev 'eth0' root
            tc -n 'a' qdisc replace dev 'eth0' root handle 6e4a: netem limit 20 delay 10000.001us 1ms distribution pareto loss gemodel 1% 10% 70% 0.1% duplicate 0.5% corrupt 0.01% reorder 25% rate 100mbit ecn seed 7
        "#]],
    );
    check(
        &bad,
        &with(netem(|n| {
            (n.delay, n.jitter, n.distribution, n.seed, n.ecn) = (1, 1, Distribution::Pareto, Some(7), true)
        })),
        &expect![[r#"
            tc -n 'a' qdisc replace dev 'eth0' root handle 6e4a: netem limit 1000 delay 0.001us 0.001us distribution pareto duplicate 0% corrupt 0% reorder 0% rate 0bit ecn seed 7
        "#]],
    );
    let marked = with(netem(|n| n.ecn = true));
    check(
        &marked,
        &with(netem(|n| n.loss = Loss::Random(share(1.0)))),
        &expect![[r#"
            tc -n 'a' qdisc del dev 'eth0' root
            tc -n 'a' qdisc replace dev 'eth0' root handle 6e40: netem limit 1000 loss random 1%
        "#]],
    );
    let tbf = with(qdisc(QdiscKind::Tbf(Tbf { rate: 1_250_000, buffer: 192_000, limit: 62_500 })));
    check(
        &with(qdisc(QdiscKind::Other("fq".into()))),
        &tbf,
        &expect![[r#"
            tc -n 'a' qdisc replace dev 'eth0' root handle 6e44: tbf rate 10mbit burst 15360 limit 62500
        "#]],
    );
    check(
        &tbf,
        &base(),
        &expect![[r#"
        tc -n 'a' qdisc del dev 'eth0' root
    "#]],
    );
}

#[test]
fn a_setting_of_a_device_is_noted_on_it_and_put_back() {
    let base = || vec![netns("a"), veth(id("a", "eth0"), id("a", "eth1"), |_| {})];
    let set = |all: Vec<Resource>| [base(), all].concat();
    let was = set(vec![tuning(Knob::RpsCpus, "0-3,8"), tuning(Knob::Gso, "off")]);
    check(
        &base(),
        &was,
        &expect![[r#"
        ip netns exec 'a' sh -c 'for queue in /sys/class/net/"$1"/queues/rx-*/rps_cpus; do echo "$2" > "$queue"; done' sh 'eth0' 10f
        ip -n 'a' link property add dev 'eth0' altname 'tuned=eth0:rps-cpus'
        ip netns exec 'a' ethtool -K 'eth0' tx-generic-segmentation off
        ip -n 'a' link property add dev 'eth0' altname 'tuned=eth0:gso'
    "#]],
    );
    check(
        &was,
        &set(vec![tuning(Knob::RpsCpus, "1")]),
        &expect![[r#"
        ip netns exec 'a' ethtool -K 'eth0' tx-generic-segmentation on
        ip -n 'a' link property del dev 'eth0' altname 'tuned=eth0:gso'
        ip netns exec 'a' sh -c 'for queue in /sys/class/net/"$1"/queues/rx-*/rps_cpus; do echo "$2" > "$queue"; done' sh 'eth0' 2
    "#]],
    );
}

fn ovs_bridge(name: &str, change: impl FnOnce(&mut OvsBridge)) -> Resource {
    let mut bridge = OvsBridge::new(IfName::new(name).expect("a name"), NodeName::new(name).expect("a name"), mac(9));
    change(&mut bridge);
    Resource::Ovs(Ovs::Bridge(Box::new(bridge)))
}

fn ovs_port(name: &str, kind: OvsPortKind, change: impl FnOnce(&mut OvsPort)) -> Resource {
    let [name, bridge] = [name, "sw"].map(|name| IfName::new(name).expect("a name"));
    let mut port = OvsPort::new(name, bridge, kind);
    change(&mut port);
    Resource::Ovs(Ovs::Port(Box::new(port)))
}

#[test]
fn what_follows_each_other_of_open_vswitch_is_one_transaction() {
    let name = |name| IfName::new(name).expect("a name");
    let base = || vec![netns("a"), veth(id("a", "eth0"), id("host", "p"), |_| {})];
    let with = |all: Vec<Resource>| [base(), all].concat();
    let qos = |rate| Resource::Ovs(Ovs::Qos(OvsQos { port: name("p"), max_rate: Some(rate) }));
    let was = with(vec![
        ovs_bridge("sw", |b| {
            (b.datapath, b.rstp) = (Datapath::Netdev, true);
            b.controllers.insert("tcp:192.0.2.1:6653".to_owned());
            b.other_config.insert("mac-aging-time".to_owned(), "a \"b\"".to_owned());
        }),
        ovs_port("p", OvsPortKind::Device, |p| {
            (p.tag, p.trunks, p.vlan_mode) = (Some(1), vec![1, 10], Some(VlanMode::NativeUntagged));
        }),
        ovs_port("desk", OvsPortKind::Internal { mac: mac(5) }, |p| p.policing_rate = 1000),
        qos(1_000_000),
        Resource::Ovs(Ovs::Flows(OvsFlows::new(name("sw"), "actions=NORMAL # it's\n"))),
        Resource::Ovs(Ovs::Mirror(Box::new(OvsMirror {
            bridge: name("sw"),
            name: "watch".into(),
            from: MirrorFrom::All,
            to: name("p"),
        }))),
    ]);
    check(
        &base(),
        &was,
        &expect![[r#"
            ovs-vsctl \
              -- add-br sw \
              -- set Bridge sw external_ids:netsim-lab=t external_ids:netsim-node=sw datapath_type=netdev rstp_enable=true 'other_config={mac-aging-time="a \"b\"",hwaddr="02:00:00:00:00:09"}' \
              -- --id=@r1 create Controller 'target="tcp:192.0.2.1:6653"' external_ids:netsim-lab=t \
              -- set Bridge sw 'controller=[@r1]' \
              -- add-port sw desk external_ids:netsim-lab=t \
              -- set Interface desk type=internal 'mac="02:00:00:00:00:05"' ingress_policing_rate=1000 \
              -- set Bridge sw 'external_ids:netsim-flows="155663ade11f96a6:"' \
              -- add-port sw p external_ids:netsim-lab=t tag=1 'trunks=[1,10]' vlan_mode=native-untagged \
              -- --id=@r2 get Port p \
              -- --id=@r3 create Mirror select_all=true 'select_src_port=[]' 'select_dst_port=[]' output_port=@r2 name=watch external_ids:netsim-lab=t \
              -- add Bridge sw mirrors @r3 \
              -- --id=@r4 create QoS type=linux-htb external_ids:netsim-lab=t external_ids:netsim-port=p other_config:max-rate=1000000 \
              -- set Port p qos=@r4
            printf '%s' 'actions=NORMAL # it'\''s
            ' | ovs-ofctl --bundle replace-flows 'sw' -
            ovs-appctl revalidator/purge
            ip link set dev 'sw' group 1419200993
            ip link set dev 'desk' group 1419200993
        "#]],
    );
    let is = with(vec![
        ovs_bridge("sw", |b| b.datapath = Datapath::Netdev),
        qos(2_000_000),
        ovs_port("p", OvsPortKind::Device, |_| {}),
    ]);
    check(
        &was,
        &is,
        &expect![[r#"
            ovs-vsctl \
              -- --id=@sw-watch get Mirror watch \
              -- --if-exists remove Bridge sw mirrors @sw-watch \
              -- --if-exists del-port sw desk \
              -- --if-exists remove Bridge sw external_ids netsim-flows \
              -- set Bridge sw rstp_enable=false 'other_config={hwaddr="02:00:00:00:00:09"}' 'controller=[]' \
              -- set Port p 'tag=[]' 'trunks=[]' 'vlan_mode=[]' \
              -- --if-exists destroy QoS p \
              -- clear Port p qos \
              -- --id=@r1 create QoS type=linux-htb external_ids:netsim-lab=t external_ids:netsim-port=p other_config:max-rate=2000000 \
              -- set Port p qos=@r1
            printf '%s' 'actions=NORMAL
            ' | ovs-ofctl --bundle replace-flows 'sw' -
            ovs-appctl revalidator/purge
        "#]],
    );
    check(
        &is,
        &base(),
        &expect![[r#"
        ovs-vsctl \
          -- --if-exists destroy QoS p \
          -- clear Port p qos \
          -- --if-exists del-br sw
    "#]],
    );
}
