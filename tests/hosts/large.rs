//! What a large lab over three hosts costs, beside one host's part of it.

use std::time::{Duration, Instant};

use crate::bed::*;

const ROUNDS: usize = 3;

/// A hundred nodes on each of three hosts, on one bridge.
fn over_three() -> String {
    let ranges = ["1-100", "101-200", "201-300"].into_iter().enumerate();
    let nodes: String = ranges.map(|(n, range)| format!("  n[{range}]: {{ host: host{} }}\n", n + 1)).collect();
    let bridge = "  sw: { kind: bridge, hosts: [host1, host2, host3], subnet: 10.1.0.0/16 }\n";
    format!("{}nodes:\n{nodes}{bridge}links:\n  - {{ endpoints: [\"n[1-300]\", sw] }}\n", hosts(3))
}

/// So many nodes on one bridge of this machine.
fn here(nodes: u32) -> String {
    let bridge = "  sw: { kind: bridge, subnet: 10.1.0.0/16 }\n";
    format!("name: p\nnodes:\n  n[1-{nodes}]: {{}}\n{bridge}links:\n  - {{ endpoints: [\"n[1-{nodes}]\", sw] }}\n")
}

/// How long the program takes, and what it says.
fn timed(words: &str) -> (Duration, String) {
    let began = Instant::now();
    let said = netsim(&format!("{words} --agent {NETSIM}")).ok();
    (began.elapsed(), said)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn three_hundred_nodes_over_three_hosts_are_looked_at_in_two_round_trips() {
    with_hosts("large::three_hundred_nodes_over_three_hosts_are_looked_at_in_two_round_trips", 3, "", || {
        file("t.yaml", &over_three());
        file("part.yaml", &here(100));
        file("whole.yaml", &here(300));
        let mut times: [Vec<Duration>; 4] = Default::default();
        for _ in 0..ROUNDS {
            times[0].push(timed("apply part.yaml").0);
            timed("destroy p");
            times[1].push(timed("apply t.yaml").0);
            let (again, said) = timed("apply t.yaml");
            times[2].push(again);
            for host in ["host1", "host2", "host3"] {
                let line = said.lines().find_map(|line| line.strip_prefix(&format!("{host}: "))).expect("it is told");
                let trips: Vec<&str> = line.split(", ").filter_map(|trip| Some(trip.split_once(" in ")?.0)).collect();
                assert_eq!(trips, ["lock and observe", "save and keep"], "{said}");
            }
            eprint!("{said}");
            timed("destroy t");
            times[3].push(timed("apply whole.yaml").0);
            timed("destroy p");
        }
        let [part, hosts, again, whole] = times.map(median);
        eprintln!("100 nodes here {part:?}, 300 here {whole:?}, 300 over three hosts {hosts:?}, again {again:?}");
        let ratio = |of: Duration| hosts.as_secs_f64() / of.as_secs_f64();
        eprintln!("over three hosts ÷ a host's part {:.2}, ÷ all of it here {:.2}", ratio(part), ratio(whole));
        for host in ["host1", "host2", "host3"] {
            has_nothing_left(host);
        }
    });
}
