//! Tunnels of others.
