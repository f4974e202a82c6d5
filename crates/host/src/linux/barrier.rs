//! Waits until the kernel has freed what was dropped.
//!
//! A namespace whose last user has gone dies in a work queue, some time later, and no call waits for that. But the queue is in order: drop one more
//! namespace with one end of a veth pair in it and watch the other end go. Twice, for the batch that is being freed may hold both; the second one
//! is in a later batch for certain.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netsim_core::names::{IfName, Mac};
use netsim_core::resource::{DeviceId, End, NetnsId};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{device, netns};
use crate::netlink::{Batch, Netlink, messages};

/// Longer than this nothing takes that has not gone wrong: a thousand namespaces take a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// Notices about devices (linux/rtnetlink.h).
const RTNLGRP_LINK: u32 = 1;

/// Waits until every namespace that was dropped before is freed. The calling thread must be its own: it ends up in another namespace.
pub(crate) fn settle() -> io::Result<()> {
    netns::enter_new()?;
    let here = netns::mine()?;
    let mut watch = Netlink::open()?;
    watch.socket().bind_auto()?;
    watch.socket().add_membership(RTNLGRP_LINK)?;
    for round in 0..2 {
        netns::enter_new()?;
        let mut batch = Batch::default();
        let far = end("out", round);
        batch.push(
            (),
            NLM_F_CREATE | NLM_F_EXCL,
            device::create_veth((&end("in", round), 0), (&far, 0), Some(here.as_fd()), 0),
        );
        if let Some(refused) = Netlink::open()?.send(batch)?.into_iter().next() {
            return Err(refused.into());
        }
        netns::enter(&here)?;
        until_gone(&mut watch)?;
    }
    Ok(())
}

fn end(name: &str, round: u8) -> End {
    let id = DeviceId { netns: NetnsId::Host, name: IfName::new(name).expect("a constant") };
    End::new(id, Mac([2, 0, 0, 0, 0, round]))
}

fn until_gone(watch: &mut Netlink) -> io::Result<()> {
    let began = Instant::now();
    let mut buffer = Vec::with_capacity(32 * 1024);
    loop {
        let left = PATIENCE.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT));
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut ready = [PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, timeout) {
            Ok(0) | Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        buffer.clear();
        watch.socket().recv(&mut buffer, 0)?;
        if messages(&buffer).any(|m| m.message_type() == libc::RTM_DELLINK) {
            return Ok(());
        }
    }
}
