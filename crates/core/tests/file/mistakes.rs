//! Mistakes in what a file means: each is told, where it stands, with what to do.

use expect_test::expect;

use crate::show::{check, check_lab};

#[test]
fn a_file_full_of_mistakes_has_all_of_them_told() {
    check(
        r#"
# Nothing here is right.
nodes:
  r1: { kind: ruter, mtu: 20 }
  r[2-1]: {}
  "h[1-3]": { lo: "10.255.0.[1-2]/32" }
  h2: {}
  sw: { kind: bridge, subnet: [10.0.0.1/24, none], lo: 10.1.1.1/32 }
  pc:
    group: offce
    namespace: host
    subnet: 10.0.0.0/24
    exec: [[], [""]]
    sysctls: { kernel.panic: 1, net..x: 1 }
    routes:
      - { to: 10.0.0.1/8, via: 10.0.0.1 }
      - { to: default }
      - { to: 10.9.0.0/16, via: fe80::1 }
      - { via: 10.0.0.1 }
    interfaces: { eth7: { mtu: 1400 } }
groups:
  office: { group: other }
links:
  - { endpoints: [r1, h1], ipv4: [10.2.0.0/24, 10.2.0.255/24] }
  - { endpoints: [r1, r1] }
  - { endpoints: [r1] }
  - { endpoints: ["h[1-3]", "{r1,pc}"] }
  - { endpoints: [h1, sw], ipv4: [10.0.0.5/24, 10.0.0.6/24], subnet: 10.3.0.0/24 }
  - { endpoint: [h1, r1] }
  - { endpoints: [h1, { node: sw, ipv4: 10.0.0.9/24, mac: "01:00:00:00:00:01" }] }
  - { endpoints: [h4, "r1:eth 0"], each: [a, b] }
  - { endpoints: [h4, "r1:eth 0"], ipv6: 10.0.0.1/24 }
checks:
  - { reachable: [h1, sw] }
  - { ping: [h1], rtt: 10..20 }
  - { rtt: 10ms..20ms }
"#,
        expect![[r#"
            E007 4:15 ⟨ruter⟩ `kind` cannot be `ruter`
                 did you mean `router`?
            E010 19:9 ⟨{⟩ `to` is missing here
                 write `to: …`
            E004 29:7 ⟨endpoint⟩ unknown key `endpoint`
                 did you mean `endpoints`?
            E011 3:1 ⟨n⟩ the lab has no name
                 write `name: …` at the top
            E034 22:20 ⟨other⟩ only a node is in a group
                 write `group:` on the nodes themselves
            E029 4:27 ⟨20⟩ an MTU of 20 is out of range
                 take one from 68 to 65535
            E017 5:3 ⟨r[2-1]⟩ `[2-1]` runs backwards
                 write a range as [1-4] and a set as {a,b}
            E018 6:19 ⟨\"10.255.0.[1-2]/32\"⟩ `10.255.0.[1-2]/32` stands for 2, but there are 3 beside it
                 write ranges of one length, or a single value
            E015 7:3 ⟨h2⟩ there are two nodes `h2`
                 give one of them another name
            E026 8:32 ⟨10.0.0.1/24⟩ 10.0.0.1/24 is an address, not a network: it has host bits
                 write 10.0.0.0/24
            E026 8:45 ⟨none⟩ `none` stands beside subnets
                 write `subnet: none` alone, or take it away
            E034 8:56 ⟨10.1.1.1/32⟩ a bridge takes no `lo`
                 take it away
            E014 10:12 ⟨offce⟩ there is no group `offce`
                 did you mean `office`?
            E034 11:16 ⟨host⟩ a namespace takes no `namespace`
                 make it `kind: bridge`, or take the key away
            E034 12:13 ⟨10.0.0.0/24⟩ a namespace takes no `subnet`
                 write it on the link, or on a bridge
            E030 16:15 ⟨10.0.0.1/8⟩ 10.0.0.1/8 is an address, not a network: it has host bits
                 write 10.0.0.0/8
            E030 17:9 ⟨{⟩ the route to 0.0.0.0/0 leads nowhere
                 write `via:` or `dev:`
            E030 18:33 ⟨fe80::1⟩ the next hops to 10.9.0.0/16 are of another family
                 write next hops of the destination's family
            E034 14:16 ⟨kernel.panic⟩ `kernel.panic` is the whole machine's: a namespace has only `net.` settings of its own
                 take it away
            E012 14:33 ⟨net..x⟩ `net..x` is no name of a sysctl: a name cannot be empty
                 write a name as sysctl(8) does: net.ipv4.ip_forward
            E037 13:12 ⟨[⟩ there is no program to run
                 write a list of the program and its arguments, as [ip, address]
            E037 13:16 ⟨[⟩ there is no program to run
                 write a list of the program and its arguments, as [ip, address]
            E022 24:35 ⟨10.2.0.0/24⟩ 10.2.0.0/24 is the network itself: no interface can have it
                 take a host's address in 10.2.0.0/24
            E022 24:48 ⟨10.2.0.255/24⟩ 10.2.0.255/24 is the broadcast address of its network: no interface can have it
                 take a host's address in 10.2.0.0/24
            E020 25:5 ⟨{⟩ `r1` is linked to itself
                 link it to another node
            E019 26:5 ⟨{⟩ a link joins two or more endpoints, and there is 1
                 write `endpoints: [a, b]`; an expression such as "n[1-4]" is one endpoint of several links
            E018 27:5 ⟨{⟩ 3 endpoints and 2 endpoints cannot be joined in pairs
                 write ranges of one length, a single name on one side, or `each:`
            E018 28:28 ⟨ipv4⟩ there are 2 addresses for 1 endpoint that is no switch
                 write one for each, in order; a range such as 10.0.0.[1-4]/24 stands for several
            E034 28:70 ⟨10.3.0.0/24⟩ this link is part of what `sw` joins and has no subnet of its own
                 write `subnet:` on `sw`
            E024 30:59 ⟨\"01:00:00:00:00:01\"⟩ 01:00:00:00:00:01 is a group's or nobody's, not an interface's
                 take one that begins with 02: a host's own, locally administered
            E034 30:23 ⟨{⟩ a port of the bridge `sw` has no addresses
                 write `ipv4:` on `sw` itself
            E019 31:5 ⟨{⟩ a link has `endpoints` or `each`, not both
                 make two links of it
            E013 32:19 ⟨h4⟩ there is no node `h4`
                 did you mean `h1`?
            E012 32:23 ⟨\"r1:eth 0\"⟩ `eth 0` has the character ' '; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write an interface's name, as `eth1`
            E038 34:23 ⟨sw⟩ `sw` is a bridge: nothing is sent to it or from it
                 name nodes that are linked to it
            E038 35:7 ⟨ping⟩ a ping goes from one node to another
                 write `ping: [a, b]`
            E038 36:12 ⟨10ms..20ms⟩ `rtt` is the time of a ping, and there is none
                 write `ping: [a, b]` beside it
        "#]],
    );
}

#[test]
fn names_are_checked_and_a_bad_one_is_told_once() {
    check_lab(
        "nodes: { é: {}, a b: {}, -x: {}, b: {}, host: {} }\nlinks: [{ endpoints: [é, b] }]\n",
        expect![[r#"
            E012 2:10 ⟨é⟩ `é` has the character 'é'; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write another name
            E012 2:17 ⟨a b⟩ `a b` has the character ' '; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write another name
            E012 2:26 ⟨-x⟩ `-x` has the character '-'; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write another name
            E012 2:41 ⟨host⟩ `host` is the machine's own namespace and no node's name
                 write another name
        "#]],
    );
    check(
        "name: a/b\nprefix: ..\nnodes: { a: {} }\n",
        expect![[r#"
            E012 1:7 ⟨a/b⟩ `a/b` has the character '/'; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write a name of letters, digits, `-`, `_` and `.`
            E012 2:9 ⟨..⟩ no namespace can have a name that begins with `..`
                 write letters, digits, `-`, `_` and `.`, a letter or a digit first
        "#]],
    );
    check(
        &format!("name: t\nprefix: {}\nnodes: {{ {}: {{}} }}\n", "p".repeat(190), "n".repeat(60)),
        expect![[r#"
        E012 3:10 ⟨nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn⟩ node `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn` cannot have a namespace of its name: `ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn` is 250 bytes long; at most 200 fit
             take a shorter name or `prefix:`
    "#]],
    );
    check(
        "nodes: { a: {} }\n",
        expect![[r#"
        E011 1:1 ⟨n⟩ the lab has no name
             write `name: …` at the top
    "#]],
    );
}

#[test]
fn unknown_nodes_and_groups_are_told_with_what_was_meant() {
    check_lab(
        "groups: { spine: {} }\nnodes: { router1: { group: spin }, router2: { group: x } }\nlinks: [{ endpoints: [router1, ruoter2] }, { endpoints: [\"router[1-9]\", zzz] }]\n",
        expect![[r#"
            E014 3:28 ⟨spin⟩ there is no group `spin`
                 did you mean `spine`?
            E014 3:54 ⟨x⟩ there is no group `x`
                 write it under `groups:`
            E013 4:32 ⟨ruoter2⟩ there is no node `ruoter2`
                 did you mean `router2`?
            E013 4:58 ⟨\"router[1-9]\"⟩ there is no node `router3`
                 did you mean `router1`?
            E013 4:58 ⟨\"router[1-9]\"⟩ there is no node `router4`
                 did you mean `router1`?
            E013 4:58 ⟨\"router[1-9]\"⟩ there is no node `router5` (and 4 more like this)
                 did you mean `router1`?
            E013 4:73 ⟨zzz⟩ there is no node `zzz`
                 write it under `nodes:`
        "#]],
    );
}

#[test]
fn two_nodes_of_one_name_are_told_also_after_ranges() {
    check_lab(
        "nodes: { n3: {}, \"n[1-9]\": {}, \"{n,m}8\": {}, \"n[1-9]0\": {} }\n",
        expect![[r#"
        E015 2:18 ⟨\"n[1-9]\"⟩ there are two nodes `n3`
             give one of them another name
        E015 2:32 ⟨\"{n,m}8\"⟩ there are two nodes `n8`
             give one of them another name
    "#]],
    );
}

#[test]
fn two_interfaces_of_one_name_are_told() {
    check_lab(
        "nodes: { a: {}, b: {}, s: { kind: bridge } }\nlinks: [{ endpoints: [\"a:x\", b] }, { endpoints: [\"a:x\", s] }, { endpoints: [\"{a,b}\", \"s:p\"] }, { endpoints: [\"a:lo\", b] }]\n",
        expect![[r#"
            E012 3:110 ⟨\"a:lo\"⟩ `lo` is in every node and no end of a link
                 write addresses of `lo` under the node's `lo:`
            E016 3:50 ⟨\"a:x\"⟩ `a` has two interfaces `x`
                 give one of them another name, or none
            E016 3:86 ⟨\"s:p\"⟩ `s` has two interfaces `p`
                 give one of them another name, or none
        "#]],
    );
}

#[test]
fn bridges_in_a_circle_and_with_too_many_ports_are_told() {
    check_lab(
        "nodes: { \"s[1-3]\": { kind: bridge }, a: {} }\nlinks: [{ each: [s1, \"s[2-3]\"] }, { endpoints: [s2, s3] }, { endpoints: [a, s1] }, { endpoints: [a, s2] }]\n",
        expect![[r#"
            E033 3:35 ⟨{⟩ this link closes a circle of bridges between `s2` and `s3`: frames would run round it for ever
                 take one link out of the circle, or write `stp: true` on all bridges of it
        "#]],
    );
    check_lab(
        "nodes: { s: { kind: bridge }, t: { kind: bridge }, \"n[1-1024]\": {}, \"m[1-1023]\": {} }\nlinks: [{ endpoints: [\"n[1-1024]\", s] }, { endpoints: [\"m[1-1023]\", t] }]\n",
        expect![[r#"
            E032 2:10 ⟨s⟩ the bridge `s` would have 1024 ports; Linux takes 1023
                 make more than one bridge, and link them
        "#]],
    );
}

#[test]
fn an_mtu_is_in_range_and_leaves_room_for_ipv6() {
    check_lab(
        r#"nodes: { a: {}, b: {}, s: { kind: bridge, subnet: fd00::/64 } }
links:
  - { endpoints: [a, b], mtu: 67 }
  - { endpoints: [a, b], mtu: 65536 }
  - { endpoints: [a, b], mtu: 1279, subnet: [10.0.0.0/30, fd01::/64] }
  - { endpoints: [a, s], mtu: 1000 }
  - { endpoints: [{ node: a, ipv6: fd02::1/64 }, b], mtu: 1000 }
  - { endpoints: [a, b], mtu: 68 }
"#,
        expect![[r#"
            E029 4:31 ⟨67⟩ an MTU of 67 is out of range
                 take one from 68 to 65535
            E029 5:31 ⟨65536⟩ an MTU of 65536 is out of range
                 take one from 68 to 65535
            E029 6:19 ⟨a⟩ an MTU of 1279 is too small for IPv6, which is wanted here
                 take one of at least 1280 (RFC 8200), or no IPv6
            E029 6:22 ⟨b⟩ an MTU of 1279 is too small for IPv6, which is wanted here
                 take one of at least 1280 (RFC 8200), or no IPv6
            E029 7:19 ⟨a⟩ an MTU of 1000 is too small for IPv6, which is wanted here
                 take one of at least 1280 (RFC 8200), or no IPv6
            E029 8:19 ⟨{⟩ an MTU of 1000 is too small for IPv6, which is wanted here
                 take one of at least 1280 (RFC 8200), or no IPv6
        "#]],
    );
}

#[test]
fn settings_of_interfaces_that_are_not_there_or_are_written_twice_are_told() {
    check_lab(
        r#"nodes:
  a: { interfaces: { eth0: { mtu: 1400 }, eht1: {}, eth2: {} } }
  b: { interfaces: { eth0: { ipv4: 10.0.0.2/24 }, x: { mtu: 1400, mac: "02:00:00:00:00:01" } } }
  c: { interfaces: { eth0: {} } }
  s: { kind: bridge, interfaces: { p: { ipv4: 10.0.0.3/24 }, eth0: {} } }
links:
  - { endpoints: [a, b], ipv4: [10.0.0.1/24, 10.0.0.9/24] }
  - { endpoints: ["a:eth1", { node: b, interface: x, mtu: 1500, mac: "02:00:00:00:00:02" }] }
  - { endpoints: [{ node: a, ipv4: 10.8.0.1/24 }, "s:p"], ipv4: 10.8.0.2/24 }
"#,
        expect![[r#"
            E036 10:65 ⟨10.8.0.2/24⟩ an endpoint of this link has its `ipv4` already
                 write it on the link or on the endpoint, not on both
            E035 3:43 ⟨eht1⟩ no link makes an interface `eht1` on `a`
                 write one of those that there are: `eth0`, `eth1` or `eth2`
            E036 4:36 ⟨10.0.0.2/24⟩ the interface's `ipv4` is written at its link, too
                 write it at one of the two places
            E036 4:72 ⟨\"02:00:00:00:00:01\"⟩ the interface's `mac` is written at its link, too
                 write it at one of the two places
            E036 4:61 ⟨1400⟩ the interface's `mtu` is written at its link, too
                 write it at one of the two places
            E035 5:22 ⟨eth0⟩ no link makes an interface `eth0` on `c`
                 link the node first
            E034 6:36 ⟨p⟩ a port of a bridge has no addresses
                 write `ipv4:` on the bridge itself
            E035 6:62 ⟨eth0⟩ no link makes an interface `eth0` on `s`
                 write one of those that there are: `p`
        "#]],
    );
}

#[test]
fn keys_that_mean_nothing_for_a_kind_are_told_but_for_the_defaults_of_all_nodes() {
    check_lab(
        r#"defaults: { node: { routes: [{ to: default, via: 10.0.0.1 }], exec: [[id]], subnet: none } }
kinds: { router: { kind: bridge, subnet: 10.0.0.0/24 }, bridge: { lo: 10.0.0.1/32 } }
nodes: { a: {}, r: { kind: router, namespace: host }, s: { kind: bridge }, h: { kind: bridge, namespace: host, exec: [[id]] } }
"#,
        expect![[r#"
            E034 3:26 ⟨bridge⟩ a kind has no `kind`
                 take it away; the mapping's key says the kind
            E034 4:47 ⟨host⟩ a router takes no `namespace`
                 make it `kind: bridge`, or take the key away
            E034 3:42 ⟨10.0.0.0/24⟩ a router takes no `subnet`
                 write it on the link, or on a bridge
            E034 3:71 ⟨10.0.0.1/32⟩ a bridge takes no `lo`
                 take it away
            E034 4:112 ⟨exec⟩ a bridge in the machine's namespace takes no `exec`
                 run it from a node of its own; this bridge lives in the machine's namespace
            E031 2:50 ⟨10.0.0.1⟩ the next hop 10.0.0.1 is on no wire of `a`
                 give the node an address in a network with it
            E031 2:50 ⟨10.0.0.1⟩ the next hop 10.0.0.1 is on no wire of `r`
                 give the node an address in a network with it
        "#]],
    );
}

#[test]
fn ranges_that_cannot_be_read_or_do_not_go_together_are_told() {
    check_lab(
        r#"nodes: { "a[1-": {}, "b[x]": {}, "c{}": {}, "d[5-1]": {}, "e[1-2000000]": {}, "f[1-3]": { lo: "10.0.0.[1-2]/32" }, "g[1-3]": {} }
links:
  - { endpoints: ["f[1-3]", "g[1-2]"] }
  - { each: ["f[1-3]"] }
  - { endpoints: ["f[1-3]", { node: "g[1-3]", interface: "x[1-2]" }] }
  - { endpoints: ["f[1-3]", g1], ipv4: "10.1.0.[1-3]/24" }
  - { endpoints: ["f[1-3]", "g[1-3]"], subnet: "10.[1-2].0.0/30" }
  - { endpoints: [] }
  - {}
"#,
        expect![[r#"
            E017 2:10 ⟨\"a[1-\"⟩ `a[1-` has no closing `]`
                 write a range as [1-4] and a set as {a,b}
            E017 2:22 ⟨\"b[x]\"⟩ `[x]` is no range such as [1-4] or [01-10]
                 write a range as [1-4] and a set as {a,b}
            E017 2:34 ⟨\"c{}\"⟩ `{}` is no set such as {a,b}
                 write a range as [1-4] and a set as {a,b}
            E017 2:45 ⟨\"d[5-1]\"⟩ `[5-1]` runs backwards
                 write a range as [1-4] and a set as {a,b}
            E017 2:59 ⟨\"e[1-2000000]\"⟩ `[1-2000000]` stands for more than 1,000,000
                 write a range as [1-4] and a set as {a,b}
            E018 2:95 ⟨\"10.0.0.[1-2]/32\"⟩ `10.0.0.[1-2]/32` stands for 2, but there are 3 beside it
                 write ranges of one length, or a single value
            E018 4:5 ⟨{⟩ 3 endpoints and 2 endpoints cannot be joined in pairs
                 write ranges of one length, a single name on one side, or `each:`
            E019 5:5 ⟨{⟩ `each` joins two endpoint expressions, and there is 1
                 write `each: ["a[1-2]", "b[1-3]"]`
            E018 6:58 ⟨\"x[1-2]\"⟩ `x[1-2]` stands for 2, but there are 3 beside it
                 write ranges of one length, or a single value
            E018 7:40 ⟨\"10.1.0.[1-3]/24\"⟩ there are 3 addresses for 6 endpoints that are no switches
                 write one for each, in order; a range such as 10.0.0.[1-4]/24 stands for several
            E018 8:48 ⟨\"10.[1-2].0.0/30\"⟩ `10.[1-2].0.0/30` stands for 2, but there are 3 beside it
                 write ranges of one length, or a single value
            E019 9:5 ⟨{⟩ a link joins two or more endpoints, and there are 0
                 write `endpoints: [a, b]`; an expression such as "n[1-4]" is one endpoint of several links
            E019 10:5 ⟨{⟩ a link needs endpoints
                 write `endpoints: [a, b]`
        "#]],
    );
}
