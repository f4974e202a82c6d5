//! A first division: regions that grow from what is fixed, or from a seed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::state::State;

/// How to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Vertex by vertex, each to where most of its links lead.
    Join,
    /// Host by host, each from the first vertex that is left.
    First,
    /// Host by host, each from a vertex at the rim of what is left.
    Far,
}

/// Puts all that is on no host on one.
pub(super) fn grow(state: &mut State<'_>, start: Start) {
    match start {
        Start::Join => {}
        Start::First => regions(state, &mut |state, host, from| next(state, host, from)),
        Start::Far => regions(state, &mut |state, host, from| Some(farthest(state, host, next(state, host, from)?))),
    }
    join(state);
}

/// A host has its share, and takes no more from growing.
fn is_full(state: &State<'_>, host: usize, more: u64) -> bool {
    state.load[host] + more > state.bounds[host]
}

/// Each vertex goes to where most of its links lead, among hosts with room; the one that is drawn most goes first.
fn join(state: &mut State<'_>) {
    let mut heap: BinaryHeap<(u32, Reverse<usize>)> = BinaryHeap::new();
    for vertex in (0..state.at.len()).filter(|&v| state.at[v].is_none()) {
        heap.push((best(state, vertex).0, Reverse(vertex)));
    }
    while let Some((drawn, Reverse(vertex))) = heap.pop() {
        if state.at[vertex].is_some() {
            continue;
        }
        let (links, host) = best(state, vertex);
        if links < drawn {
            heap.push((links, Reverse(vertex)));
            continue;
        }
        state.put(vertex, host);
        for n in 0..state.near(vertex).len() {
            let (other, _) = state.near(vertex)[n];
            if state.at[other].is_none() {
                heap.push((best(state, other).0, Reverse(other)));
            }
        }
    }
}

/// The host that most links of a vertex lead to, among those with room, and how many; where none has room, the emptiest.
fn best(state: &State<'_>, vertex: usize) -> (u32, usize) {
    let load = state.load_of(vertex);
    let rank = |&host: &usize| {
        let full = is_full(state, host, load);
        let links = if full { 0 } else { state.links(vertex, host) };
        (full, Reverse(links), state.fullness(host, load), host)
    };
    let host = state.allowed(vertex).min_by_key(rank).expect("every vertex can be somewhere");
    (if is_full(state, host, load) { 0 } else { state.links(vertex, host) }, host)
}

/// Finds a vertex for a host to begin with, from a place in the order of all.
type Seed<'s> = &'s mut dyn FnMut(&State<'_>, usize, &mut usize) -> Option<usize>;

/// Grows a region on each host until it has its share; always by the vertex that leaves least links behind.
fn regions(state: &mut State<'_>, seed: Seed<'_>) {
    let shares: Vec<u64> = state.partition.shares().map(|(share, parts)| share.div_ceil(parts)).collect();
    // By vertex: its links to what is on no host.
    let count = |state: &State<'_>, vertex: usize| -> i64 {
        let near = state.near(vertex).iter().filter(|(other, _)| state.at[*other].is_none());
        near.map(|(_, count)| i64::from(*count)).sum()
    };
    let mut open: Vec<i64> = (0..state.at.len()).map(|vertex| count(state, vertex)).collect();
    for host in (0..shares.len()).filter(|&host| state.partition.hosts[host].weight > 0) {
        let mut heap: BinaryHeap<(i64, Reverse<usize>)> = BinaryHeap::new();
        let gain = |state: &State<'_>, open: &[i64], vertex: usize| i64::from(state.links(vertex, host)) - open[vertex];
        for vertex in (0..state.at.len()).filter(|&v| state.at[v].is_none() && state.links(v, host) > 0) {
            heap.push((gain(state, &open, vertex), Reverse(vertex)));
        }
        let mut from = 0;
        while state.load[host] < shares[host] {
            let vertex = match heap.pop() {
                Some((_, Reverse(vertex))) if state.at[vertex].is_some() => continue,
                Some((was, Reverse(vertex))) if gain(state, &open, vertex) != was => {
                    heap.push((gain(state, &open, vertex), Reverse(vertex)));
                    continue;
                }
                Some((_, Reverse(vertex))) => vertex,
                None => match seed(state, host, &mut from) {
                    Some(vertex) => vertex,
                    None => break,
                },
            };
            if !can(state, vertex, host) || is_full(state, host, state.load_of(vertex)) {
                continue;
            }
            state.put(vertex, host);
            for &(other, links) in state.near(vertex) {
                open[other] -= i64::from(links);
                if state.at[other].is_none() && can(state, other, host) {
                    heap.push((gain(state, &open, other), Reverse(other)));
                }
            }
        }
    }
}

fn can(state: &State<'_>, vertex: usize, host: usize) -> bool {
    state.partition.vertices[vertex].allowed.as_ref().is_none_or(|allowed| allowed.contains(&host))
}

/// The first vertex, from a place in the order, that a host can take.
fn next(state: &State<'_>, host: usize, from: &mut usize) -> Option<usize> {
    let takes = |&vertex: &usize| state.at[vertex].is_none() && can(state, vertex, host);
    let found = (*from..state.at.len()).find(takes);
    // What does not fit is not asked for again.
    *from = found.map_or(state.at.len(), |vertex| vertex + 1);
    found
}

/// One of those that are farthest from a vertex, over what is on no host.
fn farthest(state: &State<'_>, host: usize, vertex: usize) -> usize {
    let mut seen = rustc_hash::FxHashSet::from_iter([vertex]);
    let mut queue = VecDeque::from([vertex]);
    let mut last = vertex;
    while let Some(vertex) = queue.pop_front() {
        if can(state, vertex, host) {
            last = vertex;
        }
        for &(other, _) in state.near(vertex) {
            if state.at[other].is_none() && seen.insert(other) {
                queue.push_back(other);
            }
        }
    }
    last
}
