//! What links between hosts become.

use expect_test::{Expect, expect};

use super::problems_of;
use crate::fixture::{Lab, facts, lines, overlay, vxlan};
use crate::given::{Prior, give};
use crate::lower::lower;
use crate::names::HostId;
use crate::resource::Df;
use crate::state::HostFacts;
use crate::topology::OverlayKind;

/// The lines of each host in which one of these stands.
fn check(lab: &Lab, facts: &HostFacts, parts: &[&str], expected: Expect) {
    let given = give(&lab.0, &Prior::default()).expect("a sound lab");
    let desired = lower(&lab.0, &given, facts).expect("a sound lab");
    let mut text = String::new();
    for (host, state) in &desired {
        text += &format!("{host}\n");
        for line in lines(state).lines().filter(|line| parts.iter().any(|part| line.contains(part))) {
            text += &format!("  {line}\n");
        }
    }
    expected.assert_eq(&text);
}

/// Three hosts, and a node on each.
fn three() -> Lab {
    let mut lab = Lab::new();
    lab.hosts(&[("h1", &["192.0.2.1"]), ("h2", &["192.0.2.2"]), ("h3", &["192.0.2.3"])]);
    for (node, on) in [("a", "h1"), ("b", "h2"), ("c", "h3")] {
        lab.host(node);
        lab.on(on, &[node]);
    }
    lab
}

#[test]
fn a_link_between_two_hosts_is_a_vxlan_device_at_either_end() {
    let mut lab = three();
    lab.over("a-b", vxlan(), &["a", "b:up"]);
    check(&lab, &HostFacts::new(), &["eth0", "up"], expect![[""]]);
}
