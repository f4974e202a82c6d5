//! Room in the kernel's tables of neighbours.
//!
//! There is one ARP table and one of IPv6 neighbours for all namespaces together, each with room for 1,024 entries unless root of the machine says
//! otherwise (`net.ipv4.neigh.default.gc_thresh3`), and an entry stays for five seconds at least (`neigh_forced_gc`, net/core/neighbour.c). All
//! pairs of 33 nodes on one switch need more. A ping that finds no room is lost without a word, so what earlier pings have left there is removed.

use std::io;

use netlink_packet_core::Parseable;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::neighbour_table::{NeighbourTableAttribute, NeighbourTableMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netsim_core::resource::NetnsId;

use crate::enter;
use crate::netlink::{Batch, Netlink};

/// How full the fuller one of the two tables is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Entries that it takes.
    pub(super) limit: usize,
    /// Entries that it takes now.
    pub(super) left: usize,
    /// How often a new one was refused since boot.
    pub(super) fulls: u64,
}

/// Asks the kernel for the room that there is.
pub(super) fn room() -> io::Result<Room> {
    let question = RouteNetlinkMessage::GetNeighbourTable(NeighbourTableMessage::default());
    let rooms = Netlink::open()?.dump(&question, Vec::new, |rooms, payload| {
        rooms.extend(NeighbourTableMessage::parse(payload).ok().as_ref().and_then(room_of));
    })?;
    let fulls = rooms.iter().map(|room: &Room| room.fulls).sum();
    let least = rooms.into_iter().min_by_key(|room| room.left);
    least.map(|room| Room { fulls, ..room }).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

/// None for the settings of one device, which come as tables of their own.
fn room_of(table: &NeighbourTableMessage) -> Option<Room> {
    let entries = table.attributes.iter().find_map(|a| match a {
        NeighbourTableAttribute::Config(config) => Some(config.entries as usize),
        _ => None,
    })?;
    let limit = table.attributes.iter().find_map(|a| match a {
        NeighbourTableAttribute::Threshold3(limit) => Some(*limit as usize),
        _ => None,
    })?;
    let fulls = table.attributes.iter().find_map(|a| match a {
        NeighbourTableAttribute::Stats(stats) => Some(stats.table_fulls),
        _ => None,
    });
    Some(Room { limit, left: limit.saturating_sub(entries), fulls: fulls.unwrap_or(0) })
}

/// Removes what the nodes have learnt of their neighbours: they learn it again when they need it. Moves the calling thread there.
pub(super) fn forget(nodes: &[NetnsId]) -> io::Result<()> {
    for node in nodes {
        // A node that is gone has no neighbours.
        if enter::join(node).is_ok() {
            forget_here()?;
        }
    }
    Ok(())
}

fn forget_here() -> io::Result<()> {
    let mut netlink = Netlink::open()?;
    let question = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
    let learnt = netlink.dump(&question, Vec::new, |learnt, payload| {
        learnt.extend(NeighbourMessage::parse(payload).ok().filter(is_learnt));
    })?;
    let mut batch = Batch::default();
    for mut neighbour in learnt {
        neighbour.attributes.retain(|a| matches!(a, NeighbourAttribute::Destination(_)));
        batch.push((), 0, RouteNetlinkMessage::DelNeighbour(neighbour));
    }
    // One that is refused has gone by itself.
    netlink.send(batch).map(|_| ())
}

/// Not what was written by hand, and not what is being asked for just now: a packet waits there for the answer.
fn is_learnt(neighbour: &NeighbourMessage) -> bool {
    use NeighbourState::{Delay, Failed, Probe, Reachable, Stale};
    let family = matches!(neighbour.header.family, AddressFamily::Inet | AddressFamily::Inet6);
    family && matches!(neighbour.header.state, Reachable | Stale | Delay | Probe | Failed)
}
