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
