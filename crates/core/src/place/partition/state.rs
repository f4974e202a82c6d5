//! A division on the way: where vertices are, and what a move of one would bring.

use super::Partition;

/// So finely loads are compared between hosts of different weights.
const FINE: u64 = 1 << 20;

/// Vertices on hosts.
#[derive(Debug, Clone)]
pub(super) struct State<'p> {
    pub partition: &'p Partition,
    /// By vertex: its neighbours, each once, with how many links there are.
    near: Vec<Vec<(usize, u32)>>,
    /// By vertex: its host.
    pub at: Vec<Option<usize>>,
    /// By host.
    pub load: Vec<u64>,
    /// By host: most that it should have.
    pub bounds: Vec<u64>,
    /// By vertex and host: its links to there.
    links: Vec<u32>,
    /// Links between hosts.
    cut: u64,
    /// By host: a measure of one unit of load there.
    unit: Vec<u64>,
}

/// How good a division is; less is better: load above the bounds, links between hosts, how uneven it is.
pub(super) type Score = (u64, u64, u128);

impl<'p> State<'p> {
    /// What is fixed, where it is.
    pub fn new(partition: &'p Partition) -> Self {
        let (hosts, count) = (partition.hosts.len(), partition.vertices.len());
        let near = near(partition);
        let unit = partition.hosts.iter().map(|host| FINE.checked_div(host.weight).unwrap_or(0)).collect();
        let mut state = State {
            partition,
            near,
            at: vec![None; count],
            load: vec![0; hosts],
            bounds: partition.bounds(),
            links: vec![0; count * hosts],
            cut: 0,
            unit,
        };
        for (vertex, fixed) in partition.vertices.iter().enumerate().filter_map(|(n, v)| Some((n, v.fixed?))) {
            state.put(vertex, fixed);
        }
        state
    }

    /// Whether a vertex can be moved.
    pub fn moves(&self, vertex: usize) -> bool {
        self.partition.vertices[vertex].fixed.is_none()
    }

    pub fn load_of(&self, vertex: usize) -> u64 {
        self.partition.vertices[vertex].load
    }

    pub fn near(&self, vertex: usize) -> &[(usize, u32)] {
        &self.near[vertex]
    }

    /// The links of a vertex to what is on a host.
    pub fn links(&self, vertex: usize, host: usize) -> u32 {
        self.links[vertex * self.load.len() + host]
    }

    /// The hosts that a vertex can be on.
    pub fn allowed(&self, vertex: usize) -> impl Iterator<Item = usize> + '_ {
        let of_vertex = self.partition.vertices[vertex].allowed.as_deref();
        let listed = of_vertex.into_iter().flatten().copied();
        let all = self.partition.hosts.iter().enumerate().filter(|(_, host)| host.weight > 0).map(|(n, _)| n);
        listed.chain(all.filter(move |_| of_vertex.is_none()))
    }

    /// How loaded a host would be with so much more: to compare with others.
    pub fn fullness(&self, host: usize, more: u64) -> u64 {
        (self.load[host] + more) * self.unit[host]
    }

    /// Puts a vertex on a host that is on none.
    pub fn put(&mut self, vertex: usize, host: usize) {
        self.at[vertex] = Some(host);
        self.load[host] += self.load_of(vertex);
        let hosts = self.load.len();
        for &(other, count) in &self.near[vertex] {
            self.links[other * hosts + host] += count;
            if self.at[other].is_some_and(|there| there != host) {
                self.cut += u64::from(count);
            }
        }
    }

    /// Moves a vertex to a host, from where it is.
    pub fn shift(&mut self, vertex: usize, host: usize) {
        let from = self.at[vertex].expect("what is moved has been put");
        let hosts = self.load.len();
        self.load[from] -= self.load_of(vertex);
        self.cut -= self.near[vertex]
            .iter()
            .filter(|(other, _)| self.at[*other].is_some_and(|there| there != from))
            .map(|(_, count)| u64::from(*count))
            .sum::<u64>();
        for &(other, count) in &self.near[vertex] {
            self.links[other * hosts + from] -= count;
        }
        self.at[vertex] = None;
        self.put(vertex, host);
    }

    /// How good it is.
    pub fn score(&self) -> Score {
        let above = self.load.iter().zip(&self.bounds).zip(&self.partition.hosts);
        // A host without a weight has what is fixed there.
        let above =
            above.filter(|(_, host)| host.weight > 0).map(|((load, bound), _)| load.saturating_sub(*bound)).sum();
        let uneven =
            self.load.iter().zip(&self.unit).map(|(&load, &unit)| u128::from(load) * u128::from(load * unit)).sum();
        (above, self.cut, uneven)
    }
}

/// By vertex: its neighbours, each once, with how many links there are.
pub(super) fn near(partition: &Partition) -> Vec<Vec<(usize, u32)>> {
    let mut near: Vec<Vec<(usize, u32)>> = vec![Vec::new(); partition.vertices.len()];
    for &(a, b, links) in partition.links.iter().filter(|(a, b, _)| a != b) {
        near[a].push((b, links));
        near[b].push((a, links));
    }
    for near in &mut near {
        near.sort_unstable();
        near.dedup_by(|later, first| {
            let same = later.0 == first.0;
            first.1 += if same { later.1 } else { 0 };
            same
        });
    }
    near
}
