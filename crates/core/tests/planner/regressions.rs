//! Faults of the planner that once were, each as small as it gets.
