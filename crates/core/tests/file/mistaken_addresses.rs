//! Mistakes in addresses, subnets and next hops: each is told where it stands.

use expect_test::expect;

use crate::show::check_lab;

#[test]
fn addresses_that_no_interface_can_have_are_told() {
    for address in [
        "10.0.0.0/24",
        "10.0.0.255/24",
        "10.0.0.1",
        "224.0.0.1/24",
        "127.0.0.1/8",
        "0.0.0.0/0",
        "10.0.0.1/33",
        "fd00::1/64",
        "x",
    ] {
        let (sources, result) = crate::show::load_files(
            &[(
                "a",
                &format!(
                    "name: t\nnodes: {{ a: {{}}, b: {{}} }}\nlinks: [{{ endpoints: [a, {{ node: b, ipv4: \"{address}\" }}] }}]\n"
                ),
            )],
            &[],
        );
        let problems = result.err().unwrap_or_else(|| panic!("{address} was taken"));
        assert_eq!(problems.len(), 1, "{}", crate::show::told(&sources, &problems));
    }
    check_lab(
        "nodes: { a: { lo: [10.0.0.0/31, 127.0.0.1/8, fd00::/64, 10.9.0.0/24] } }\n",
        expect![[r#"
        E022 2:33 ⟨127.0.0.1/8⟩ 127.0.0.1/8 is on every `lo` already: no interface can have it
             write a host's address, as 10.0.0.1/24
        E022 2:46 ⟨fd00::/64⟩ fd00::/64 is the network itself (its routers' anycast address): no interface can have it
             take a host's address in fd00::/64
        E022 2:57 ⟨10.9.0.0/24⟩ 10.9.0.0/24 is the network itself: no interface can have it
             take a host's address in 10.9.0.0/24
    "#]],
    );
}

#[test]
fn an_address_or_a_mac_that_two_have_is_told() {
    check_lab(
        r#"nodes: { a: { lo: 10.0.0.1/32 }, b: { lo: [10.0.0.1/32, 127.0.0.2/8] }, c: { lo: 127.0.0.2/8 }, s: { kind: bridge, ipv4: 10.0.0.2/24 } }
links:
  - { endpoints: [{ node: a, ipv4: 10.0.0.2/30, mac: "02:00:00:00:00:01" }, { node: b, ipv6: fe80::1/64 }] }
  - { endpoints: [{ node: "a:x", mac: "2:0:0:0:0:1" }, b] }
  - { endpoints: [{ node: a, mac: "2:0:0:0:0:1" }, { node: b, ipv6: fe80::1/64 }] }
"#,
        expect![[r#"
            E012 5:27 ⟨\"a:x\"⟩ `a:x` is no node's name
                 write `node: a, interface: x`
            E023 2:39 ⟨lo⟩ 10.0.0.1 is given to `lo` of `a` and to `lo` of `b`
                 give one of them another address
            E023 4:19 ⟨{⟩ 10.0.0.2 is given to `s` and to `a`
                 give one of them another address
            E025 6:19 ⟨{⟩ 02:00:00:00:00:01 is given to `a` and to `a`
                 give one of them another, or write none
        "#]],
    );
}

#[test]
fn subnets_that_overlap_or_disagree_are_told() {
    check_lab(
        r#"nodes:
  a: {}
  b: {}
  s1: { kind: bridge, subnet: 10.0.0.0/16 }
  s2: { kind: bridge, subnet: 10.0.0.0/16 }
  s3: { kind: bridge, subnet: 10.0.4.0/24 }
  s4: { kind: bridge, subnet: none }
  s5: { kind: bridge, subnet: [10.1.0.0/16, 10.2.0.0/16, fd00::/64] }
links:
  - { endpoints: [s1, s2] }
  - { endpoints: [s3, s4] }
  - { endpoints: [a, b], subnet: 10.1.2.0/30 }
  - { endpoints: ["{a,b}", "{b,a}"], subnet: "10.9.[1-2].0/30" }
"#,
        expect![[r#"
            E026 9:45 ⟨10.2.0.0/16⟩ 10.2.0.0/16 is a second subnet of its family
                 keep one subnet per family; other addresses can be written
            E028 8:31 ⟨none⟩ `s4` gives out nothing, but another bridge of its broadcast domain gives out 10.0.4.0/24
                 write one subnet for all of them
            E027 7:31 ⟨10.0.4.0/24⟩ 10.0.4.0/24 of `s3` overlaps with 10.0.0.0/16 of `s1`
                 write subnets that have no address in common
            E027 13:34 ⟨10.1.2.0/30⟩ 10.1.2.0/30 of the link `a` – `b` overlaps with 10.1.0.0/16 of `s5`
                 write subnets that have no address in common
        "#]],
    );
    check_lab(
        "nodes: { s1: { kind: bridge, subnet: 10.0.0.0/24 }, s2: { kind: bridge, subnet: 10.0.1.0/24 } }\nlinks: [{ endpoints: [s1, s2] }]\n",
        expect![[r#"
            E028 2:81 ⟨10.0.1.0/24⟩ `s2` gives out 10.0.1.0/24, but another bridge of its broadcast domain gives out 10.0.0.0/24
                 write one subnet for all of them
        "#]],
    );
    check_lab(
        "addressing: { p2p: { ipv4: 10.0.0.0/8 } }\nnodes: {}\n",
        expect![[r#"
        E027 2:1 ⟨addressing⟩ the pool 10.80.0.0/12 of `lan` overlaps with 10.0.0.0/8 of `p2p`
             write both `p2p:` and `lan:`, with no address in common
    "#]],
    );
}

#[test]
fn next_hops_that_are_on_no_wire_are_told_where_that_is_known() {
    check_lab(
        r#"nodes:
  known:   { routes: [{ to: default, via: 10.0.9.1 }, { to: 10.1.0.0/16, via: 10.0.0.1 }] }
  given:   { routes: [{ to: default, via: 10.0.9.1 }] }
  subnet:  { routes: [{ to: default, via: 10.0.0.9 }, { to: 10.3.0.0/16, via: 10.7.0.9 }] }
  device:  { routes: [{ to: default, via: 10.2.0.2, dev: eth9 }, { to: 10.5.0.0/16, dev: x }, { to: 10.6.0.0/16, dev: eth0 }] }
  alone:   { routes: [{ to: default, via: 10.2.0.2 }] }
  six:     { routes: [{ to: default, via: fd00::1 }, { to: fd01::/64, via: fe80::1, dev: eth0 }] }
  r: { kind: router }
  s: { kind: bridge, subnet: 10.0.0.0/24 }
links:
  - { endpoints: [known, r], ipv4: [10.0.0.2/30, 10.0.0.1/30] }
  - { endpoints: [given, r] }
  - { endpoints: [subnet, s] }
  - { endpoints: [device, r] }
  - { endpoints: [six, r] }
"#,
        expect![[r#"
            E031 3:43 ⟨10.0.9.1⟩ the next hop 10.0.9.1 is on no wire of `known`
                 take a neighbour's address, in 10.0.0.0/30
            E031 5:79 ⟨10.7.0.9⟩ the next hop 10.7.0.9 is on no wire of `subnet`
                 take a neighbour's address, in 10.0.0.0/24
            E030 6:58 ⟨eth9⟩ `device` has no interface `eth9`
                 name an interface of the node
            E030 6:90 ⟨x⟩ `device` has no interface `x`
                 name an interface of the node
            E031 7:43 ⟨10.2.0.2⟩ the next hop 10.2.0.2 is on no wire of `alone`
                 give the node an address in a network with it
            E031 8:43 ⟨fd00::1⟩ the next hop fd00::1 is on no wire of `six`
                 give the node an address in a network with it
        "#]],
    );
}
