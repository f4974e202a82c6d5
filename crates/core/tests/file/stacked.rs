//! Mistakes about interfaces of a node's own: what they stand on, and their members.

use expect_test::expect;

use crate::show::check_lab;

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
