//! The namespaces that an apply works in: a socket in each, and the numbers of its devices.

use std::collections::hash_map::Entry;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netsim_core::mark::Mark;
use netsim_core::names::{IfName, NetnsName};
use netsim_core::resource::NetnsId;
use rustc_hash::FxHashMap;

use super::device::{self, Kind, LO_INDEX, Link};
use super::sysctl::Settings;
use super::{Paths, netns, observe};
use crate::netlink::{Batch, Netlink};

/// The namespaces opened so far. The thread that has it must be its own: it is moved about.
pub(crate) struct Spaces<'a> {
    paths: &'a Paths,
    home: OwnedFd,
    /// The settings of the namespace that the thread is in.
    pub(crate) settings: Settings,
    /// Where the thread is; none in a namespace without a name.
    here: Option<NetnsId>,
    open: FxHashMap<NetnsId, Space>,
    /// The first device number that is free in a new namespace: a kernel may put devices of its own into each.
    first_free: Option<u32>,
}

/// One namespace.
pub(crate) struct Space {
    pub(crate) netlink: Netlink,
    namespace: Option<OwnedFd>,
    indices: FxHashMap<IfName, u32>,
    /// What devices are that were there before.
    kinds: FxHashMap<IfName, Kind>,
    /// In a namespace that was made just now: the next number to ask for. Elsewhere the kernel chooses.
    next: Option<u32>,
    /// In a namespace that was made just now: numbers were left out, so that the kernel would choose another than the next.
    skipped: bool,
    /// Elsewhere: no device has a higher number; none where that is not known.
    highest: Option<u32>,
}

impl<'a> Spaces<'a> {
    /// None opened yet.
    pub(crate) fn new(paths: &'a Paths) -> io::Result<Self> {
        let home = netns::mine()?;
        Ok(Spaces {
            paths,
            home,
            settings: Settings::open()?,
            here: Some(NetnsId::Host),
            open: FxHashMap::default(),
            first_free: None,
        })
    }

    /// Moves this thread into a namespace.
    pub(crate) fn enter(&mut self, id: &NetnsId) -> io::Result<()> {
        if self.here.as_ref() == Some(id) {
            return Ok(());
        }
        match id {
            NetnsId::Host => netns::enter(&self.home)?,
            NetnsId::Named(name) => netns::enter(&netns::open_namespace(&self.paths.netns, name)?)?,
        }
        self.here = Some(id.clone());
        Ok(())
    }

    /// Moves this thread into a namespace without a name that goes when the thread leaves it.
    pub(crate) fn enter_scratch(&mut self) -> io::Result<()> {
        self.here = None;
        netns::enter_new()
    }

    /// The namespace, opened if it is not yet.
    pub(crate) fn get(&mut self, id: &NetnsId) -> io::Result<&mut Space> {
        if !self.open.contains_key(id) {
            self.enter(id)?;
        }
        match self.open.entry(id.clone()) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(free) => Ok(free.insert(Space::new(Netlink::open()?, None))),
        }
    }

    /// Makes a namespace and names it: marked, with these notes on its `lo`, after `inside` has run in it.
    pub(crate) fn create(
        &mut self,
        name: &NetnsName,
        mark: &Mark,
        notes: Vec<String>,
        inside: impl FnOnce(&mut Settings) -> io::Result<()>,
    ) -> io::Result<()> {
        let id = NetnsId::Named(name.clone());
        crate::crash::point();
        netns::enter_new()?;
        self.here = Some(id.clone());
        let mut netlink = Netlink::open()?;
        let first_free = match self.first_free {
            Some(first) => first,
            None => observe::links(&mut netlink)?.iter().map(|l| l.index + 1).max().unwrap_or(LO_INDEX + 1),
        };
        self.first_free = Some(first_free);
        let mut batch = Batch::default();
        batch.push((), 0, device::Change { alias: Some(mark.to_string()), ..Default::default() }.of(LO_INDEX));
        if !notes.is_empty() {
            batch.push((), device::ADD_ALTNAME, device::add_altnames(LO_INDEX, notes));
        }
        if let Some(refused) = netlink.send(batch)?.into_iter().next() {
            return Err(refused.into());
        }
        inside(&mut self.settings)?;
        netns::name_mine(&self.paths.netns, name, mark)?;
        self.open.insert(id, Space::new(netlink, Some(first_free)));
        Ok(())
    }

    /// A file that stands for the namespace, for a message that names it.
    pub(crate) fn namespace(&mut self, id: &NetnsId) -> io::Result<BorrowedFd<'_>> {
        let NetnsId::Named(name) = id else { return Ok(self.home.as_fd()) };
        let paths = self.paths;
        let space = self.get(id)?;
        if space.namespace.is_none() {
            space.namespace = Some(netns::open_namespace(&paths.netns, name)?);
        }
        Ok(space.namespace.as_ref().expect("filled in above").as_fd())
    }

    /// The number to ask for a device that stands on one of another namespace. Before Linux 6.13 a kernel looks for it where it is asked, though the device
    /// comes to be elsewhere (`__rtnl_newlink`), so it is one that is free in both; without a number it would look for the name in the same way.
    pub(crate) fn number_across(&mut self, asked: &NetnsId, to: &NetnsId, name: IfName) -> io::Result<u32> {
        let number = self.get(asked)?.highest()?.max(self.get(to)?.highest()?) + 1;
        self.get(to)?.take_number(name, number);
        Ok(number)
    }

    /// Forgets the numbers of a namespace's devices: some were deleted.
    pub(crate) fn forget(&mut self, id: &NetnsId) {
        if let Some(space) = self.open.get_mut(id) {
            space.indices.retain(|name, _| *name == IfName::LO);
            space.kinds.clear();
        }
    }

    /// An opened namespace, to be used beside others and put back.
    pub(crate) fn take(&mut self, id: &NetnsId) -> Option<Space> {
        self.open.remove(id)
    }

    /// Puts it back.
    pub(crate) fn put_back(&mut self, id: NetnsId, space: Space) {
        self.open.insert(id, space);
    }

    /// Takes the name of a namespace away, and lets go of it.
    pub(crate) fn delete(&mut self, name: &NetnsName) -> io::Result<()> {
        self.enter(&NetnsId::Host)?;
        self.open.remove(&NetnsId::Named(name.clone()));
        netns::remove(&self.paths.netns, name)
    }
}

