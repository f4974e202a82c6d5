//! What the planner promises, tried on the kernel in memory with random states.

mod harness;
mod others;
mod ovs;
mod properties;
mod regressions;
