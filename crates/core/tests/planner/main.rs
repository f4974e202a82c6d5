//! What the planner promises, tried on the kernel in memory with random states.

mod harness;
mod others;
mod properties;
mod refusals;
mod regressions;
