//! Which link, interface or node of the file makes which resource.

use indexmap::IndexMap;

use super::{Lowered, Whole};
use crate::given::Given;
use crate::names::HostId;
use crate::problem::Place;
use crate::resource::Key;
use crate::state::HostFacts;
use crate::topology::Topology;

/// By every name that the lab's resources on a host hold, the link, interface, node or route in the file that makes it: so a refusal can say what needs it.
/// Of a link that the file writes once for many pairs of nodes it is that one place.
pub fn origins(host: &HostId, topology: &Topology, given: &Given, facts: &HostFacts) -> IndexMap<Key, Place> {
    let (whole, mut told) = Whole::new(topology, given, facts);
    let mut routes = whole.routes(&mut told);
    whole.lower_on(host, facts, &mut routes, Lowered::with_origins()).into_origins()
}
