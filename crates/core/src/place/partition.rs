//! A graph divided among hosts: few links between them, each loaded by its weight. Without chance, so that equal graphs are divided equally.

use self::state::State;

mod coarse;
mod grow;
mod refine;
mod state;
#[cfg(test)]
mod tests;

/// A host: how much of the whole it takes, beside the others; 0: only what is fixed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host {
    pub weight: u64,
}

/// What is put on a host as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Vertex {
    /// How much it counts; 0 of what runs nowhere.
    pub load: u64,
    /// The host that it is on in any case.
    pub fixed: Option<usize>,
    /// The hosts that it can be on, sorted; none: all with a weight.
    pub allowed: Option<Vec<usize>>,
}

/// What is divided.
#[derive(Debug, Clone, Default)]
pub(super) struct Partition {
    pub hosts: Vec<Host>,
    pub vertices: Vec<Vertex>,
    /// Between two vertices, and how many; there may be more between the same two.
    pub links: Vec<(usize, usize, u32)>,
}

impl Partition {
    /// By vertex: its host.
    pub fn divide(&self) -> Vec<usize> {
        let mut candidates = self.grown();
        candidates.extend(coarse::coarser(self).map(|(smaller, of)| {
            let at = smaller.divide();
            let mut state = State::new(self);
            for vertex in (0..of.len()).filter(|&vertex| self.vertices[vertex].fixed.is_none()) {
                state.put(vertex, at[of[vertex]]);
            }
            refine::refine(&mut state);
            state
        }));
        let best = candidates.into_iter().min_by_key(State::score).expect("there are several ways to start");
        best.at.into_iter().map(|host| host.expect("growing leaves nothing out")).collect()
    }

    /// Divisions that are grown, each from another start.
    fn grown(&self) -> Vec<State<'_>> {
        let empty = State::new(self);
        let starts = [grow::Start::Join, grow::Start::First, grow::Start::Far];
        let grown = starts.into_iter().map(|start| {
            let mut state = empty.clone();
            grow::grow(&mut state, start);
            refine::refine(&mut state);
            state
        });
        grown.collect()
    }

    /// Most that each host should have: its share, a tenth more where that is a whole vertex.
    pub fn bounds(&self) -> Vec<u64> {
        self.shares().map(|(share, parts)| share.div_ceil(parts).max(share * 11 / (parts * 10))).collect()
    }

    /// Each host's share of what is on hosts with a weight, as a fraction.
    fn shares(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = |vertex: &&Vertex| vertex.fixed.is_none_or(|host| self.hosts[host].weight > 0);
        let load: u64 = self.vertices.iter().filter(counts).map(|vertex| vertex.load).sum();
        let weights: u64 = self.hosts.iter().map(|host| host.weight).sum();
        self.hosts.iter().map(move |host| (load * host.weight, weights.max(1)))
    }
}
