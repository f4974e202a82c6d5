//! Hosts, and what is between them: what the file means, and what of it is a mistake.

use expect_test::expect;

use crate::show::check_lab;

#[test]
fn hosts_have_ranges_and_nodes_say_where_they_are() {
    check_lab(
        r#"hosts:
  h[1-2]: { ssh: "lab-h[1-2]", underlay: { address: ["192.0.2.[1-2]", "2001:db8::[1-2]"], device: "eth[1-2]" }, sudo: true, weight: 2 }
  v6: { ssh: "[fe80::1%eth0]" }
  local: { underlay: { address: 192.0.2.9 } }
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
            host h1 ssh lab-h1 sudo at 192.0.2.1 at 2001:db8::1 on eth1 weight 2
            host h2 ssh lab-h2 sudo at 192.0.2.2 at 2001:db8::2 on eth2 weight 2
            host v6 ssh [fe80::1%eth0] weight 1
            host local at 192.0.2.9 weight 1
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
