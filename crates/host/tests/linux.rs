//! The Linux backend against the kernel at hand: what is asked for is what is seen, and nothing of others is touched.

mod common;

use common::*;
use netsim_core::state::HostState;

macro_rules! on_a_machine {
    ($name:ident, $body:block) => {
        #[test]
        fn $name() {
            on_a_machine_of_its_own(stringify!($name), || $body);
        }
    };
}

fn pair() -> HostState {
    state([
        netns("a"),
        netns("b"),
        wire("a/eth0", "b/eth0"),
        vec![
            address("a/eth0", "10.0.0.1/30"),
            address("b/eth0", "10.0.0.2/30"),
            route("a", "0.0.0.0/0", "eth0 10.0.0.2"),
        ],
    ])
}

fn star(nodes: u32) -> HostState {
    let mut parts = vec![netns("sw"), vec![bridge("sw/br0"), up("sw/br0")]];
    for i in 1..=nodes {
        let (n, p) = (format!("n{i}"), format!("sw/n{i}"));
        let e = format!("{n}/eth0");
        parts.push(netns(&n));
        parts.push(wire(&e, &p));
        parts.push(vec![port(&p, "br0"), address(&e, &format!("10.1.{}.{}/16", i / 250, i % 250 + 1))]);
    }
    state(parts)
}

on_a_machine!(two_nodes_on_a_wire_are_as_asked_for_and_then_gone, {
    become_so(&pair());
    let seen = run("ip", &["-n", "a", "route", "get", "10.0.0.2"]);
    assert!(seen.contains("dev eth0 src 10.0.0.1"), "{seen}");
    become_so(&HostState::default());
    assert_eq!(std::fs::read_dir("/run/netns").expect("it is made").count(), 0);
});

on_a_machine!(a_star_is_as_asked_for_and_takes_another_node_and_lets_one_go, {
    become_so(&star(4));
    become_so(&star(5));
    become_so(&star(3));
    become_so(&HostState::default());
});
