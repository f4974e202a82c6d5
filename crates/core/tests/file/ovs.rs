//! Switches of Open vSwitch: what the file means, what of it is a mistake, and what becomes of it.

use expect_test::{Expect, expect};
use indexmap::IndexMap;
use netsim_core::given::{Prior, give};
use netsim_core::lower::lower;
use netsim_core::names::HostId;
use netsim_core::resource::Resource;
use netsim_core::spec;
use netsim_core::state::HostFacts;
use netsim_core::testing::show;

use crate::show::{check_lab, load_files, told};

/// What of a lab's resources is of Open vSwitch, or says how a device treats packets.
fn lowered(text: &str, expect: Expect) {
    let (_, topology) = spec::load("lab.yaml", &mut |_| Ok(format!("name: t\n{text}")), &IndexMap::new());
    let topology = topology.expect("a sound file");
    let given = give(&topology, &Prior::default()).expect("names and addresses");
    let desired = lower(&topology, &given, &HostFacts::default()).expect("a sound lab");
    let about = |r: &Resource| matches!(r, Resource::Ovs(_) | Resource::Qdisc(_) | Resource::Tuning(_));
    let lines = desired[&HostId::local()].iter().filter(|(_, r)| about(r)).map(|(_, r)| show(r) + "\n");
    expect.assert_eq(&lines.collect::<String>());
}

