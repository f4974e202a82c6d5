//! Finds the other end of every veth pair across namespaces.
//!
//! A kernel tells the peer's index and a namespace id, and each namespace numbers the others in its own way. One namespace, the hub, is asked for
//! its numbers of all; with them it can be asked for the numbers of each other one. The hub is the namespace with the most pairs, so
//! that in a star its own numbers are enough: both ends of a pair are known when one is.

use std::io;
use std::os::fd::AsRawFd;

use netlink_packet_core::Parseable;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netsim_core::names::LabName;
use rustc_hash::FxHashMap;

use super::device::Kind;
use super::netns;
use super::observe::{Space, is_of_lab};
use crate::netlink::{Batch, Netlink};

/// Space and index of a veth device to space and position of its peer among that space's links.
pub(crate) type Pairs = FxHashMap<(usize, u32), (usize, usize)>;

/// A space's numbers for others, to spaces.
type Numbers = FxHashMap<i32, usize>;

/// The marked veth devices of a space whose peers are not known yet: index, the peer's index, its namespace's number.
type Open = Vec<(u32, u32, Option<i32>)>;

/// All pairs among the spaces. The calling thread must be its own: it ends up in another namespace.
pub(crate) fn resolve(lab: &LabName, spaces: &[Space]) -> io::Result<Pairs> {
    let mut table = Table::of(lab, spaces);
    for at in 0..spaces.len() {
        table.join(at, &Numbers::default());
    }
    let Some(hub) = table.fullest() else { return Ok(table.pairs) };
    netns::enter(&spaces[hub].namespace)?;
    let mut netlink = Netlink::open()?;
    let all: Vec<usize> = (0..spaces.len()).collect();
    let mut known = numbers_of(&mut netlink, spaces, &all)?;
    table.join(hub, &known.iter().filter_map(|(at, n)| Some(((*n)?, *at))).collect());
    table.open[hub].clear();

    let rest: Vec<usize> = all.into_iter().filter(|at| !table.open[*at].is_empty()).collect();
    let nameless: Vec<usize> = rest.iter().copied().filter(|at| known[*at].1.is_none()).collect();
    let mut batch = Batch::default();
    for at in &nameless {
        batch.push((), 0, RouteNetlinkMessage::NewNsId(by_fd(&spaces[*at], Some(-1))));
    }
    if !batch.is_empty() {
        netlink.send(batch)?;
        for (at, number) in numbers_of(&mut netlink, spaces, &nameless)? {
            known[at].1 = number;
        }
    }
    let to_space: Numbers = known.iter().filter_map(|(at, n)| Some(((*n)?, *at))).collect();
    for at in rest {
        if let Some(number) = known[at].1.filter(|_| !table.open[at].is_empty()) {
            let seen = numbers_in(&mut netlink, number)?;
            let here = seen.into_iter().filter_map(|(there, here)| Some((there, *to_space.get(&here)?))).collect();
            table.join(at, &here);
        }
    }
    Ok(table.pairs)
}

/// The pairs found so far and what is still open.
struct Table {
    pairs: Pairs,
    open: Vec<Open>,
    /// By space: index of a marked veth device to its position among the links.
    positions: Vec<FxHashMap<u32, usize>>,
}

impl Table {
    fn of(lab: &LabName, spaces: &[Space]) -> Self {
        let veths = |space: &Space| -> Vec<(usize, u32, Option<(u32, Option<i32>)>)> {
            let links = space.links.iter().enumerate();
            links
                .filter(|(_, l)| l.kind == Kind::Veth && is_of_lab(lab, l))
                .map(|(i, l)| (i, l.index, l.peer))
                .collect()
        };
        let positions = spaces.iter().map(|s| veths(s).into_iter().map(|(i, index, _)| (index, i)).collect()).collect();
        let open =
            |s| veths(s).into_iter().filter_map(|(_, index, peer)| peer.map(|(p, netns)| (index, p, netns))).collect();
        Table { pairs: Pairs::default(), open: spaces.iter().map(open).collect(), positions }
    }

    /// Pairs up what is open in a space, with its numbers for the others; none means the space itself.
    fn join(&mut self, at: usize, numbers: &Numbers) {
        let mut open = std::mem::take(&mut self.open[at]);
        open.retain(|&(index, peer, number)| {
            if self.pairs.contains_key(&(at, index)) {
                return false;
            }
            let space = number.map_or(Some(at), |n| numbers.get(&n).copied());
            let Some(space) = space else { return true };
            let ends = self.positions[at].get(&index).zip(self.positions[space].get(&peer));
            if let Some((&here, &there)) = ends {
                self.pairs.insert((at, index), (space, there));
                self.pairs.insert((space, peer), (at, here));
            }
            false
        });
        self.open[at] = open;
    }

    /// The space with the most open ends; none if there are none.
    fn fullest(&self) -> Option<usize> {
        (0..self.open.len()).rev().max_by_key(|at| self.open[*at].len()).filter(|at| !self.open[*at].is_empty())
    }
}

fn by_fd(space: &Space, number: Option<i32>) -> NsidMessage {
    let mut message = NsidMessage::default();
    message.attributes.push(NsidAttribute::Fd(space.namespace.as_raw_fd() as u32));
    message.attributes.extend(number.map(NsidAttribute::Id));
    message
}

/// The number that the socket's namespace has for each of these spaces; none if it has no number yet.
fn numbers_of(netlink: &mut Netlink, spaces: &[Space], which: &[usize]) -> io::Result<Vec<(usize, Option<i32>)>> {
    let questions = which.iter().map(|at| RouteNetlinkMessage::GetNsId(by_fd(&spaces[*at], None))).collect();
    let answers = netlink.ask(questions)?;
    let number = |payload: Vec<u8>| {
        let attributes = NsidMessage::parse(&payload).ok()?.attributes;
        attributes.into_iter().find_map(|a| match a {
            NsidAttribute::Id(number) if number >= 0 => Some(number),
            _ => None,
        })
    };
    Ok(which.iter().copied().zip(answers.into_iter().map(|a| a.and_then(number))).collect())
}

/// The numbers that another space has for others, with the socket's own numbers for the same.
fn numbers_in(netlink: &mut Netlink, space: i32) -> io::Result<Vec<(i32, i32)>> {
    let mut question = NsidMessage::default();
    question.attributes.push(NsidAttribute::TargetNsid(space));
    netlink.dump(&RouteNetlinkMessage::GetNsId(question), Vec::new, |all, payload| {
        let (mut there, mut here) = (None, None);
        for attribute in NsidMessage::parse(payload).map(|m| m.attributes).unwrap_or_default() {
            match attribute {
                NsidAttribute::Id(number) => there = Some(number),
                NsidAttribute::CurrentNsid(number) => here = Some(number),
                _ => {}
            }
        }
        all.extend(there.zip(here));
    })
}
