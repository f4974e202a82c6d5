//! What comes of lowering: the resources, the problems, and, where they are asked for, what made which.

use indexmap::IndexMap;

use crate::problem::{Place, Problem};
use crate::resource::{Key, Resource};
use crate::state::HostState;

#[derive(Default)]
pub(super) struct Lowered {
    state: HostState,
    pub(super) problems: Vec<Problem>,
    /// By every name that a resource holds, where the file says what it is of; none: nobody asks.
    origins: Option<IndexMap<Key, Place>>,
}

impl Lowered {
    pub(super) fn with_origins() -> Self {
        Lowered { origins: Some(IndexMap::new()), ..Lowered::default() }
    }

    /// Adds a resource that this place in the file makes.
    pub(super) fn insert(&mut self, at: &Place, resource: Resource) {
        if let Some(origins) = &mut self.origins {
            origins.extend(resource.claims().into_iter().map(|key| (key, at.clone())));
        }
        self.state.insert(resource);
    }

    /// Whether something like it is there.
    pub(super) fn has(&self, resource: &Resource) -> bool {
        self.state.get(&resource.key()).is_some()
    }

    pub(super) fn into_parts(self) -> (HostState, Vec<Problem>) {
        (self.state, self.problems)
    }

    pub(super) fn into_origins(self) -> IndexMap<Key, Place> {
        self.origins.unwrap_or_default()
    }
}
