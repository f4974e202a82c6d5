//! Finds the other end of every veth pair across namespaces, and what macvlan and ipvlan devices stand on.
//!
//! A kernel tells the other device's index and a namespace id, and each namespace numbers the others in its own way. So it is asked, by that number, for the mark on the
//! `lo` of the other namespace. Both ends of a pair are known when one is: of a star only the switch is asked.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use netlink_packet_core::Parseable;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netsim_core::names::LabName;
use netsim_core::resource::NetnsId;
use rustc_hash::FxHashMap;

use super::device::{self, Kind, LO_INDEX, Link};
use super::observe::{Space, is_of_lab};
use super::{Paths, netns};
use crate::netlink::Netlink;

/// Space and index of a device to space and position, among that space's links, of its peer or of what it stands on.
pub(crate) type Pairs = FxHashMap<(usize, u32), (usize, usize)>;

/// A space's numbers for others, to spaces.
type Numbers = FxHashMap<i32, usize>;

/// The devices of a space whose peers are not known yet: index, the peer's index, its namespace's number.
type Open = Vec<(u32, u32, Option<i32>)>;

/// All pairs among the spaces. The calling thread must be its own: it ends up in another namespace.
pub(crate) fn resolve(lab: &LabName, paths: &Paths, home: &OwnedFd, spaces: &[Space]) -> io::Result<Pairs> {
    let mut table = Table::of(lab, spaces);
    for at in 0..spaces.len() {
        table.join(at, &Numbers::default());
    }
    let marks = Marks::of(paths, home, spaces)?;
    let mut order: Vec<usize> = (0..spaces.len()).filter(|at| !table.open[*at].is_empty()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(table.open[*at].len()));
    for at in order {
        let numbers = table.numbers(at);
        if !numbers.is_empty() {
            match &spaces[at].id {
                NetnsId::Host => netns::enter(home)?,
                NetnsId::Named(name) => netns::enter(&netns::open_namespace(&paths.netns, name)?)?,
            }
            let known = marks.spaces_by_number(&mut Netlink::open()?, &numbers)?;
            table.join(at, &known);
        }
    }
    Ok(table.pairs)
}

/// The pairs found so far and what is still open.
struct Table<'a> {
    lab: &'a LabName,
    spaces: &'a [Space],
    pairs: Pairs,
    open: Vec<Open>,
    /// By space: index of a device to its position among the links.
    positions: Vec<FxHashMap<u32, usize>>,
}

impl<'a> Table<'a> {
    fn of(lab: &'a LabName, spaces: &'a [Space]) -> Self {
        let positions = |s: &Space| s.links.iter().enumerate().map(|(at, link)| (link.index, at)).collect();
        let peer = |link: &Link| {
            // Others' veth pairs are of no interest, but what stands on devices of ours can be in the way there.
            let matters = link.kind.has_peer() && (is_of_lab(lab, link) || link.kind != Kind::Veth);
            let (peer, netns) = link.peer.filter(|_| matters)?;
            Some((link.index, peer, netns))
        };
        let open = spaces.iter().map(|s| s.links.iter().filter_map(peer).collect()).collect();
        Table { lab, spaces, pairs: Pairs::default(), open, positions: spaces.iter().map(positions).collect() }
    }

    /// Whether it is the end of a pair of ours.
    fn is_end(&self, (space, at): (usize, usize)) -> bool {
        let link = &self.spaces[space].links[at];
        link.kind == Kind::Veth && is_of_lab(self.lab, link)
    }

    /// The numbers of other namespaces that a space's open ends lead to, each once.
    fn numbers(&self, at: usize) -> Vec<i32> {
        let open = self.open[at].iter().filter(|(index, ..)| !self.pairs.contains_key(&(at, *index)));
        let mut numbers: Vec<i32> = open.filter_map(|(.., number)| *number).filter(|n| *n >= 0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
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
            let Some((&here, &there)) = ends else { return false };
            if !self.is_end((at, here)) {
                self.pairs.insert((at, index), (space, there));
            } else if self.is_end((space, there)) {
                self.pairs.insert((at, index), (space, there));
                self.pairs.insert((space, peer), (at, here));
            }
            false
        });
        self.open[at] = open;
    }
}

/// Which space has which mark on its `lo`.
struct Marks<'a> {
    spaces: FxHashMap<&'a str, usize>,
    /// Those that cannot be told by their marks: the host's own has none, and two names of one node share one.
    alike: Vec<(usize, OwnedFd)>,
}

impl<'a> Marks<'a> {
    fn of(paths: &Paths, home: &OwnedFd, spaces: &'a [Space]) -> io::Result<Self> {
        let mut by_mark: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
        let mut alike = Vec::new();
        for (at, space) in spaces.iter().enumerate() {
            match space.links.iter().find(|l| l.index == LO_INDEX).filter(|_| space.mark.is_some()) {
                Some(lo) => by_mark.entry(&lo.alias).or_default().push(at),
                None => alike.push(at),
            }
        }
        let mut unique = FxHashMap::default();
        for (mark, those) in by_mark {
            match *those {
                [only] => drop(unique.insert(mark, only)),
                _ => alike.extend(those),
            }
        }
        alike.sort_unstable();
        let file = |at: usize| match &spaces[at].id {
            NetnsId::Host => home.try_clone(),
            NetnsId::Named(name) => netns::open_namespace(&paths.netns, name),
        };
        let alike = alike.into_iter().map(|at| Ok((at, file(at)?))).collect::<io::Result<_>>()?;
        Ok(Marks { spaces: unique, alike })
    }

    /// The spaces that the socket's namespace knows by these numbers.
    fn spaces_by_number(&self, netlink: &mut Netlink, numbers: &[i32]) -> io::Result<Numbers> {
        let answers = netlink.ask(numbers.iter().map(|n| device::lo_of(*n)).collect())?;
        let mut known = Numbers::default();
        for (number, payload) in numbers.iter().zip(answers) {
            let lo = payload.and_then(|p| device::decode(&p));
            known.extend(lo.and_then(|lo| Some((*number, *self.spaces.get(&*lo.alias)?))));
        }
        if known.len() < numbers.len() {
            known.extend(numbers_of(netlink, self.alike.iter().map(|(at, space)| (*at, space.as_fd())))?);
        }
        Ok(known)
    }
}

/// The number that the socket's namespace has for another.
pub(crate) fn number_of(netlink: &mut Netlink, namespace: &OwnedFd) -> io::Result<Option<i32>> {
    let known = numbers_of(netlink, [(0, namespace.as_fd())])?;
    Ok(known.into_keys().next())
}

/// The numbers that the socket's namespace has for these spaces.
fn numbers_of<'a>(
    netlink: &mut Netlink,
    which: impl IntoIterator<Item = (usize, BorrowedFd<'a>)>,
) -> io::Result<Numbers> {
    let which: Vec<(usize, BorrowedFd)> = which.into_iter().collect();
    let question = |(_, namespace): &(usize, BorrowedFd)| {
        let mut message = NsidMessage::default();
        message.attributes.push(NsidAttribute::Fd(namespace.as_raw_fd() as u32));
        RouteNetlinkMessage::GetNsId(message)
    };
    let answers = netlink.ask(which.iter().map(question).collect())?;
    let number = |payload: Vec<u8>| {
        let attributes = NsidMessage::parse(&payload).ok()?.attributes;
        attributes.into_iter().find_map(|a| match a {
            NsidAttribute::Id(number) if number >= 0 => Some(number),
            _ => None,
        })
    };
    Ok(answers.into_iter().zip(which).filter_map(|(a, (at, _))| Some((a.and_then(number)?, at))).collect())
}
