//! What tests of planner and backends share: random states that a kernel can be in, and one small case for each of its cascades.

mod cases;
mod states;
mod tape;
mod text;

pub use cases::{Case, cases, ovs_cases};
pub use states::{Machine, grow, near, near_on, near_without, state, state_on, state_without};
pub use tape::Tape;
pub use text::{action, actions, resource, resources, show, show_action, show_plan, show_state};

/// How many random cases a property is tried with: as many as `PROPTEST_CASES` says, else a number that takes a few seconds.
pub fn rounds(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}
