//! Mistakes in what is said of kinds of links, VLANs, impairments and interfaces: each is told, where it stands, with what to do.

use expect_test::expect;

use crate::show::check_lab;

#[test]
fn quantities_without_units_and_out_of_range_are_told() {
    check_lab(
        r#"nodes: { a: { interfaces: { b0: { bond: { members: [eth0], miimon: 1500us } } } }, b: {}, s: { kind: bridge, stp: true, forward-delay: 1s, ageing: 15ms }, t: { kind: bridge, stp: yes, forward-delay: 31s } }
links:
  - { endpoints: [a, b], delay: 10, jitter: ms, loss: 1, duplicate: 101%, corrupt: -1%, reorder: x%, rate: 100, limit: 0 }
  - { endpoints: [a, b], delay: 2h, loss: { p: 1, r: 200%, 1-h: 1%, h: 1% }, rate: 1bit, seed: -1, ecn: 1 }
  - { endpoints: [a, b], delay: 3601s, loss: {}, rate: 11tbit, txqueuelen: 1000001, queues: 0, rps-cpus: 3-1, xps-cpus: [0, 9999] }
  - { endpoints: [a, s], vlan: 4095, distribution: gauss, state: off, offloads: { gso: false, lro: off } }
  - { endpoints: [a, s], trunk: [10, 0, x] }
  - { endpoints: [b, s], trunk: [] }
  - { endpoints: [b, s], trunk: [10], native: 0 }
  - { endpoints: [a, b], bond: { links: 1 } }
  - { endpoints: [a, b], bond: { links: 2, mode: lacp, miimon: 61s } }
  - { endpoints: [a, b], queues: 5000 }
"#,
        expect![[r#"
            E006 2:180 ⟨yes⟩ `stp` is `true` or `false`, not `yes`
            E004 5:69 ⟨h⟩ unknown key `h`
                 write one of `1-h`, `1-k`, `p` or `r`; keys of your own begin with `x-`
            E006 5:96 ⟨-1⟩ `seed` is a whole number, not `-1`
            E006 5:105 ⟨1⟩ `ecn` is `true` or `false`, not `1`
            E010 6:40 ⟨loss⟩ `p` is missing here
                 write `p: …`
            E007 7:52 ⟨gauss⟩ `distribution` cannot be `gauss`
                 write `uniform`, `normal`, `pareto` or `paretonormal`
            E007 7:66 ⟨off⟩ `state` cannot be `off`
                 write `up` or `down`
            E007 7:88 ⟨false⟩ `gso` cannot be `false`
                 write `on` or `off`
            E004 7:95 ⟨lro⟩ unknown key `lro`
                 did you mean `gro`?
            E007 12:50 ⟨lacp⟩ `mode` cannot be `lacp`
                 write `balance-rr`, `active-backup`, `balance-xor`, `broadcast` or `802.3ad`
            E040 2:68 ⟨1500us⟩ this is counted in whole milliseconds, not 1500us
                 take a multiple of 1ms
            E040 2:136 ⟨1s⟩ a time of 1s is too short here
                 take at least 2s
            E040 2:148 ⟨15ms⟩ a bridge counts time in steps of 10ms, not 15ms
                 take a multiple of 10ms
            E041 2:200 ⟨31s⟩ `forward-delay` is how long ports wait under `stp`, and this bridge has none
                 write `stp: true` beside it
            E039 4:33 ⟨10⟩ `10` has no unit
                 write it with a unit, as 10ms, 100us or 1.5s
            E039 4:45 ⟨ms⟩ `ms` is no time
                 write it with a unit, as 10ms, 100us or 1.5s
            E039 4:55 ⟨1⟩ `1` has no unit
                 write it from 0% to 100%, with the sign, as 1% or 0.5%
            E040 4:69 ⟨101%⟩ 101% is more than all
                 take one from 0% to 100%
            E039 4:84 ⟨-1%⟩ `-1%` is no percentage
                 write it from 0% to 100%, with the sign, as 1% or 0.5%
            E039 4:98 ⟨x%⟩ `x%` is no percentage
                 write it from 0% to 100%, with the sign, as 1% or 0.5%
            E039 4:108 ⟨100⟩ `100` has no unit
                 write it with a unit, as 100mbit or 1gbit; bps is bytes a second, as for tc
            E040 4:120 ⟨0⟩ `limit` cannot be 0
                 take one from 1 to 4294967295
            E039 5:33 ⟨2h⟩ `2h` is no time
                 write it with a unit, as 10ms, 100us or 1.5s
            E039 5:48 ⟨1⟩ `1` has no unit
                 write it from 0% to 100%, with the sign, as 1% or 0.5%
            E040 5:84 ⟨1bit⟩ a rate of 1bit is out of range
                 take one from 8bit to 10tbit
            E040 6:33 ⟨3601s⟩ a time of 3601s is too long here
                 take at most 3600s
            E040 6:56 ⟨11tbit⟩ a rate of 11tbit is out of range
                 take one from 8bit to 10tbit
            E040 6:76 ⟨1000001⟩ `txqueuelen` cannot be 1000001
                 take one from 0 to 1000000
            E040 6:93 ⟨0⟩ `queues` cannot be 0
                 take one from 1 to 4096
            E039 6:106 ⟨3-1⟩ `3-1` is no list of CPUs
                 write numbers and ranges, as 0-3 or [0-3, 8], or `none`
            E040 6:125 ⟨9999⟩ no machine has a CPU 9999
                 take CPUs from 0 to 8191
            E040 7:32 ⟨4095⟩ there is no VLAN 4095
                 take one from 1 to 4094
            E040 8:38 ⟨0⟩ there is no VLAN 0
                 take one from 1 to 4094
            E042 9:26 ⟨trunk⟩ a trunk of no VLAN
                 write `trunk: [10, 20-30]`, or `all`
            E040 10:47 ⟨0⟩ there is no VLAN 0
                 take one from 1 to 4094
            E040 11:41 ⟨1⟩ `links` cannot be 1
                 take one from 2 to 16
            E040 12:64 ⟨61s⟩ a time of 61s is too long here
                 take at most 60s
            E040 13:34 ⟨5000⟩ `queues` cannot be 5000
                 take one from 1 to 4096
        "#]],
    );
}

#[test]
fn an_impairment_that_means_nothing_without_another_is_told_but_for_all_links() {
    check_lab(
        r#"defaults: { link: { jitter: 1ms, distribution: normal, ecn: true, seed: 4, reorder: 5% } }
nodes: { a: {}, b: {}, s: { kind: bridge, forward-delay: 4s } }
links:
  - { endpoints: [a, b] }
  - { endpoints: [a, b], jitter: 2ms }
  - { endpoints: [a, b], delay: 2ms, jitter: 3ms }
  - { endpoints: [a, b], delay: 2ms, jitter: 0ms, distribution: pareto }
  - { endpoints: [a, b], reorder: 5% }
  - { endpoints: [a, b], ecn: true }
  - { endpoints: [a, { node: b, delay: 0ms }], delay: 5ms, jitter: 1ms, seed: 1 }
  - { endpoints: [a, b], rate: 1mbit, jitter: 0ms, reorder: 0%, seed: 1 }
"#,
        expect![[r#"
            E041 3:58 ⟨4s⟩ `forward-delay` is how long ports wait under `stp`, and this bridge has none
                 write `stp: true` beside it
            E041 6:34 ⟨2ms⟩ `jitter` means nothing without `delay`
                 write `delay:` beside it
            E041 7:46 ⟨3ms⟩ the jitter is more than the delay
                 write at most the delay
            E041 8:65 ⟨pareto⟩ `distribution` means nothing without `jitter`
                 write `jitter:` beside it
            E041 9:35 ⟨5%⟩ `reorder` means nothing without `delay`
                 write `delay:` beside it
            E041 10:31 ⟨true⟩ `ecn` means nothing without `loss`
                 write `loss:` beside it
            E041 11:68 ⟨1ms⟩ `jitter` means nothing without `delay`
                 write `delay:` beside it
            E041 11:79 ⟨1⟩ `seed` is what chance begins with, and nothing here is left to chance
                 write `loss:`, `jitter:`, `duplicate:` or `corrupt:` beside it
            E041 12:47 ⟨0ms⟩ `jitter` means nothing without `delay`
                 write `delay:` beside it
            E041 12:71 ⟨1⟩ `seed` is what chance begins with, and nothing here is left to chance
                 write `loss:`, `jitter:`, `duplicate:` or `corrupt:` beside it
        "#]],
    );
}

#[test]
fn settings_of_ports_that_exclude_each_other_or_have_no_port_are_told() {
    check_lab(
        r#"nodes: { a: {}, b: {}, s: { kind: bridge, vlan: 10 }, t: { kind: bridge, vlan: 10, ipv4: 10.0.0.1/24 }, u: { vlan: 5 } }
links:
  - { endpoints: [a, s], vlan: 10, trunk: [20] }
  - { endpoints: [a, s], native: 10 }
  - { endpoints: [a, s], vlan: 10, native: 20 }
  - { endpoints: [a, b], vlan: 10 }
  - { endpoints: [a, b], isolated: true }
  - { endpoints: [{ node: a, vlan: 10 }, s] }
  - { endpoints: [b, { node: t, native: 3 }] }
  - { endpoints: [b, "s:p"], mtu: 1400 }
"#,
        expect![[r#"
            E034 2:116 ⟨5⟩ a namespace takes no `vlan`
                 write it on the link to a bridge, or under `interfaces:` for a sub-interface
            E042 4:32 ⟨10⟩ a port is in one `vlan` or is a `trunk`, not both
                 write `trunk:`, with `native:` for what passes without a tag
            E042 5:34 ⟨10⟩ `native` is the VLAN without a tag of a trunk, and there is no `trunk`
                 write `trunk:` beside it, or `vlan:` in place of it
            E042 6:44 ⟨20⟩ `native` is the VLAN without a tag of a trunk, and this is a port of one `vlan`
                 write one of them, or `trunk:` in place of `vlan:`
            E042 7:32 ⟨10⟩ `vlan` is a setting of a bridge's port, and this link has none
                 link a bridge, or take it away
            E042 8:36 ⟨true⟩ `isolated` is a setting of a bridge's port, and this link has none
                 link a bridge, or take it away
            E042 9:36 ⟨10⟩ `vlan` is a setting of a bridge's port, and `a` is no bridge
                 write it on the link, or at the endpoint of the bridge
            E042 10:41 ⟨3⟩ `native` is the VLAN without a tag of a trunk, and there is no `trunk`
                 write `trunk:` beside it, or `vlan:` in place of it
            E042 2:49 ⟨10⟩ `vlan` of a bridge is that of its own addresses, and it has none
                 write `ipv4:` beside it
            E042 2:80 ⟨10⟩ no port of this bridge is in a VLAN
                 write `vlan:` or `trunk:` on its links
        "#]],
    );
    check_lab(
        "nodes: { a: {}, s: { kind: bridge, interfaces: { p: { vlan: 5 }, eth0.5: { dummy: true } } } }\nlinks: [{ endpoints: [a, \"s:p\"] }]\n",
        expect![[r#"
            E034 2:50 ⟨p⟩ a bridge has no interfaces of its own, only ports that links make
                 write `vlan:` on the link of a port; other devices belong in a namespace or a router
            E034 2:66 ⟨eth0.5⟩ a bridge has no interfaces of its own, only ports that links make
                 write `vlan:` on the link of a port; other devices belong in a namespace or a router
        "#]],
    );
}

#[test]
fn kinds_of_a_link_that_exclude_each_other_or_do_not_fit_are_told() {
    check_lab(
        r#"nodes: { a: {}, b: {}, c: {}, s: { kind: bridge }, nic-eth9: {} }
links:
  - { endpoints: [a, b], bond: { links: 2 }, macvlan: bridge }
  - { endpoints: [a, b], macvlan: bridge, ipvlan: l2 }
  - { endpoints: [a, b], macvlan: bridge }
  - { endpoints: [s, "host:eth1"], macvlan: bridge }
  - { endpoints: ["host:eth2", "host:eth1"], ipvlan: l3 }
  - { endpoints: [a, host], macvlan: bridge }
  - { endpoints: [a, "host:eth1"] }
  - { endpoints: [a, b, c], bond: { links: 2 } }
  - { endpoints: [a, b, "host:eth1"], macvlan: bridge }
  - { endpoints: [a, "host:eth9"], macvlan: bridge }
  - { endpoints: [a, "host:a-name-that-is-too-long"], macvlan: bridge }
  - { endpoints: [a, { node: host, interface: eth1, delay: 1ms }], macvlan: bridge }
  - { endpoints: [a, "host:eth1"], macvlan: bridge, subnet: 10.0.0.0/24 }
  - { endpoints: [{ node: a, mac: "02:00:00:00:00:01" }, "host:eth3"], ipvlan: l2, vlan: 5, queues: 2, txqueuelen: 5 }
  - { endpoints: [a, b], bond: { links: 2 }, queues: 2, xps-cpus: 0 }
  - { endpoints: [a, b], xps-cpus: 0 }
checks: [{ reachable: [a, nic-eth1] }]
"#,
        expect![[r#"
            E043 4:5 ⟨{⟩ a link is made in one way, and here are `bond` and `macvlan`
                 take one of them away
            E043 5:5 ⟨{⟩ a link is made in one way, and here are `macvlan` and `ipvlan`
                 take one of them away
            E043 6:5 ⟨{⟩ a `macvlan` stands on a NIC of the machine, and here is none
                 write the NIC as one of the endpoints: `host:eth1`
            E043 7:5 ⟨{⟩ a `macvlan` belongs to a node, and here is a bridge
                 name a namespace or a router
            E043 8:5 ⟨{⟩ a `ipvlan` joins a node with a NIC of the machine, and here are two NICs
                 name a node
            E043 9:22 ⟨host⟩ `host` is the whole machine; a device stands on one NIC of it
                 write the NIC: `host:eth1`
            E013 10:22 ⟨\"host:eth1\"⟩ there is no node `host`
                 write it under `nodes:`
            E043 11:5 ⟨{⟩ a link of three and more endpoints is a bridge with a plain link from each
                 make links of two endpoints of it
            E043 12:5 ⟨{⟩ a link of three and more endpoints is a bridge with a plain link from each
                 make links of two endpoints of it
            E015 13:22 ⟨\"host:eth9\"⟩ the machine's NIC `eth9` would be called `nic-eth9`, as a node is
                 give that node another name
            E012 14:22 ⟨\"host:a-name-that-is-too-long\"⟩ `a-name-that-is-too-long` is 23 bytes long; at most 15 fit
                 write the NIC's name as `ip link` shows it: `host:eth1`
            E034 15:22 ⟨{⟩ a NIC of the machine stays as it is: nothing can be set at it
                 write it at the node's own endpoint
            E034 16:61 ⟨10.0.0.0/24⟩ what is outside of a NIC of the machine is not netsim's: nothing is given out there
                 write `ipv4:` in place of it
            E034 17:35 ⟨\"02:00:00:00:00:01\"⟩ an ipvlan has the Ethernet address of the NIC that it stands on
                 take it away, or make it a `macvlan`
            E042 17:90 ⟨5⟩ `vlan` is a setting of a bridge's port, and this link has none
                 link a bridge, or take it away
            E049 17:101 ⟨2⟩ an ipvlan takes no `queues`
                 write it on a link, or take it away
            E049 17:116 ⟨5⟩ an ipvlan takes no `txqueuelen`
                 write it on a link, or take it away
            E049 18:54 ⟨2⟩ a bond takes no `queues`
                 write it on a link, or take it away
            E049 18:67 ⟨0⟩ a bond takes no `xps-cpus`
                 write it on a link, or take it away
            E049 19:36 ⟨0⟩ `xps-cpus` chooses among queues, and there is 1
                 write `queues: 2`
            E013 20:27 ⟨nic-eth1⟩ there is no node `nic-eth1`
                 did you mean `nic-eth9`?
        "#]],
    );
}

#[test]
fn devices_on_one_parent_that_exclude_each_other_are_told() {
    check_lab(
        r#"nodes:
  a:
    interfaces:
      eth0.1: { vlan: 10 }
      eth0.2: { vlan: 10 }
      eth0.3: { vlan: 10, protocol: 802.1ad }
      m1: { macvlan: bridge, parent: eth0 }
      m2: { macvlan: passthru, parent: eth0 }
      i1: { ipvlan: l2, parent: eth0 }
  b: {}
links:
  - { endpoints: [a, b] }
  - { endpoints: ["{a,b}:x", "host:eth1"], macvlan: passthru }
  - { endpoints: [a, "host:eth2"], ipvlan: l2 }
  - { endpoints: [b, "host:eth2"], ipvlan: l3 }
  - { endpoints: [b, "host:eth2"], macvlan: vepa }
"#,
        expect![[r#"
            E047 6:7 ⟨eth0.2⟩ `eth0.1` takes VLAN 10 of `eth0` already
                 write another VLAN, or another parent
            E047 9:7 ⟨m2⟩ a macvlan of mode `passthru` has `a:eth0` to itself, and there is another on it
                 take another mode, or another interface beneath
            E047 10:7 ⟨i1⟩ `a:eth0` carries macvlans or ipvlans, not both
                 make all of them one kind, or take another interface beneath
            E047 14:5 ⟨{⟩ a macvlan of mode `passthru` has `host:eth1` to itself, and there is another on it
                 take another mode, or another interface beneath
            E047 16:5 ⟨{⟩ all ipvlans on `host:eth2` have one mode, and here are `l2` and `l3`
                 write one mode for all of them
            E047 17:5 ⟨{⟩ `host:eth2` carries macvlans or ipvlans, not both
                 make all of them one kind, or take another interface beneath
        "#]],
    );
}

#[test]
fn interfaces_that_are_said_twice_or_by_half_are_told() {
    check_lab(
        r#"nodes:
  a:
    interfaces:
      eth0: { dummy: true }
      two: { dummy: true, vrf: { table: 5 } }
      sub: { vlan: 10 }
      m: { macvlan: bridge }
      half: { parent: eth1 }
      eth1: { protocol: 802.1q }
      d: { dummy: true, parent: eth0, protocol: 802.1q, queues: 2 }
      i: { ipvlan: l3s, parent: eth1, mac: "02:00:00:00:00:01" }
      v: { vrf: { table: 254 } }
      w: { vrf: { table: 0, members: [] }, mtu: 1500 }
      x: { vrf: { table: 6 }, mtu: 1500 }
      lo: { dummy: true }
      "a b": { dummy: true }
      off: { dummy: false }
      nobond: { bond: {} }
  b: { interfaces: { eth0-2: { dummy: true } } }
links:
  - { endpoints: ["a:eth0", b], bond: { links: 2 } }
  - { endpoints: [a, b] }
"#,
        expect![[r#"
            E010 19:17 ⟨bond⟩ `members` is missing here
                 write `members: …`
            E044 6:27 ⟨vrf⟩ an interface is one thing, and here are `dummy` and `vrf`
                 take one of them away
            E044 7:7 ⟨sub⟩ nothing says on which interface `sub` stands
                 write `parent:`, the name of an interface of the node
            E044 8:7 ⟨m⟩ nothing says on which interface `m` stands
                 write `parent:`, the name of an interface of the node
            E044 9:23 ⟨eth1⟩ `parent` is of an interface on another one, and this is not said to be one
                 write `vlan:`, `macvlan:` or `ipvlan:` beside it
            E044 10:25 ⟨802.1q⟩ `protocol` is of an interface on another one, and this is not said to be one
                 write `vlan:`, `macvlan:` or `ipvlan:` beside it
            E044 11:33 ⟨eth0⟩ `parent` is of an interface on another one, and this stands on none
                 take it away
            E044 11:49 ⟨802.1q⟩ `protocol` is that of a VLAN's tag, and this has none
                 take it away
            E049 11:65 ⟨2⟩ a dummy takes no `queues`
                 write it on a link, or take it away
            E034 12:44 ⟨\"02:00:00:00:00:01\"⟩ an ipvlan has the Ethernet address of the interface that it stands on
                 take it away, or make it a `macvlan`
            E048 13:26 ⟨254⟩ the routing table 254 is the kernel's own
                 take another from 1 to 4294967295, but not 253 to 255
            E048 14:26 ⟨0⟩ the routing table 0 is the kernel's own
                 take another from 1 to 4294967295, but not 253 to 255
            E034 15:36 ⟨1500⟩ a VRF sends nothing itself and has no MTU
                 write it on its members
            E012 16:7 ⟨lo⟩ `lo` is in every node already
                 write addresses of `lo` under the node's `lo:`
            E012 17:7 ⟨\"a b\"⟩ `a b` has the character ' '; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write an interface's name, as `dummy0`
            E016 5:7 ⟨eth0⟩ `a` has two interfaces `eth0`
                 give one of them another name, or none
            E035 9:7 ⟨half⟩ no link makes an interface `half` on `a`
                 write one of those that there are: `eth0`, `eth1`, `d`, `i`, `x` or `nobond`
            E035 18:7 ⟨off⟩ no link makes an interface `off` on `a`
                 write one of those that there are: `eth0`, `eth1`, `d`, `i`, `x` or `nobond`
            E016 20:22 ⟨eth0-2⟩ `b` has two interfaces `eth0-2`
                 give one of them another name, or none
        "#]],
    );
}

#[test]
fn parents_that_are_not_there_or_cannot_carry_are_told() {
    check_lab(
        r#"nodes:
  a:
    interfaces:
      eth9.5: { vlan: 5 }
      self: { vlan: 5, parent: self }
      x: { vlan: 5, parent: y }
      y: { macvlan: bridge, parent: z }
      z: { vlan: 6, parent: x }
      red: { vrf: { table: 10, members: [red.5] } }
      red.5: { vlan: 5 }
      m: { macvlan: bridge, parent: eth0 }
      mm: { macvlan: bridge, parent: m }
      i: { ipvlan: l2, parent: eth1 }
      i.7: { vlan: 7 }
      bond0: { bond: { members: [eth2] } }
      eth2.8: { vlan: 8 }
      big: { vlan: 9, parent: eth0, mtu: 9000 }
      bigger: { vlan: 9, parent: big, mtu: 9001 }
      small: { dummy: true, mtu: 1000, ipv6: "fd00::1/64" }
  b: {}
links: [{ endpoints: [a, "b:x[0-2]"] }]
"#,
        expect![[r#"
            E045 5:7 ⟨eth9.5⟩ `a` has no interface `eth9`
                 did you mean `eth0`?
            E045 11:7 ⟨red.5⟩ nothing like that stands on `red`: a VRF takes no frames itself
                 name another interface of the node
            E045 13:38 ⟨m⟩ nothing like that stands on `m`: a macvlan is itself one of several on a device
                 name another interface of the node
            E045 15:7 ⟨i.7⟩ nothing like that stands on `i`: an ipvlan takes no tagged frames
                 name another interface of the node
            E045 17:7 ⟨eth2.8⟩ `eth2` is a member of `bond0`, and nothing else stands on it
                 write `parent: bond0`
            E045 6:7 ⟨self⟩ `self` stands on `self`, which stands on it
                 name an interface that a link makes
            E045 9:7 ⟨z⟩ `z` stands on `x`, which stands on it
                 name an interface that a link makes
            E045 11:7 ⟨red.5⟩ `red.5` stands on `red`, which stands on it
                 name an interface that a link makes
            E029 18:42 ⟨9000⟩ an MTU of 9000 is more than `eth0` beneath it has, 1500
                 write at most that, or more for the one beneath
            E029 19:44 ⟨9001⟩ an MTU of 9001 is more than `big` beneath it has, 9000
                 write at most that, or more for the one beneath
            E029 20:7 ⟨small⟩ an MTU of 1000 is too small for IPv6, which is wanted here
                 take one of at least 1280 (RFC 8200), or no IPv6
        "#]],
    );
}

#[test]
fn members_that_are_not_there_or_have_something_of_their_own_are_told() {
    check_lab(
        r#"nodes:
  a:
    routes: [{ to: default, via: 10.0.0.2, vrf: rde }]
    interfaces:
      b0: { bond: { members: [] } }
      b1: { bond: { members: [eth0, eth0, b1, b2, red, eth7] } }
      b2: { bond: { members: ["eth[1-3]"] }, ipv4: 10.2.0.1/24 }
      b3: { bond: { members: [eth1, i, d] } }
      d: { dummy: true, ipv4: 10.3.0.1/24 }
      i: { ipvlan: l2, parent: eth4 }
      red: { vrf: { table: 10, members: [blue, eth1, eth4] } }
      blue: { vrf: { table: 10, members: [eth4] } }
  b: {}
links:
  - { endpoints: [a, b], ipv4: [10.0.0.1/24, 10.0.0.2/24] }
  - { endpoints: [{ node: a, mac: "02:00:00:00:00:01", mtu: 1400 }, b] }
  - { endpoints: [a, b], state: down, mtu: 1400 }
  - { endpoints: ["a", "b:x[1-2]"] }
"#,
        expect![[r#"
            E046 7:37 ⟨eth0⟩ `eth0` is written twice
                 take one away
            E046 6:13 ⟨bond⟩ the bond `b0` has no members
                 write `members: [eth0, eth1]`
            E046 16:19 ⟨a⟩ `eth0` is a member of a bond and has no addresses of its own
                 write it on the bond
            E046 7:21 ⟨members⟩ `b1` is a bond, which cannot be a member of a bond
                 name another interface of the node
            E046 7:21 ⟨members⟩ `b2` is a bond, which cannot be a member of a bond
                 name another interface of the node
            E046 7:21 ⟨members⟩ `red` is a VRF, which cannot be a member of a bond (and 1 more like this)
                 name another interface of the node
            E046 17:19 ⟨{⟩ `eth1` is a member of a bond and has no Ethernet address of its own
                 write it on the bond
            E046 17:19 ⟨{⟩ `eth1` is a member of a bond and has no MTU of its own
                 write it on the bond
            E046 9:21 ⟨members⟩ `eth1` is a member of `b2` already, and cannot be one of `b3`
                 take it out of one of them
            E046 9:21 ⟨members⟩ `i` is an ipvlan, which cannot be a member of a bond
                 name another interface of the node
            E046 10:7 ⟨d⟩ `d` is a member of a bond and has no addresses of its own
                 write it on the bond
            E046 12:32 ⟨members⟩ `blue` is a VRF, which cannot be a member of a VRF
                 name another interface of the node
            E046 12:32 ⟨members⟩ `eth1` is a member of `b2` already, and cannot be one of `red`
                 take it out of one of them
            E048 13:29 ⟨10⟩ the routing table 10 is that of `red` already
                 write another number
            E046 13:33 ⟨members⟩ `eth4` is a member of `red` already, and cannot be one of `blue`
                 take it out of one of them
            E045 7:7 ⟨b1⟩ `b1` stands on `b1`, which stands on it
                 name an interface that a link makes
            E048 4:49 ⟨rde⟩ `a` has no VRF `rde`
                 did you mean `red`?
            E046 8:21 ⟨members⟩ the bond `b2` brings its member `eth2` up: it cannot be down
                 take `state: down` away, or the member out of the bond
        "#]],
    );
}

#[test]
fn settings_of_an_interface_at_two_places_are_told() {
    check_lab(
        r#"nodes:
  a: { interfaces: { eth0: { delay: 1ms, loss: 1%, offloads: { gso: on } }, d: { dummy: true, ipv4: 10.0.0.1/24, mac: "02:00:00:00:00:01" } } }
  b: {}
links:
  - { endpoints: [{ node: a, delay: 2ms, rate: 1mbit, offloads: { gso: off } }, { node: b, ipv4: 10.0.0.1/24, mac: "02:00:00:00:00:01" }], loss: 3% }
"#,
        expect![[r#"
            E036 3:37 ⟨1ms⟩ the interface's `delay` is written at its link, too
                 write it at one of the two places
            E036 3:69 ⟨on⟩ the interface's `gso` is written at its link, too
                 write it at one of the two places
            E023 6:81 ⟨{⟩ 10.0.0.1 is given to `a:d` and to `b`
                 give one of them another address
            E025 3:77 ⟨d⟩ 02:00:00:00:00:01 is given to `b` and to `a:d`
                 give one of them another, or write none
        "#]],
    );
}

#[test]
fn bridges_that_vlans_join_agree_and_their_circles_are_told() {
    check_lab(
        r#"nodes: { s: { kind: bridge, subnet: 10.0.0.0/24 }, t: { kind: bridge, subnet: 10.0.1.0/24 }, u: { kind: bridge, subnet: none }, a: {}, b: {} }
links:
  - { endpoints: [s, t], trunk: [10-20] }
  - { endpoints: [a, s], vlan: 15 }
  - { endpoints: [b, t], vlan: 15 }
  - { endpoints: [{ node: s, vlan: 15 }, u] }
  - { endpoints: [{ node: s, trunk: [12] }, { node: t, trunk: [12-13] }] }
"#,
        expect![[r#"
            E033 8:5 ⟨{⟩ this link closes a circle of bridges between `s` and `t`: frames would run round it for ever
                 take one link out of the circle, or write `stp: true` on all bridges of it
            E028 2:79 ⟨10.0.1.0/24⟩ `t` gives out 10.0.1.0/24, but another bridge of its broadcast domain gives out 10.0.0.0/24
                 write one subnet for all of them
            E028 2:121 ⟨none⟩ `u` gives out nothing, but another bridge of its broadcast domain gives out 10.0.0.0/24
                 write one subnet for all of them
        "#]],
    );
    check_lab(
        "nodes: { s: { kind: bridge, stp: true }, t: { kind: bridge, stp: true }, u: { kind: bridge } }\nlinks: [{ endpoints: [s, t] }, { endpoints: [t, u] }, { endpoints: [u, s] }]\n",
        expect![[r#"
            E033 3:55 ⟨{⟩ this link closes a circle of bridges between `u` and `s`: frames would run round it for ever
                 take one link out of the circle, or write `stp: true` on all bridges of it
        "#]],
    );
}
