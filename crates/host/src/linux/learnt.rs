//! What a kernel has learnt by itself in a namespace: who answers, and where a bridge sends what.

use std::io;
use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netsim_core::names::{IfName, Mac};
use netsim_core::resource::NetnsId;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::neighbour::{decode, list};
use super::{errors, observe};
use crate::backend::HostError;
use crate::enter;
use crate::netlink::Netlink;

/// What was learnt in one namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learnt {
    /// The forwarding tables of its bridges.
    pub forwarding: Vec<Forwarding>,
    /// Its neighbours (arp(7)).
    pub neighbours: Vec<Neighbour>,
}

/// A line of a bridge's forwarding table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Forwarding {
    /// The bridge.
    pub bridge: IfName,
    /// The port that frames for the address go out by.
    pub port: IfName,
    /// The address.
    pub mac: Mac,
    /// It is the port's own and does not age.
    pub own: bool,
}

/// A neighbour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Neighbour {
    /// The device that it is reached by.
    pub device: IfName,
    /// Its address.
    pub address: IpAddr,
    /// Its Ethernet address; none while nobody answers.
    pub mac: Option<Mac>,
}

/// Asks the kernel what it has learnt in a namespace.
pub fn learnt(netns: &NetnsId) -> Result<Learnt, HostError> {
    let fail = |e: io::Error| errors::system(format!("read the forwarding table of {netns}"), &e);
    enter::in_netns(netns, ask)?.map_err(fail)
}

fn ask() -> io::Result<Learnt> {
    let mut netlink = Netlink::open()?;
    let names: FxHashMap<u32, IfName> = observe::links(&mut netlink)?.iter().map(|l| (l.index, l.name)).collect();
    let mut learnt = Learnt::default();
    let bridged = netlink.dump(&list(AddressFamily::Bridge), Vec::new, |all, p| all.extend(decode(p)))?;
    for seen in bridged {
        let named = |index| names.get(&index).copied();
        if let (Some(bridge), Some(port), Some(mac)) = (seen.master.and_then(named), named(seen.index), seen.mac()) {
            learnt.forwarding.push(Forwarding { bridge, port, mac, own: seen.permanent });
        }
    }
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let seen = netlink.dump(&list(family), Vec::new, |all, p| all.extend(decode(p)))?;
        learnt.neighbours.extend(seen.into_iter().filter_map(|seen| {
            // Multicast groups are no neighbours, and `lo` has none.
            let address = seen.address.filter(|a| !a.is_multicast() && !a.is_loopback())?;
            Some(Neighbour { device: *names.get(&seen.index)?, address, mac: seen.mac() })
        }));
    }
    learnt.forwarding.sort();
    learnt.forwarding.dedup();
    learnt.neighbours.sort();
    Ok(learnt)
}