impl Space {
    fn new(netlink: Netlink, next: Option<u32>) -> Self {
        let indices = [(IfName::LO, LO_INDEX)].into_iter().collect();
        Space { netlink, namespace: None, indices, kinds: FxHashMap::default(), next, skipped: false, highest: None }
    }

    /// The number to ask for a new device: 0 where the kernel chooses.
    pub(crate) fn number(&mut self, name: IfName) -> u32 {
        let Some(next) = &mut self.next else {
            self.highest = None;
            return 0;
        };
        let number = *next;
        *next += 1;
        self.indices.insert(name, number);
        number
    }

    /// The number to ask for a new device where the kernel is not to choose.
    pub(crate) fn number_of_ours(&mut self, name: IfName) -> io::Result<u32> {
        let number = self.highest()? + 1;
        self.take_number(name, number);
        Ok(number)
    }

    /// Gives a device a number that is higher than all others.
    fn take_number(&mut self, name: IfName, number: u32) {
        match &mut self.next {
            Some(next) => {
                self.skipped |= number != *next;
                *next = number + 1;
            }
            None => self.highest = Some(number),
        }
        self.indices.insert(name, number);
    }

    /// Whether the kernel would choose another number than [`Space::number`] gives.
    pub(crate) fn has_skipped(&self) -> bool {
        self.skipped
    }

    /// Whether it has to be asked which numbers are taken, when all is made that was to be.
    pub(crate) fn has_unknown_numbers(&self) -> bool {
        self.next.is_none() && self.highest.is_none()
    }

    fn highest(&mut self) -> io::Result<u32> {
        let highest = match (self.next, self.highest) {
            (Some(next), _) => next - 1,
            (None, Some(highest)) => highest,
            (None, None) => observe::links(&mut self.netlink)?.iter().map(|l| l.index).max().unwrap_or(LO_INDEX),
        };
        self.highest = Some(highest);
        Ok(highest)
    }

    /// The number of a device, if it is known.
    pub(crate) fn index(&self, name: IfName) -> Option<u32> {
        self.indices.get(&name).copied()
    }

    /// What a device is whose number had to be found out.
    pub(crate) fn kind(&self, name: IfName) -> Option<&Kind> {
        self.kinds.get(&name)
    }

    /// Finds out the numbers of these devices; what is not there stays unknown.
    pub(crate) fn find(&mut self, names: impl IntoIterator<Item = IfName>) -> io::Result<()> {
        let mut names: Vec<IfName> = names.into_iter().filter(|n| !self.indices.contains_key(n)).collect();
        names.sort();
        names.dedup();
        let found = self.look(&names)?;
        self.indices.extend(found.iter().map(|l| (l.name, l.index)));
        self.kinds.extend(found.into_iter().map(|l| (l.name, l.kind)));
        Ok(())
    }

    /// These devices, as far as they are there.
    pub(crate) fn look(&mut self, names: &[IfName]) -> io::Result<Vec<Link>> {
        let answers = self.netlink.ask(names.iter().map(|n| device::find(*n)).collect())?;
        let links = answers.into_iter().map(|payload| device::decode(&payload?));
        // An altname finds a device too; it is not the one that is meant.
        Ok(links.zip(names).filter_map(|(link, name)| link.filter(|l| l.name == *name)).collect())
    }

    /// The device with this number, if it is there.
    pub(crate) fn look_at(&mut self, index: u32) -> io::Result<Option<Link>> {
        Ok(self.netlink.ask(vec![device::at(index)])?.pop().flatten().and_then(|p| device::decode(&p)))
    }

    /// Whether it was made just now.
    pub(crate) fn is_new(&self) -> bool {
        self.next.is_some()
    }
}
