//! How deep a resource stands: one more than the deepest of what it needs.

use crate::state::HostState;

/// Depths within one state, each worked out once.
pub(super) struct Depths<'a> {
    state: &'a HostState,
    /// 0: not known yet.
    known: Vec<u32>,
}

impl<'a> Depths<'a> {
    pub(super) fn of(state: &'a HostState) -> Self {
        Depths { state, known: vec![0; state.len()] }
    }

    /// The depth of the resource at a position: 1 where it needs nothing.
    ///
    /// There are no circles. A resource needs what is of another kind, or an earlier program of its node; or, being a device, the one that it stands
    /// on, with that one's being up and memberships: these need devices further down, and bridges, bonds and VRFs, which stand on nothing. The topology's
    /// check refuses interfaces that stand on each other in a circle, and no kernel can have them. Were there one all the same, it would be cut where
    /// it is entered, and the kernel would refuse the first of them.
    pub(super) fn of_position(&mut self, at: usize) -> u32 {
        if self.known[at] == 0 {
            let state = self.state;
            self.known[at] = 1;
            let needs = state.at(at).1.needs(state);
            let below = needs.iter().flat_map(|need| &need.0).filter_map(|key| state.position(key));
            let deepest = below.map(|below| self.of_position(below)).max().unwrap_or(0);
            self.known[at] = deepest + 1;
        }
        self.known[at]
    }
}
