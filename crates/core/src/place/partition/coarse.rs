//! A smaller graph of the same shape: vertices that are close to each other are one there.

use rustc_hash::FxHashMap;

use super::{Partition, Vertex};

/// So many vertices to a host are few enough.
const FEW: usize = 24;

/// So small a part of a host's share a vertex stays at most.
const PART: u64 = 8;

/// A graph with vertices joined in pairs, and by vertex what it is there; none where that would hardly make it smaller.
pub(super) fn coarser(fine: &Partition) -> Option<(Partition, Vec<usize>)> {
    let count = fine.vertices.len();
    if fine.vertices.iter().filter(|vertex| vertex.fixed.is_none()).count() <= FEW * fine.hosts.len() {
        return None;
    }
    let pairs = Pairing::of(fine).pairs();
    let mut coarse = vec![usize::MAX; count];
    let mut vertices: Vec<Vertex> = Vec::new();
    for vertex in 0..count {
        match pairs[vertex] {
            Some(other) if other < vertex => {
                coarse[vertex] = coarse[other];
                vertices[coarse[other]].load += fine.vertices[vertex].load;
            }
            Some(_) | None => {
                coarse[vertex] = vertices.len();
                vertices.push(fine.vertices[vertex].clone());
            }
        }
    }
    if vertices.len() * 10 > count * 9 {
        return None;
    }
    let mut links: Vec<(usize, usize, u32)> = fine
        .links
        .iter()
        .map(|&(a, b, n)| (coarse[a].min(coarse[b]), coarse[a].max(coarse[b]), n))
        .filter(|(a, b, _)| a != b)
        .collect();
    links.sort_unstable();
    links.dedup_by(|later, first| {
        let same = (later.0, later.1) == (first.0, first.1);
        first.2 += if same { later.2 } else { 0 };
        same
    });
    Some((Partition { hosts: fine.hosts.clone(), vertices, links }, coarse))
}

/// Vertices that are joined: each with the neighbour that most links lead to, then those that are left by a neighbour that they share.
struct Pairing<'p> {
    fine: &'p Partition,
    near: Vec<Vec<(usize, u32)>>,
    with: Vec<Option<usize>>,
    most: u64,
}

impl<'p> Pairing<'p> {
    fn of(fine: &'p Partition) -> Self {
        let near = super::state::near(fine);
        let load: u64 = fine.vertices.iter().map(|vertex| vertex.load).sum();
        let most = (load / (PART * fine.hosts.len() as u64)).max(2);
        Pairing { fine, near, with: vec![None; fine.vertices.len()], most }
    }

    fn pairs(mut self) -> Vec<Option<usize>> {
        let mut order: Vec<usize> = (0..self.near.len()).collect();
        order.sort_by_key(|&vertex| self.near[vertex].len());
        for &vertex in &order {
            if self.with[vertex].is_some() {
                continue;
            }
            let fits = |(other, _): &&(usize, u32)| self.fit(vertex, *other);
            let lightest = |&(other, links): &(usize, u32)| {
                (links, std::cmp::Reverse(self.fine.vertices[other].load), std::cmp::Reverse(other))
            };
            if let Some(&(other, _)) = self.near[vertex].iter().filter(fits).max_by_key(|near| lightest(near)) {
                self.join(vertex, other);
            }
        }
        let mut waiting: FxHashMap<usize, usize> = FxHashMap::default();
        for &vertex in &order {
            let hub = self.near[vertex].iter().max_by_key(|(other, links)| (*links, std::cmp::Reverse(*other)));
            let Some(&(hub, _)) = hub.filter(|_| self.with[vertex].is_none()) else { continue };
            match waiting.get(&hub).copied().filter(|&other| self.fit(vertex, other)) {
                Some(other) => {
                    self.join(vertex, other);
                    waiting.remove(&hub);
                }
                None => {
                    waiting.insert(hub, vertex);
                }
            }
        }
        self.with
    }

    fn fit(&self, a: usize, b: usize) -> bool {
        let [one, other] = [a, b].map(|vertex| &self.fine.vertices[vertex]);
        a != b
            && self.with[a].is_none()
            && self.with[b].is_none()
            && one.fixed.is_none()
            && other.fixed.is_none()
            && one.allowed == other.allowed
            && one.load + other.load <= self.most
    }

    fn join(&mut self, a: usize, b: usize) {
        (self.with[a], self.with[b]) = (Some(b), Some(a));
    }
}
