//! Parts of a broadcast domain that do not all hear each other: isolated ports, devices on a NIC.

use std::collections::VecDeque;

use petgraph::graph::EdgeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Wire;
use crate::resource::MacvlanMode;
use crate::topology::LinkKind;

/// A part of a domain, by number.
pub(crate) type CellId = u32;

/// Who hears whom: by two parts. None: there is one part, and all in it hear each other.
#[derive(Debug, Default)]
pub(crate) struct Cells(Option<Vec<Vec<bool>>>);

/// Where a member comes into a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Entry {
    /// A wire in a switch, and whether by an isolated port; or the only wire of the domain.
    Port(Wire, bool),
    /// A NIC of the machine, and whether the devices on it hear each other.
    Nic(bool),
}

impl Entry {
    pub(super) fn on_nic(kind: LinkKind) -> Self {
        Entry::Nic(match kind {
            LinkKind::Macvlan(MacvlanMode::Bridge) | LinkKind::Ipvlan(_) => true,
            // In vepa mode it depends on the switch outside.
            LinkKind::Macvlan(MacvlanMode::Private | MacvlanMode::Vepa | MacvlanMode::Passthru) => false,
            LinkKind::Veth | LinkKind::Bond { .. } | LinkKind::Overlay => false,
        })
    }
}

/// A link between two switches of a domain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage {
    pub(super) edge: EdgeIndex<u32>,
    pub(super) switches: [Wire; 2],
    pub(super) isolated: [bool; 2],
}

impl Cells {
    /// The parts, and that of each entry.
    pub(super) fn new(entries: impl Iterator<Item = Entry> + Clone, passages: &[Passage]) -> (Self, Vec<CellId>) {
        let parts = |entry: &Entry| match entry {
            Entry::Port(_, isolated) => *isolated,
            Entry::Nic(_) => true,
        };
        if !entries.clone().any(|e| parts(&e)) && !passages.iter().any(|p| p.isolated.contains(&true)) {
            return (Cells(None), vec![0; entries.count()]);
        }
        let mut known: FxHashMap<Entry, CellId> = FxHashMap::default();
        let mut cells: Vec<Entry> = Vec::new();
        let ids = entries
            .map(|entry| {
                *known.entry(entry).or_insert_with(|| {
                    cells.push(entry);
                    u32::try_from(cells.len() - 1).expect("fewer parts than interfaces")
                })
            })
            .collect();
        let hears = |from: &Entry| {
            let heard = heard(*from, passages);
            cells.iter().map(|to| heard.contains(to)).collect()
        };
        (Cells(Some(cells.iter().map(hears).collect())), ids)
    }

    /// Whether what is in one part hears what else is in another, or in the same.
    pub(crate) fn hears(&self, a: CellId, b: CellId) -> bool {
        self.0.as_ref().is_none_or(|hears| hears[a as usize][b as usize])
    }
}

/// The entries at which a frame comes out that came in by one.
fn heard(from: Entry, passages: &[Passage]) -> FxHashSet<Entry> {
    let (wire, isolated) = match from {
        Entry::Port(wire, isolated) => (wire, isolated),
        Entry::Nic(siblings) => return siblings.then_some(from).into_iter().collect(),
    };
    let mut heard = FxHashSet::default();
    let mut seen = FxHashSet::default();
    let mut todo = VecDeque::from([(wire, isolated, None)]);
    while let Some((wire, isolated, by)) = todo.pop_front() {
        if !seen.insert((wire, isolated, by)) {
            continue;
        }
        heard.insert(Entry::Port(wire, false));
        if !isolated {
            heard.insert(Entry::Port(wire, true));
        }
        for passage in passages.iter().filter(|p| by != Some(p.edge)) {
            for side in [0, 1].into_iter().filter(|&side| passage.switches[side] == wire) {
                if !(isolated && passage.isolated[side]) {
                    todo.push_back((passage.switches[1 - side], passage.isolated[1 - side], Some(passage.edge)));
                }
            }
        }
    }
    heard
}