#[test]
fn a_switch_of_open_vswitch_says_how_it_works() {
    check_lab(
        r#"nodes:
  a[1-3]: {}
  sw:
    kind: ovs
    datapath: netdev
    fail-mode: secure
    rstp: true
    forward-delay: 4s
    ageing: 60s
    protocols: [OpenFlow13, OpenFlow15]
    controller: "tcp:192.0.2.1:6653"
    other-config: { mac-table-size: 100, disable-in-band: true, datapath-id: 0x1f }
    ipv4: 10.0.0.254/24
    interfaces: { in0: { internal: true, vlan: 10, ipv4: 10.10.0.254/24 } }
    mirrors: [{ from: "a[1-2]", to: a3 }, { to: "a3:eth0", direction: in, name: all-in }]
links:
  - { endpoints: ["a[1-2]", sw], policing: 10mbit }
  - { endpoints: [a3, { node: sw, policing: { rate: 1mbit, burst: 100kbit } }] }
"#,
        expect![[r#"
            t "t-" Written
            a1: namespace
            a2: namespace
            a3: namespace
            sw: ovs in-host has 10.0.0.254/24 forward-delay 400 ageing 6000 Netdev fail-mode Secure rstp OpenFlow13 OpenFlow15 tcp:192.0.2.1:6653 datapath-id="0x1f" disable-in-band="true" mac-table-size="100" mirror mirror0 of a1-sw a2-sw Both to a3-sw mirror all-in of all In to a3-sw
              in0: Internal { port: PortWritten { vlan: Some(10), trunk: None, native: None, hairpin: None, isolated: None, learning: None, policing: None } } 10.10.0.254/24
            a1 -- sw
            a2 -- sw
            a3:eth0 -- sw
        "#]],
    );
}

#[test]
fn ports_are_in_vlans_as_those_of_a_bridge_of_the_kernel() {
    lowered(
        r#"nodes: { a: {}, b: {}, c: {}, d: {}, e: {}, sw: { kind: ovs, vlan: 5, ipv4: 10.0.0.1/24, interfaces: { in0: { internal: true }, in1: { internal: true, vlan: 7 } } } }
links:
  - { endpoints: [a, sw], vlan: 10, isolated: true }
  - { endpoints: [b, sw], trunk: [10, 20-21] }
  - { endpoints: [c, sw], trunk: [20], native: 10 }
  - { endpoints: [d, sw], trunk: all }
  - { endpoints: [e, sw] }
"#,
        expect![[r#"
            ovs-bridge sw,mac=02:c8:21:b6:3d:76,tag=5
            ovs-port t-a-eth0 sw tag=10 mode=access protected
            ovs-port t-b-eth0 sw trunks=10/20/21 mode=trunk
            ovs-port t-c-eth0 sw tag=10 trunks=10/20 mode=native-untagged
            ovs-port t-d-eth0 sw mode=trunk
            ovs-port t-e-eth0 sw tag=1 mode=access
            ovs-port in0 sw internal=02:18:5a:0d:28:d5 tag=1 mode=access
            ovs-port in1 sw internal=02:18:5d:73:28:d5 tag=7 mode=access
        "#]],
    );
    lowered(
        "nodes: { a: {}, sw: { kind: ovs } }\nlinks: [{ endpoints: [a, sw] }]\n",
        expect![[r#"
        ovs-bridge sw,mac=02:c8:21:b6:3d:76
        ovs-port t-a-eth0 sw
    "#]],
    );
}

#[test]
fn a_rate_is_open_vswitchs_at_its_port_and_all_else_the_devices() {
    lowered(
        r#"nodes: { a: {}, b: {}, c: {}, sw: { kind: ovs, interfaces: { in0: { internal: true, rate: 1mbit } } } }
links:
  - { endpoints: [a, sw], rate: 10mbit, policing: 5mbit }
  - { endpoints: [b, sw], rate: 10mbit, limit: 100 }
  - { endpoints: [c, { node: sw, delay: 1ms }] }
"#,
        expect![[r#"
            ovs-bridge sw,mac=02:c8:21:b6:3d:76
            netem t-a/eth0 rate=1250000
            ovs-port t-a-eth0 sw policing=5000
            ovs-qos t-a-eth0 10000000
            netem t-b/eth0 rate=1250000 limit=100
            ovs-port t-b-eth0 sw
            ovs-qos t-b-eth0 noop
            netem host/t-b-eth0 rate=1250000 limit=100
            ovs-port t-c-eth0 sw
            ovs-qos t-c-eth0 noop
            netem host/t-c-eth0 delay=1000000 limit=1834
            ovs-port in0 sw internal=02:18:5a:0d:28:d5
            ovs-qos in0 noop
            netem host/in0 rate=125000
        "#]],
    );
}

#[test]
fn switches_of_one_datapath_are_joined_without_a_device_and_others_by_a_pair() {
    lowered(
        r#"nodes: { s: { kind: ovs }, t: { kind: ovs }, u: { kind: ovs, datapath: netdev }, k: { kind: bridge } }
links: [{ endpoints: [s, t], vlan: 10 }, { endpoints: [t, u] }, { endpoints: [u, k] }]
"#,
        expect![[r#"
            ovs-bridge s,mac=02:65:1a:18:1d:ae,tag=1
            ovs-bridge t,mac=02:44:ff:ea:36:b1,tag=1
            ovs-port t-t-s s patch=t-s-t tag=10 mode=access
            ovs-port t-s-t t patch=t-t-s tag=10 mode=access
            ovs-bridge u,netdev,mac=02:a2:e8:e4:2e:59
            ovs-port t-u-t t tag=1 mode=access
            tune host/t-u-t tx-checksum off
            ovs-port t-t-u u
            ovs-port t-k-u u
            tune t-k/u-k tx-checksum off
        "#]],
    );
}

#[test]
fn mirrors_flows_and_times_become_what_open_vswitch_has() {
    lowered(
        r#"nodes:
  a[1-3]: {}
  sw:
    kind: ovs
    stp: true
    forward-delay: 5s
    ageing: 15s
    flows: f
    mirrors: [{ to: a3 }, { to: a3, direction: out }, { from: [a1, a2], to: a3, direction: in }]
    interfaces: { in0: { internal: true } }
links: [{ endpoints: ["a[1-3]", sw] }]
"#,
        expect![[r#"
            ovs-bridge sw,mac=02:c8:21:b6:3d:76,stp,mac-aging-time=15,stp-forward-delay=5
            ovs-mirror sw mirror0 all to=t-a3-eth0
            ovs-mirror sw mirror1 out=in0/sw/t-a1-eth0/t-a2-eth0 to=t-a3-eth0
            ovs-mirror sw mirror2 in=t-a1-eth0/t-a2-eth0 to=t-a3-eth0
            ovs-flows sw 1623696842999408118
            ovs-port t-a1-eth0 sw
            ovs-port t-a2-eth0 sw
            ovs-port t-a3-eth0 sw
            ovs-port in0 sw internal=02:18:5a:0d:28:d5
        "#]],
    );
}

#[test]
fn a_file_of_flows_is_read_beside_the_file_that_names_it_and_kept() {
    let lab = "name: t\ninclude: [sub/more.yaml]\nnodes: { s: { kind: ovs, flows: one } }\n";
    let more = "nodes: { \"t[1-2]\": { kind: ovs, flows: \"f[1-2]\" } }\ngroups: { g: { flows: ../one } }\n";
    let files = [
        ("lab.yaml", lab),
        ("sub/more.yaml", more),
        ("one", "1"),
        ("sub/../one", "1"),
        ("sub/f1", "2"),
        ("sub/f2", "3"),
    ];
    let (sources, topology) = load_files(&files, &[]);
    let flows = |t: &netsim_core::topology::Topology| -> Vec<String> {
        t.graph
            .node_weights()
            .map(|n| match &n.kind {
                netsim_core::topology::Kind::Ovs(_, ovs) => format!("{} {:?}", n.name, ovs.flows),
                _ => n.name.to_string(),
            })
            .collect()
    };
    let expected = ["t1 Some(\"2\")", "t2 Some(\"3\")", "s Some(\"1\")"];
    assert_eq!(flows(&topology.expect("a sound file")), expected);
    assert_eq!(flows(&sources.reload().expect("it was read so")), expected);
}

#[test]
fn a_file_of_flows_that_cannot_be_read_is_told_where_it_is_named() {
    let files = [("lab.yaml", "name: t\nnodes: { s: { kind: ovs, flows: nowhere } }\n")];
    let (sources, problems) = load_files(&files, &[]);
    expect![[r#"
        E001 2:33 ⟨nowhere⟩ cannot read `nowhere`: no such file or directory
    "#]]
    .assert_eq(&told(&sources, &problems.expect_err("it is not there")));
}

#[test]
fn what_open_vswitch_cannot_do_is_told() {
    check_lab(
        r#"nodes:
  a: { datapath: netdev, flows: x, mirrors: [], other-config: {}, protocols: [], interfaces: { i: { internal: true } } }
  k: { kind: bridge, rstp: true, controller: "tcp:1" }
  b[1-3]: {}
  s:
    kind: ovs
    stp: true
    rstp: true
    ageing: 5s
    forward-delay: 4500ms
    protocols: [OpenFlow16, OpenFlow3]
    controller: [udp:1, "tcp:", "tcp:1 2"]
    other-config: { mac-agin-time: 60, hwaddr: x, stp-priority: 70000, forward-bpdu: yes, mac-aging-time: 60, x: 1, rstp-priority: 5 }
    interfaces: { in0: { internal: true, mtu: 1400, rps-cpus: 0 }, a-very-long-interface: { internal: true }, d0: { dummy: true }, in1: { internal: true, dummy: true } }
    lo: 10.9.9.9/32
    exec: [[true]]
    mirrors:
      - { from: b1, to: b1 }
      - { from: b9, to: b2 }
      - { from: k, to: b2, name: "a b" }
      - { from: [], to: b2, name: m }
      - { to: t, name: m }
      - { to: t }
      - { to: b3 }
      - { direction: both }
  t: { kind: ovs, fail-mode: open }
links:
  - { endpoints: ["b[1-2]", s], hairpin: true }
  - { endpoints: [b1, { node: s, learning: false }] }
  - { endpoints: [s, t], delay: 1ms, mtu: 1400 }
  - { endpoints: [s, { node: t, state: down, mac: "02:00:00:00:00:01", policing: 1mbit }] }
  - { endpoints: [b2, t], bond: { links: 2 } }
  - { endpoints: [b2, k], policing: 1mbit }
  - { endpoints: [t, { node: k, policing: { burst: 5 } }], macvlan: bridge }
  - { endpoints: [b1, b2, b3], policing: 10 }
"#,
        expect![[r#"
            E010 26:9 ⟨{⟩ `to` is missing here
                 write `to: …`
            E007 27:30 ⟨open⟩ `fail-mode` cannot be `open`
                 write `standalone` or `secure`
            E010 35:33 ⟨policing⟩ `rate` is missing here
                 write `rate: …`
            E001 3:33 ⟨x⟩ cannot read `x`: no such file or directory
            E034 3:67 ⟨protocols⟩ a namespace takes no `protocols`
                 make it `kind: ovs`, or take the key away
            E034 3:36 ⟨mirrors⟩ a namespace takes no `mirrors`
                 make it `kind: ovs`, or take the key away
            E034 3:49 ⟨other-config⟩ a namespace takes no `other-config`
                 make it `kind: ovs`, or take the key away
            E034 3:18 ⟨netdev⟩ a namespace takes no `datapath`
                 make it `kind: ovs`, or take the key away
            E034 3:111 ⟨true⟩ an internal interface is one of Open vSwitch's, and this node is no switch of it
                 make the node `kind: ovs`, or the interface another kind
            E034 4:46 ⟨\"tcp:1\"⟩ a bridge takes no `controller`
                 make it `kind: ovs`, or take the key away
            E034 4:28 ⟨true⟩ a bridge takes no `rstp`
                 make it `kind: ovs`, or take the key away
            E183 12:17 ⟨OpenFlow16⟩ `OpenFlow16` is no version of OpenFlow
                 did you mean `OpenFlow10`?
            E183 12:29 ⟨OpenFlow3⟩ `OpenFlow3` is no version of OpenFlow
                 did you mean `OpenFlow13`?
            E183 13:18 ⟨udp:1⟩ `udp:1` is no way to a controller
                 write tcp:ADDRESS:PORT, ssl:ADDRESS:PORT, unix:PATH, or ptcp:PORT where the bridge listens
            E183 13:25 ⟨\"tcp:\"⟩ `tcp:` is no way to a controller
                 write tcp:ADDRESS:PORT, ssl:ADDRESS:PORT, unix:PATH, or ptcp:PORT where the bridge listens
            E183 13:33 ⟨\"tcp:1 2\"⟩ `tcp:1 2` is no way to a controller
                 write tcp:ADDRESS:PORT, ssl:ADDRESS:PORT, unix:PATH, or ptcp:PORT where the bridge listens
            E182 14:21 ⟨mac-agin-time⟩ a bridge of Open vSwitch has no setting `mac-agin-time`
                 did you mean `mac-aging-time`?
            E182 14:40 ⟨hwaddr⟩ `hwaddr` is netsim's to set
                 take it away; the bridge has an Ethernet address of its own, the same at every run
            E182 14:65 ⟨70000⟩ `stp-priority` cannot be `70000`
                 write a whole number from 0 to 65535
            E182 14:86 ⟨yes⟩ `forward-bpdu` cannot be `yes`
                 write `true` or `false`
            E182 14:111 ⟨x⟩ a bridge of Open vSwitch has no setting `x`
                 see `other_config` of the table Bridge in ovs-vswitchd.conf.db(5)
            E182 14:132 ⟨5⟩ `rstp-priority` cannot be `5`
                 write a multiple of 4096 from 0 to 61440
            E180 21:34 ⟨\"a b\"⟩ `a b` has characters that names do not have
                 write letters and digits
            E180 23:9 ⟨{⟩ there are two mirrors `m`
                 give one of them another name
            E040 11:20 ⟨4500ms⟩ Open vSwitch counts this in whole seconds, not 4500ms
                 take a multiple of 1s
            E040 10:13 ⟨5s⟩ a time of 5s is too short here
                 take at least 15s
            E185 9:11 ⟨true⟩ a bridge runs `stp` or `rstp`, not both
                 take one of them away
            E182 14:91 ⟨mac-aging-time⟩ `ageing` and `other-config: mac-aging-time` say the same
                 take one of them away
            E034 16:9 ⟨10.9.9.9/32⟩ a bridge of Open vSwitch takes no `lo`
                 take it away
            E034 17:5 ⟨exec⟩ a bridge in the machine's namespace takes no `exec`
                 run it from a node of its own; this bridge lives in the machine's namespace
            E186 15:47 ⟨1400⟩ an internal interface has the least MTU of its switch's ports
                 take it away
            E186 15:19 ⟨in0⟩ an internal interface takes no `rps-cpus`: its device is Open vSwitch's
                 take it away
            E012 15:68 ⟨a-very-long-interface⟩ `a-very-long-interface` is longer than the 15 bytes of a device's name
                 Open vSwitch makes the device by that name: take a shorter one
            E034 15:111 ⟨d0⟩ a bridge has no interfaces of its own, only ports that links make
                 write `vlan:` on the link of a port; other devices belong in a namespace or a router
            E044 15:162 ⟨true⟩ an interface is one thing, and here are `internal` and `dummy`
                 take one of them away
            E184 29:42 ⟨true⟩ a port of Open vSwitch has no `hairpin`
                 take it away, or write it at the endpoint of a bridge of the kernel
            E184 30:44 ⟨false⟩ a port of Open vSwitch has no `learning`
                 take it away, or write it at the endpoint of a bridge of the kernel
            E043 33:5 ⟨{⟩ a port of Open vSwitch is no `bond` of the kernel
                 link it by one pair, or make the bridge one of the kernel
            E184 34:37 ⟨1mbit⟩ `policing` is a setting of a port of Open vSwitch, and this link has none
                 take it away, or make the bridge `kind: ovs`
            E043 35:5 ⟨{⟩ a `macvlan` stands on a NIC of the machine, and here is none
                 write the NIC as one of the endpoints: `host:eth1`
            E039 36:42 ⟨10⟩ `10` has no unit
                 write it with a unit, as 100mbit or 1gbit; bps is bytes a second, as for tc
            E181 31:43 ⟨1400⟩ `mtu` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 32:51 ⟨\"02:00:00:00:00:01\"⟩ `mac` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 32:82 ⟨1mbit⟩ `policing` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 31:33 ⟨1ms⟩ `delay` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 32:40 ⟨down⟩ `state` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E180 19:25 ⟨b1⟩ `b1` is behind 2 ports of `s`
                 write one of them, as `node:eth1`
            E013 20:17 ⟨b9⟩ there is no node `b9`
                 did you mean `b1`?
            E180 22:11 ⟨from⟩ the mirror `m` copies nothing
                 write `all`, or some nodes
            E180 24:15 ⟨t⟩ `t` is behind 2 ports of `s`
                 write one of them, as `node:eth1`
            E033 32:5 ⟨{⟩ this link closes a circle of bridges between `s` and `t`: frames would run round it for ever
                 take one link out of the circle, or write `stp: true` on all bridges of it
        "#]],
    );
}

#[test]
fn mirrors_of_nothing_and_patch_ports_with_devices_settings_are_told() {
    check_lab(
        r#"defaults: { link: { mtu: 1400, delay: 1ms }, node: { mtu: 1300 } }
nodes:
  b[1-3]: {}
  k: { kind: bridge }
  s:
    kind: ovs
    mirrors:
      - { from: b1, to: b1 }
      - { from: b9, to: b2 }
      - { from: k, to: b2 }
      - { from: [], to: b2 }
      - { to: t }
      - { to: b3 }
      - { to: "b3:eth1" }
      - { to: "b3:eth7" }
  t: { kind: ovs }
links:
  - { endpoints: ["b[1-2]", s] }
  - { endpoints: [b3, s] }
  - { endpoints: [b3, s] }
  - { endpoints: [k, b1] }
  - { endpoints: [s, t], rate: 1mbit, mtu: 1400, queues: 2 }
  - { endpoints: [s, { node: t, vlan: 9, state: down, mac: "02:00:00:00:00:01", policing: 1mbit }] }
"#,
        expect![[r#"
            E181 23:44 ⟨1400⟩ `mtu` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 24:60 ⟨\"02:00:00:00:00:01\"⟩ `mac` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 24:91 ⟨1mbit⟩ `policing` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 23:32 ⟨1mbit⟩ `rate` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E181 24:49 ⟨down⟩ `state` is a setting of a device, and this link has none: it is a pair of patch ports
                 write it on the links of the nodes, or put a bridge of the kernel between the two switches
            E180 9:17 ⟨b1⟩ the mirror `mirror0` would copy its own copies
                 leave the port that it sends to out of `from`
            E013 10:17 ⟨b9⟩ there is no node `b9`
                 did you mean `b1`?
            E180 11:17 ⟨k⟩ no port of `s` leads to `k`
                 write what is behind a port: `b1`, `b2`, `b3` or `t`
            E180 12:11 ⟨from⟩ the mirror `mirror3` copies nothing
                 write `all`, or some nodes
            E180 13:15 ⟨t⟩ `t` is behind 2 ports of `s`
                 write one of them, as `node:eth1`
            E180 14:15 ⟨b3⟩ `b3` is behind 2 ports of `s`
                 write one of them, as `node:eth1`
            E180 16:15 ⟨\"b3:eth7\"⟩ no port of `s` leads to `b3:eth7`
                 write what is behind a port: `b1`, `b2`, `b3` or `t`
        "#]],
    );
}

#[test]
fn what_runs_keeps_its_names_and_addresses() {
    let text = "name: t\nnodes: { \"a[1-3]\": {}, s: { kind: ovs }, another-long-name: { kind: ovs }, u: { kind: ovs, datapath: netdev } }\nlinks:\n  - { endpoints: [\"a[1-3]\", s] }\n  - { endpoints: [s, another-long-name], vlan: 10 }\n  - { endpoints: [s, another-long-name], vlan: 11 }\n  - { endpoints: [another-long-name, u] }\n";
    let (_, topology) = spec::load("lab.yaml", &mut |_| Ok(text.to_owned()), &IndexMap::new());
    let topology = topology.expect("a sound file");
    let given = give(&topology, &Prior::default()).expect("names and addresses");
    let desired = lower(&topology, &given, &HostFacts::default()).expect("a sound lab");
    let prior = Prior::from_state(&desired[&HostId::local()]);
    assert_eq!(give(&topology, &prior).expect("the same again"), given);
    let more = text
        .replace("links:\n", "links:\n  - { endpoints: [a2, another-long-name] }\n")
        .replace("[s, another-long-name], vlan: 10", "[a1, s]");
    let (_, topology) = spec::load("lab.yaml", &mut |_| Ok(more.clone()), &IndexMap::new());
    let topology = topology.expect("a sound file");
    let then = give(&topology, &prior).expect("names and addresses");
    let of = |given: &netsim_core::given::Given, edge: usize| given.ends[edge].clone();
    // The links to the nodes are there still, one further down the file.
    assert_eq!([of(&then, 1), of(&then, 2), of(&then, 3)], [of(&given, 0), of(&given, 1), of(&given, 2)]);
}

#[test]
fn an_address_of_ipv6_on_the_bridge_needs_ports_that_are_wide_enough() {
    let text =
        "name: t\nnodes: { a: {}, s: { kind: ovs, ipv6: fd00::1/64 } }\nlinks: [{ endpoints: [a, s], mtu: 1200 }]\n";
    let (_, topology) = spec::load("lab.yaml", &mut |_| Ok(text.to_owned()), &IndexMap::new());
    let topology = topology.expect("a sound file");
    let given = give(&topology, &Prior::default()).expect("names and addresses");
    let problems = lower(&topology, &given, &HostFacts::default()).expect_err("IPv6 would be dropped");
    assert_eq!(problems.iter().map(|p| p.code.to_string()).collect::<Vec<_>>(), ["E061"]);
}

#[test]
fn more_than_a_bridge_of_the_kernel_takes_is_no_limit() {
    check_lab_is_sound("nodes: { \"n[1-1100]\": {}, s: { kind: ovs } }\nlinks: [{ endpoints: [\"n[1-1100]\", s] }]\n");
}

fn check_lab_is_sound(text: &str) {
    let (_, topology) = spec::load("lab.yaml", &mut |_| Ok(format!("name: t\n{text}")), &IndexMap::new());
    assert_eq!(topology.map(|t| t.graph.node_count()).expect("a sound file"), 1101);
}
