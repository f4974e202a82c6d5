//! Hosts, and what is between them: what the file means, and what of it is a mistake.

use expect_test::{Expect, expect};

use crate::show::check_lab;

#[test]
fn hosts_have_ranges_and_nodes_say_where_they_are() {
    check_lab(
        r#"hosts:
  h[1-2]: { ssh: "lab-h[1-2]", underlay: { address: ["192.0.2.[1-2]", "2001:db8::[1-2]"], device: "eth[1-2]" }, sudo: true, weight: 2, ovsdb: "/run/ovs[1-2]/db.sock" }
  v6: { ssh: "[fe80::1%eth0]", ovsdb: "tcp:[::1]:6640" }
  local: { underlay: { address: 192.0.2.9 }, ovsdb: "unix:/run/x/db.sock" }
kinds: { router: { host: v6 } }
groups: { second: { host: h2 } }
nodes:
  a[1-2]: { host: "h[1-2]" }
  b: { group: second }
  r: { kind: router }
  c: {}
  m: { kind: host, host: h1, interfaces: { vx: { mtu: 1400 } } }
  sw: { kind: bridge, hosts: "h[1-2]", vxlan: { vni: 7, port: 8472, ttl: 3, udp-checksum: false, df: set } }
  ov: { kind: ovs, hosts: [h1, local], geneve: { port: 6000 } }
links:
  - { endpoints: [a1, b] }
  - { endpoints: [a1, c], gretap: {} }
  - { endpoints: [r, "m:vx"], gre: { key: 0, checksum: true } }
"#,
        expect![[r#"
            t "t-" Written
            host h1 ssh lab-h1 sudo at 192.0.2.1 at 2001:db8::1 on eth1 ovsdb unix:/run/ovs1/db.sock weight 2
            host h2 ssh lab-h2 sudo at 192.0.2.2 at 2001:db8::2 on eth2 ovsdb unix:/run/ovs2/db.sock weight 2
            host v6 ssh [fe80::1%eth0] ovsdb tcp:[::1]:6640 weight 1
            host local at 192.0.2.9 ovsdb unix:/run/x/db.sock weight 1
            a1: namespace on h1
            a2: namespace on h2
            b: namespace on h2
            r: router on v6
            c: namespace
            m: machine on h1
            sw: bridge joined by vxlan vni 7 port 8472 df Set ttl 3 checksum false on each of ["h1", "h2"]
            ov: ovs in-host joined by geneve port 6000 on each of ["h1", "local"]
            a1 -- b
            a1 -- c as gretap
            r -- m:vx mtu 1400 as gre key 0 checksum true
        "#]],
    );
}

#[test]
fn a_range_of_one_host_is_one_host() {
    check_lab(
        r#"hosts:
  h[1-1]: { ssh: "root@lab-h[1-1]", underlay: { address: "192.0.2.[7-7]", device: "eth[0-0]" } }
  plain: { ssh: "lab-[3-3]" }
  v6: { ssh: "ssh://[2001:db8::1]:22" }
nodes:
  a[1-1]: { host: "h[1-1]" }
  b: { host: "h[1-1]" }
  sw: { kind: bridge, hosts: "h[1-1]" }
"#,
        expect![[r#"
            t "t-" Written
            host h1 ssh root@lab-h1 at 192.0.2.7 on eth0 weight 1
            host plain ssh lab-3 weight 1
            host v6 ssh ssh://[2001:db8::1]:22 weight 1
            a1: namespace on h1
            b: namespace on h1
            sw: bridge on h1
        "#]],
    );
    check_lab(
        "hosts:\n  h: { ssh: \"lab-[1-2]\" }\n  k[1-1]: { ssh: \"lab-[1-2]\" }\nnodes: { a: { host: h } }\n",
        expect![[r#"
            E018 3:13 ⟨\"lab-[1-2]\"⟩ `lab-[1-2]` stands for 2, but there is 1 beside it
                 write ranges of one length, or a single value
            E018 4:18 ⟨\"lab-[1-2]\"⟩ `lab-[1-2]` stands for 2, but there is 1 beside it
                 write ranges of one length, or a single value
        "#]],
    );
}

#[test]
fn hosts_that_cannot_be_are_told() {
    check_lab(
        r#"hosts:
  h[1-2]: { ssh: "lab-h[1-3]" }
  h2: { ssh: lab-h2 }
  far: { sudo: true }
  local: { ssh: me, sudo: true }
  bad/name: { ssh: a }
  opt: { ssh: -oProxyCommand=id }
  sh: { ssh: "a;$(reboot)" }
  u1: { ssh: u, underlay: { address: [127.0.0.1, 10.0.0.1, 10.0.0.2, x] } }
  u2: { ssh: u, underlay: { address: [10.0.0.1, "fe80::1"], device: "eth 0", nic: eth0 }, weight: 0 }
  w: { ssh: w, weight: 1001, port: 22 }
  o1: { ssh: o1, ovsdb: run/db.sock }
  o2: { ssh: o2, ovsdb: "unix:/run/$(reboot)" }
  o3: { ssh: o3, ovsdb: "tcp:192.0.2.1" }
  o4: { ssh: o4, ovsdb: "tpc:192.0.2.1:6640" }
  o5: { ssh: o5, ovsdb: "ssl:[::1]:0" }
  o6: { ssh: o6, ovsdb: "" }
  o[7-8]: { ssh: "o[7-8]", ovsdb: "/run/[1-3]" }
  e[1-2]: { ssh: "e[1-2]", underlay: {} }
  e3: { ssh: e3, underlay: { address: [] } }
nodes:
  a: { host: h3 }
  b: { host: "h[1-2]" }
  c[1-2]: { host: "h[1-3]" }
  d: { hosts: [h1, h2] }
  e: { kind: bridge, host: h1, hosts: [h1, h2] }
  f: { kind: bridge, hosts: [h1, h1, lokal] }
  g: { kind: bridge, hosts: [] }
"#,
        expect![[r#"
            E004 11:78 ⟨nic⟩ unknown key `nic`
                 write one of `address` or `device`; keys of your own begin with `x-`
            E004 12:30 ⟨port⟩ unknown key `port`
                 write one of `ovsdb`, `ssh`, `sudo`, `underlay` or `weight`; keys of your own begin with `x-`
            E018 3:18 ⟨\"lab-h[1-3]\"⟩ `lab-h[1-3]` stands for 3, but there are 2 beside it
                 write ranges of one length, or a single value
            E191 4:3 ⟨h2⟩ there are two hosts `h2`
                 give one of them another name
            E191 5:3 ⟨far⟩ nothing says how `far` is reached
                 write `ssh:`, what you would give to ssh itself
            E191 6:17 ⟨me⟩ `local` is the machine that netsim runs on: it has no `ssh`
                 take it away, or give the host another name
            E191 6:27 ⟨true⟩ `local` is the machine that netsim runs on: it has no `sudo`
                 take it away, or give the host another name
            E012 7:3 ⟨bad/name⟩ `bad/name` has the character '/'; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write another name
            E191 8:15 ⟨-oProxyCommand=id⟩ "-oProxyCommand=id" is nothing for ssh to connect to: it begins with `-`, as an option does
                 give it a plain name in ~/.ssh/config
            E191 9:14 ⟨\"a;$(reboot)\"⟩ "a;$(reboot)" is nothing for ssh to connect to: ';' cannot be in it
                 give it a plain name in ~/.ssh/config
            E191 10:39 ⟨127.0.0.1⟩ no other host reaches this one at 127.0.0.1
                 write an address that the other hosts can send to, as 192.0.2.7
            E191 10:60 ⟨10.0.0.2⟩ 10.0.0.2 is a second address of its family
                 keep one of each family: what the other hosts send to
            E191 10:70 ⟨x⟩ `x` is no address
                 write an address that the other hosts can send to, as 192.0.2.7
            E040 11:99 ⟨0⟩ `weight` cannot be 0
                 take one from 1 to 1000
            E191 11:49 ⟨\"fe80::1\"⟩ no other host reaches this one at fe80::1
                 write an address that the other hosts can send to, as 192.0.2.7
            E012 11:69 ⟨\"eth 0\"⟩ `eth 0` has the character ' '; letters, digits, `-`, `_` and `.` are allowed, with a letter or digit first
                 write a NIC's name as `ip link` shows it
            E040 12:24 ⟨1001⟩ `weight` cannot be 1001
                 take one from 1 to 1000
            E191 13:25 ⟨run/db.sock⟩ "run/db.sock" is no address of a database: the path does not begin with `/`
                 write unix:PATH, a whole path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT
            E191 14:25 ⟨\"unix:/run/$(reboot)\"⟩ "unix:/run/$(reboot)" is no address of a database: '$' cannot be in it
                 write unix:PATH, a whole path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT
            E191 15:25 ⟨\"tcp:192.0.2.1\"⟩ "tcp:192.0.2.1" is no address of a database: it has no port
                 write unix:PATH, a whole path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT
            E191 16:25 ⟨\"tpc:192.0.2.1:6640\"⟩ "tpc:192.0.2.1:6640" is no address of a database: ':' cannot be in it
                 write unix:PATH, a whole path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT
            E191 17:25 ⟨\"ssl:[::1]:0\"⟩ "ssl:[::1]:0" is no address of a database: it has no port
                 write unix:PATH, a whole path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT
            E191 18:25 ⟨\"\"⟩ "" is no address of a database: it is empty
                 write unix:PATH, a whole path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT
            E018 19:35 ⟨\"/run/[1-3]\"⟩ `/run/[1-3]` stands for 3, but there are 2 beside it
                 write ranges of one length, or a single value
            E191 20:28 ⟨underlay⟩ `underlay` says nothing
                 write its `address` or its `device`, or take it away
            E191 21:18 ⟨underlay⟩ `underlay` says nothing
                 write its `address` or its `device`, or take it away
            E191 11:29 ⟨address⟩ 10.0.0.1 is the underlay address of `u1` and of `u2`
                 write the address that each of them has
            E190 23:14 ⟨h3⟩ there is no host `h3`
                 did you mean `h1`?
            E018 24:14 ⟨\"h[1-2]\"⟩ `h[1-2]` stands for 2, but there is 1 beside it
                 write ranges of one length, or a single value
            E018 25:19 ⟨\"h[1-3]\"⟩ `h[1-3]` stands for 3, but there are 2 beside it
                 write ranges of one length, or a single value
            E034 26:8 ⟨hosts⟩ a namespace takes no `hosts`
                 write `host:`; only a bridge is on several hosts
            E192 27:32 ⟨hosts⟩ a bridge is on one `host` or on several `hosts`, and here are both
                 take one of them away
            E192 28:34 ⟨h1⟩ `h1` is written twice
                 take one away
            E190 28:38 ⟨lokal⟩ there is no host `lokal`
                 did you mean `local`?
            E192 29:22 ⟨hosts⟩ `hosts` names no host
                 write the hosts that it is on, as [h1, h2], or take it away
        "#]],
    );
    check_lab(
        "place: auto\nnodes: { a: {} }\n",
        expect![[r#"
        E190 2:8 ⟨auto⟩ there are no hosts to place nodes on
             write them under `hosts:`, `local` too if it takes part
    "#]],
    );
    check_lab(
        "place: here\nnodes: { a: {} }\n",
        expect![[r#"
        E007 2:8 ⟨here⟩ `place` cannot be `here`
             write `auto`
    "#]],
    );
}

#[test]
fn overlays_that_cannot_be_are_told() {
    check_lab(
        r#"hosts: { "h[1-3]": { ssh: "h[1-3]" } }
defaults: { overlay: { vxlan: { vni: 5, port: 4790 } } }
nodes:
  a[1-3]: { host: "h[1-3]" }
  b[1-2]: { host: h1, kind: bridge }
  s: { kind: bridge, hosts: [h1, h2, h3], gretap: {} }
  t: { kind: bridge, hosts: [h1, h2], gre: {} }
  u: { kind: bridge, hosts: [h1, h2], geneve: {}, vxlan: {} }
  o: { kind: ovs, host: h1 }
  one: { kind: bridge, vxlan: {} }
links:
  - { endpoints: [a1, a2], vxlan: { vni: 0, port: 70000, group: 10.0.0.1, ttl: 256 } }
  - { endpoints: [a1, a2], vxlan: { vni: 16777216, group: "ff02::1", df: yes } }
  - { endpoints: [a1, b1], vxlan: {} }
  - { endpoints: [a1, b1, b2], vxlan: {} }
  - { endpoints: [a2, b1], gre: {} }
  - { endpoints: [a1, a2, a3], gretap: {} }
  - { endpoints: [a1, b1, a2], gre: {} }
  - { endpoints: [a2, b1], geneve: {} }
  - { endpoints: [a2, o], vxlan: { group: 239.1.1.1 } }
  - { endpoints: [a2, o], vxlan: { df: inherit } }
  - { endpoints: [a1, s], vxlan: {} }
  - { endpoints: [a1, a2], vxlan: {}, gre: {} }
  - { endpoints: [a1, a2], vxlan: {}, bond: { links: 2 } }
  - { endpoints: [{ node: a1, mac: "02:00:00:00:00:01" }, a2], gre: {} }
"#,
        expect![[r#"
            E007 14:74 ⟨yes⟩ `df` cannot be `yes`
                 write `unset`, `set` or `inherit`
            E193 9:39 ⟨geneve⟩ an overlay is of one kind, and here are `vxlan` and `geneve`
                 take one of them away
            E193 11:24 ⟨vxlan⟩ `vxlan` joins the parts of a bridge on several hosts, and this is on one
                 write `hosts: [a, b]`, or the overlay on a link
            E040 13:42 ⟨0⟩ `vni` cannot be 0
                 take one from 1 to 16777215
            E193 13:65 ⟨10.0.0.1⟩ `10.0.0.1` is no multicast group
                 write one, as 239.1.1.1 or ff05::88
            E040 13:51 ⟨70000⟩ `port` cannot be 70000
                 take one from 1 to 65535
            E040 13:80 ⟨256⟩ `ttl` cannot be 256
                 take one from 1 to 255
            E040 14:42 ⟨16777216⟩ `vni` cannot be 16777216
                 take one from 1 to 16777215
            E193 14:59 ⟨\"ff02::1\"⟩ ff02::1 is a group of one link alone
                 take one of a wider scope, as ff05::88
            E193 24:39 ⟨gre⟩ an overlay is of one kind, and here are `vxlan` and `gre`
                 take one of them away
            E043 25:5 ⟨{⟩ a link is made in one way, and here are `bond` and `vxlan`
                 take one of them away
            E193 3:38 ⟨5⟩ each overlay has a VNI of its own, and this would be all of theirs
                 write it on a link, or not at all
            E193 15:28 ⟨vxlan⟩ this link is no overlay: `a1` is on h1, and so is the other end
                 take it away, or put the ends on two hosts
            E193 17:28 ⟨gre⟩ packets in GRE are no frames, and `b1` is a switch
                 write `gretap:`, which carries frames between two hosts, or `vxlan:`
            E193 20:28 ⟨geneve⟩ Geneve joins switches of Open vSwitch, and `a2` is none
                 write `vxlan:`, which joins both sorts
            E193 21:27 ⟨vxlan⟩ `o` sends to no group as 239.1.1.1: a tunnel of Open vSwitch has one far end
                 take `group:` away, or make the bridge one of the kernel
            E193 22:27 ⟨vxlan⟩ `o` forbids all packets to be cut or none: Open vSwitch looks at none within
                 write `df: set` or `df: unset`
            E193 23:27 ⟨vxlan⟩ this link is no overlay: `s` has a part on each of its hosts, and what joins those is its own
                 take it away, or put the ends on two hosts
            E193 7:43 ⟨gretap⟩ frames in GRE are between two hosts, and there are 3
                 write `vxlan:`, which joins any number
            E193 8:39 ⟨gre⟩ packets in GRE are no frames, and `t` is a switch
                 write `gretap:`, which carries frames between two hosts, or `vxlan:`
            E193 16:32 ⟨vxlan⟩ this link is no overlay: `a1` is on h1, and so are the others
                 take it away, or put the ends on several hosts
            E193 18:32 ⟨gretap⟩ frames in GRE are between two hosts, and there are 3
                 write `vxlan:`, which joins any number
            E193 19:32 ⟨gre⟩ packets in GRE are no frames, and `b1` is a switch
                 write `gretap:`, which carries frames between two hosts, or `vxlan:`
            E193 26:36 ⟨\"02:00:00:00:00:01\"⟩ packets in GRE are in no frames: this interface has no Ethernet address
                 take it away, or write `gretap:`
        "#]],
    );
}

#[test]
fn what_only_one_host_has_is_told_of_links_between_hosts() {
    check_lab(
        r#"hosts: { "h[1-3]": { ssh: "h[1-3]" } }
defaults: { link: { queues: 2, delay: 1ms } }
nodes:
  a[1-3]: { host: "h[1-3]" }
  s: { kind: bridge, hosts: [h1, h2], ipv4: 10.0.0.1/24, exec: [[id]] }
  t: { kind: bridge, hosts: [h3, local] }
  w: { kind: ovs, hosts: [h1, h2], mirrors: [{ to: a1 }], interfaces: { in0: { internal: true } } }
  o: { kind: ovs, host: h1 }
links:
  - { endpoints: [a1, a2], bond: { links: 2 } }
  - { endpoints: [a1, a2], queues: 4, txqueuelen: 10 }
  - { endpoints: [a3, s] }
  - { endpoints: [s, t] }
  - { endpoints: [a1, a2, s] }
  - { endpoints: [a1, s], isolated: true }
  - { endpoints: [a1, a2, a3], isolated: true }
  - { endpoints: [a2, o], delay: 5ms }
  - { endpoints: [a2, { node: o, mtu: 1400, policing: 1mbit }] }
  - { endpoints: [a1, w] }
"#,
        expect![[r#"
            E192 6:45 ⟨10.0.0.1/24⟩ a bridge on several hosts has no addresses of its own: there is one of it on each
                 write it on a node that is linked to the bridge
            E192 8:59 ⟨interfaces⟩ a bridge on several hosts has no interfaces of its own: there is one of it on each
                 write it on a node that is linked to the bridge
            E192 8:36 ⟨mirrors⟩ a bridge on several hosts has no mirrors: there is one of it on each
                 write it on a node that is linked to the bridge
            E194 11:28 ⟨bond⟩ a bond is of pairs of devices on one host: `a1` is on h1, and `a2` is on h2
                 put both on one host, or make it a plain link
            E192 13:5 ⟨{⟩ no part of the bridge is where the other end is: `a3` is on h3, and `s` is on h1, h2
                 write that host under its `hosts:`, or link a node there
            E192 14:5 ⟨{⟩ no part of the bridge is where the other end is: `s` is on h1, h2, and `t` is on h3, local
                 write that host under its `hosts:`, or link a node there
            E192 15:5 ⟨{⟩ `s` has a part on each of its hosts, and nothing says which of them is linked here
                 link the others to it, each by a link of two endpoints
            E194 19:39 ⟨1400⟩ `mtu` is a setting of a device, and the end at Open vSwitch has none: it is a tunnel port
                 write it at the endpoint of the other node, or at links on one host
            E194 19:55 ⟨1mbit⟩ `policing` is a setting of a device, and the end at Open vSwitch has none: it is a tunnel port
                 write it at the endpoint of the other node, or at links on one host
            E049 12:36 ⟨4⟩ a device between hosts takes no `queues`
                 write it on a link, or take it away
            E049 12:51 ⟨10⟩ a device between hosts takes no `txqueuelen`
                 write it on a link, or take it away
            E194 18:34 ⟨5ms⟩ `delay` is a setting of a device, and the end at Open vSwitch has none: it is a tunnel port
                 write it at the endpoint of the other node, or at links on one host
            E192 16:37 ⟨true⟩ a port is isolated from those of the same host alone, and this bridge is on several
                 take it away, or put all of it on one host
            E192 17:42 ⟨true⟩ a port is isolated from those of the same host alone, and this bridge is on several
                 take it away, or put all of it on one host
        "#]],
    );
}

#[test]
fn what_a_machine_itself_cannot_have_is_told() {
    check_lab(
        r#"hosts: { h1: { ssh: h1 }, h2: { ssh: h2 } }
defaults: { node: { sysctls: { net.ipv4.ip_forward: 1 } } }
kinds: { host: { mtu: 1400 } }
nodes:
  m: { kind: host, host: h1, lo: 10.0.0.1/32, exec: [[id]], sysctls: { net.ipv4.ip_forward: 0 }, interfaces: { d0: { dummy: true } } }
  n: { kind: host, host: h1, routes: [{ to: default, via: 10.0.0.1 }], subnet: none, hosts: [h1, h2] }
  here: { kind: host }
  a: { host: h2 }
links:
  - { endpoints: [m, a] }
  - { endpoints: ["here:vx0", a] }
  - { endpoints: ["m:mv0", "host:eth1"], macvlan: bridge }
"#,
        expect![[r#"
            E034 6:34 ⟨10.0.0.1/32⟩ the machine itself takes no `lo`
                 take it away
            E034 6:47 ⟨exec⟩ the machine itself takes no `exec`
                 run it from a node of its own: netsim runs nothing on a machine itself
            E034 6:61 ⟨sysctls⟩ the machine itself takes no `sysctls`
                 take it away
            E187 6:112 ⟨d0⟩ the machine itself has no interfaces of netsim's but those that links make
                 write it on a namespace or a router of that host
            E034 7:86 ⟨hosts⟩ the machine itself takes no `hosts`
                 take it away; only a bridge is on several hosts
            E034 7:80 ⟨none⟩ the machine itself takes no `subnet`
                 write it on the link, or on a bridge
            E034 7:30 ⟨routes⟩ the machine itself takes no `routes`
                 take it away
            E043 13:5 ⟨{⟩ a `macvlan` belongs to a node, and here is the machine itself
                 name a namespace or a router
            E187 11:19 ⟨m⟩ this makes a device among those of the machine `m`, and nothing says its name
                 write it: `m:vxlan0`
            E187 7:3 ⟨n⟩ `m` and `n` are one machine, h1
                 write one node, and all links to that
        "#]],
    );
    check_lab(
        "hosts: { h1: { ssh: h1 } }\nplace: auto\nnodes: { m: { kind: host }, a: { host: h1 } }\nlinks: [{ endpoints: [\"m:x\", a] }]\n",
        expect![[r#"
            E187 4:10 ⟨m⟩ nothing says which machine this is
                 write `host:`
        "#]],
    );
}

#[test]
fn overlays_that_take_each_others_place_are_told() {
    check_lab(
        r#"hosts: { "h[1-2]": { ssh: "h[1-2]" } }
nodes:
  a[1-2]: { host: "h[1-2]" }
  b[1-2]: { host: "h[1-2]" }
  o: { kind: ovs, host: h1 }
links:
  - { endpoints: [a1, a2], vxlan: { vni: 7 } }
  - { endpoints: [b1, b2], vxlan: { vni: 7 } }
  - { endpoints: [b1, b2], vxlan: { vni: 7, port: 8472 } }
  - { endpoints: [a1, a2], gre: {} }
  - { endpoints: [b1, b2], gre: {} }
  - { endpoints: [b1, b2], gretap: {} }
  - { endpoints: [b1, b2], gre: { key: 1 } }
  - { endpoints: [o, a2] }
"#,
        expect![[r#"
            E189 9:42 ⟨7⟩ `a1-a2` and `b1-b2` are two overlays of one VNI, 7, on h1
                 write another for one of them, or none
            E189 12:28 ⟨gre⟩ `a1-a2-2` and `b1-b2-3` are two tunnels on h1 for packets in GRE without a key: nothing tells them apart
                 write `key:`, another for each
            E189 15:5 ⟨{⟩ UDP port 4789 of h1 is for a VXLAN device in `a1-a2` and for VXLAN of Open vSwitch in `o-a2`: they cannot share it
                 write another `port:` for one of them
        "#]],
    );
}

/// It takes apart all that comes to its address at a port, and drops what it has no tunnel for.
#[test]
fn open_vswitch_in_user_space_leaves_a_port_to_nobody_else() {
    let check = |links: &str, expected: Expect| {
        let nodes = "\"a[1-2]\": { host: \"h[1-2]\" }, b: { host: h2 }, n: { kind: ovs, host: h1, datapath: netdev }, s: { kind: ovs, host: h1 }, \"t[1-2]\": { kind: ovs, host: h2 }";
        check_lab(
            &format!("hosts: {{ \"h[1-2]\": {{ ssh: \"h[1-2]\" }} }}\nnodes: {{ {nodes} }}\nlinks:\n{links}"),
            expected,
        );
    };
    check(
        "  - { endpoints: [a1, a2] }\n  - { endpoints: [n, a2] }\n",
        expect![[r#"
        E189 6:5 ⟨{⟩ UDP port 4789 of h1 is for a VXLAN device in `a1-a2` and for VXLAN of Open vSwitch in user space in `n-a2`: they cannot share it
             write another `port:` for one of them
    "#]],
    );
    let links = "  - { endpoints: [s, t1], vxlan: { port: 7000 } }\n  - { endpoints: [n, t2], vxlan: { port: 7000 } }\n  - { endpoints: [n, t1], geneve: { port: 7000 } }\n";
    check(
        links,
        expect![[r#"
        E189 6:27 ⟨vxlan⟩ UDP port 7000 of h1 is for VXLAN of Open vSwitch in `s-t1` and for VXLAN of Open vSwitch in user space in `n-t2`: they cannot share it
             write another `port:` for one of them
        E189 7:27 ⟨geneve⟩ UDP port 7000 of h2 is for VXLAN of Open vSwitch in `s-t1` and for Geneve of Open vSwitch in `n-t1`: they cannot share it
             write another `port:` for one of them
        E189 7:27 ⟨geneve⟩ UDP port 7000 of h1 is for VXLAN of Open vSwitch in `s-t1` and for Geneve of Open vSwitch in user space in `n-t1`: they cannot share it
             write another `port:` for one of them
    "#]],
    );
    let links = "  - { endpoints: [a1, a2], gre: {} }\n  - { endpoints: [n, t1], gretap: {} }\n  - { endpoints: [s, t2], gretap: { key: 1 } }\n";
    check(
        links,
        expect![[r#"
        E189 6:27 ⟨gretap⟩ IP protocol 47 of h1 is for a GRE device in `a1-a2` and for GRE of Open vSwitch in user space in `n-t1`: they cannot share it
             make one of them `vxlan`
    "#]],
    );
    let good = "  - { endpoints: [n, a2] }\n  - { endpoints: [n, b] }\n  - { endpoints: [a1, a2], gre: {} }\n  - { endpoints: [s, t1], gretap: { key: 1 } }\n";
    check(
        good,
        expect![[r#"
        t "t-" Written
        host h1 ssh h1 weight 1
        host h2 ssh h2 weight 1
        a1: namespace on h1
        a2: namespace on h2
        b: namespace on h2
        n: ovs in-host Netdev on h1
        s: ovs in-host on h1
        t1: ovs in-host on h2
        t2: ovs in-host on h2
        n -- a2
        n -- b
        a1 -- a2 as gre
        s -- t1 as gretap key 1
    "#]],
    );
}

#[test]
fn names_of_parts_are_told_that_are_taken_or_too_long() {
    check_lab(
        "hosts: { h1: { ssh: h1 } }\nnodes: { s: { kind: bridge, hosts: [h1, local] }, s-h1: {}, a: {}, b: { host: h1 }, c: {} }\nlinks: [{ endpoints: [a, b, c] }]\n",
        expect![[r#"
            E012 3:10 ⟨s⟩ the part of `s` on h1 would be called `s-h1`, as a node is
                 give one of them another name
        "#]],
    );
    check_lab(
        &format!(
            "prefix: {}\nhosts: {{ host-with-a-name: {{ ssh: h }} }}\nnodes: {{ s: {{ kind: bridge, hosts: [host-with-a-name, local] }} }}\n",
            "p".repeat(190)
        ),
        expect![[r#"
            E012 4:10 ⟨s⟩ the part of `s` on host-with-a-name cannot have a namespace of its name: `pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppps-host-with-a-name` is 208 bytes long; at most 200 fit
                 give one of them another name
        "#]],
    );
}
