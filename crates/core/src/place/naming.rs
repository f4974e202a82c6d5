//! Names of what placing makes: of names alone, so that they do not depend on where others are.

use rustc_hash::FxHashSet;

use crate::names::{HostId, NodeName, stable_hash};

/// So much of a name that is too long stays before its hash.
const HEAD: usize = 40;

/// What the part of a bridge, or of a NIC that all machines have, is called on a host.
pub fn part(name: &NodeName, host: &HostId) -> NodeName {
    joined(&[name.as_str(), host.as_str()])
}

/// What joins two nodes.
pub(super) fn between(a: &NodeName, b: &NodeName) -> NodeName {
    joined(&[a.as_str(), b.as_str()])
}

/// The name itself if it is free, else with the first number behind it that is.
pub(super) fn free(name: NodeName, taken: &mut FxHashSet<NodeName>) -> NodeName {
    if taken.insert(name.clone()) {
        return name;
    }
    let mut numbered = (2..).map(|n: u32| joined(&[name.as_str(), &n.to_string()]));
    numbered.find(|name| taken.insert(name.clone())).expect("there are more numbers than links")
}

fn joined(parts: &[&str]) -> NodeName {
    let whole = parts.join("-");
    NodeName::new(&whole).unwrap_or_else(|_| {
        let head: String = whole.chars().take(HEAD).collect();
        let name = format!("{head}-{:016x}", stable_hash(parts));
        NodeName::new(&name).expect("57 characters of names")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_head_and_stays_one_of_its_kind() {
        let long = |end: &str| NodeName::new(&format!("{}{end}", "n".repeat(58))).expect("a name");
        let host = HostId::new("h1").expect("a name");
        assert_eq!(part(&NodeName::new("sw").expect("a name"), &host).as_str(), "sw-h1");
        let names = [part(&long("a"), &host), part(&long("b"), &host)];
        assert!(names[0] != names[1] && names.iter().all(|n| n.as_str().starts_with(&"n".repeat(HEAD))), "{names:?}");
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let name = NodeName::new("a-b").expect("a name");
        let mut taken = FxHashSet::default();
        let names: Vec<String> = (0..3).map(|_| free(name.clone(), &mut taken).to_string()).collect();
        assert_eq!(names, ["a-b", "a-b-2", "a-b-3"]);
    }
}
