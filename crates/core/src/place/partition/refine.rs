//! A division made better by moving one vertex after another, each once a pass, and keeping the best that was on the way (Fiduccia and Mattheyses 1982).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::state::State;

/// Most passes; nearly always a pass that brings nothing comes long before.
const PASSES: usize = 16;

/// So many moves without anything gained end a pass, and more in a large graph.
const PATIENCE: usize = 64;

/// A move: what it gains in links, and of which vertex.
type Move = (i64, Reverse<usize>);

/// Makes a division better until a pass brings nothing.
pub(super) fn refine(state: &mut State<'_>) {
    let moving: Vec<usize> = (0..state.at.len()).filter(|&vertex| state.moves(vertex)).collect();
    for _ in 0..PASSES {
        if !pass(state, &moving) {
            break;
        }
    }
}

/// Moves each vertex once at most; true if that has brought something.
fn pass(state: &mut State<'_>, moving: &[usize]) -> bool {
    // So much a host may have above its bound on the way: or nothing could be exchanged between hosts that are full.
    let slack = moving.iter().map(|&vertex| state.load_of(vertex)).max().unwrap_or(0);
    let mut done = vec![false; state.at.len()];
    let mut heaps: Vec<BinaryHeap<Move>> = vec![BinaryHeap::new(); state.load.len()];
    for &vertex in moving {
        offer(state, vertex, slack, &mut heaps);
    }
    let before = state.score();
    let (mut best, mut kept) = (before, 0);
    let mut made: Vec<(usize, usize)> = Vec::new();
    let patience = PATIENCE.max(moving.len() / 16);
    while made.len() - kept <= patience {
        let Some((from, vertex)) = take(state, slack, &mut heaps, &done) else { break };
        let (_, to) = target(state, vertex, slack).expect("it was just looked for");
        state.shift(vertex, to);
        done[vertex] = true;
        made.push((vertex, from));
        for n in 0..state.near(vertex).len() {
            let (other, _) = state.near(vertex)[n];
            if state.moves(other) && !done[other] {
                offer(state, other, slack, &mut heaps);
            }
        }
        let score = state.score();
        if score < best {
            (best, kept) = (score, made.len());
        }
    }
    for (vertex, from) in made.drain(kept..).rev() {
        state.shift(vertex, from);
    }
    best < before
}

/// The best move that there is: where a host has too much, one away from it.
fn take(state: &State<'_>, slack: u64, heaps: &mut [BinaryHeap<Move>], done: &[bool]) -> Option<(usize, usize)> {
    let hosts = 0..heaps.len();
    let above =
        hosts.clone().find(|&host| state.partition.hosts[host].weight > 0 && state.load[host] > state.bounds[host]);
    loop {
        let from = match above.filter(|&host| !heaps[host].is_empty()) {
            Some(host) => host,
            None => {
                hosts.clone().filter(|&host| !heaps[host].is_empty()).max_by_key(|&host| heaps[host].peek().copied())?
            }
        };
        let (was, Reverse(vertex)) = heaps[from].pop().expect("it is not empty");
        if done[vertex] || state.at[vertex] != Some(from) {
            continue;
        }
        match target(state, vertex, slack) {
            Some((gain, _)) if gain >= was => return Some((from, vertex)),
            Some((gain, _)) => heaps[from].push((gain, Reverse(vertex))),
            None => {}
        }
    }
}

fn offer(state: &State<'_>, vertex: usize, slack: u64, heaps: &mut [BinaryHeap<Move>]) {
    if let (Some(from), Some((gain, _))) = (state.at[vertex], target(state, vertex, slack)) {
        heaps[from].push((gain, Reverse(vertex)));
    }
}

/// Where a vertex would best go, and how many links between hosts that saves.
fn target(state: &State<'_>, vertex: usize, slack: u64) -> Option<(i64, usize)> {
    let from = state.at[vertex].expect("all are put before any is moved");
    let load = state.load_of(vertex);
    let here = i64::from(state.links(vertex, from));
    let room = |&host: &usize| host != from && state.load[host] + load <= state.bounds[host] + slack;
    let rank = |&host: &usize| {
        let gain = i64::from(state.links(vertex, host)) - here;
        (gain, Reverse(state.fullness(host, load)), Reverse(host))
    };
    let host = state.allowed(vertex).filter(room).max_by_key(rank)?;
    Some((i64::from(state.links(vertex, host)) - here, host))
}
