//! A raw ICMP socket inside a node.

use std::mem::size_of;
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use netsim_core::resource::NetnsId;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage, recvfrom,
    sendto, setsockopt, socket, sockopt,
};

use super::packet::{self, Heard};
use crate::backend::HostError;
use crate::enter;
use crate::failure::{codes, failed};

/// Room for answers that come faster than they are read, in bytes; the kernel's default of 212,992 holds some 270.
const BUFFER: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    v6: bool,
}

impl Socket {
    /// Opens a socket in a namespace: moves the calling thread there.
    pub(super) fn open(netns: &NetnsId, v6: bool) -> Result<Socket, HostError> {
        enter::join(netns)?;
        Socket::open_here(v6).map_err(|e| failed(codes::PROBE, format!("open a raw ICMP socket in {netns}"), e))
    }

    fn open_here(v6: bool) -> Result<Socket, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (family, protocol) = match v6 {
            false => (AddressFamily::Inet, SockProtocol::Icmp),
            true => (AddressFamily::Inet6, SockProtocol::IcmpV6),
        };
        let fd = socket(family, SockType::Raw, flags, protocol)?;
        // Beyond the host's limit where the rights allow it, else up to it; a small buffer only makes lost answers likelier.
        if setsockopt(&fd, sockopt::RcvBufForce, &BUFFER).is_err() {
            let _ = setsockopt(&fd, sockopt::RcvBuf, &BUFFER);
        }
        if setsockopt(&fd, sockopt::SndBufForce, &BUFFER).is_err() {
            let _ = setsockopt(&fd, sockopt::SndBuf, &BUFFER);
        }
        match v6 {
            false => filter(&fd, libc::SOL_RAW, ICMP_FILTER, &blocked::<1>(&packet::HEARD_V4))?,
            true => filter(&fd, libc::SOL_ICMPV6, ICMP6_FILTER, &blocked::<8>(&packet::HEARD_V6))?,
        }
        Ok(Socket { fd, v6 })
    }

    pub(super) fn send(&self, to: IpAddr, packet: &[u8]) -> Result<(), Errno> {
        let fd = self.fd.as_raw_fd();
        let sent = match to {
            IpAddr::V4(to) => sendto(fd, packet, &SockaddrIn::from(SocketAddrV4::new(to, 0)), MsgFlags::empty()),
            IpAddr::V6(to) => sendto(fd, packet, &SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, 0)), MsgFlags::empty()),
        };
        sent.map(|_| ())
    }

    /// What has come, if anything has: who sent it and what it is. Errors of the socket are errors of earlier packets and told by ICMP as well.
    pub(super) fn receive(&self) -> Option<Option<(IpAddr, Heard)>> {
        let mut buffer = [0; 2048];
        match recvfrom::<SockaddrStorage>(self.fd.as_raw_fd(), &mut buffer) {
            Ok((length, from)) => Some(self.read(&buffer[..length], from)),
            Err(Errno::EAGAIN) => None,
            Err(_) => Some(None),
        }
    }

    fn read(&self, bytes: &[u8], from: Option<SockaddrStorage>) -> Option<(IpAddr, Heard)> {
        if self.v6 {
            let from = IpAddr::V6(from?.as_sockaddr_in6()?.ip());
            packet::read_v6(bytes).map(|heard| (from, heard))
        } else {
            packet::read_v4(bytes).map(|(from, heard)| (IpAddr::V4(from), heard))
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// linux/icmp.h.
const ICMP_FILTER: libc::c_int = 1;
/// linux/icmpv6.h, ICMPV6_FILTER.
const ICMP6_FILTER: libc::c_int = 1;

/// A bit for each type, set where the type is kept out.
fn blocked<const WORDS: usize>(heard: &[u8]) -> [u32; WORDS] {
    let mut blocked = [u32::MAX; WORDS];
    for &kind in heard {
        blocked[usize::from(kind / 32)] &= !(1 << (kind % 32));
    }
    blocked
}

#[allow(unsafe_code)]
fn filter<const WORDS: usize>(fd: &OwnedFd, level: i32, name: i32, blocked: &[u32; WORDS]) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(size_of::<[u32; WORDS]>()).expect("a few words");
    // SAFETY: the pointer and the length are of one array, which outlives the call.
    let set = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, blocked.as_ptr().cast(), length) };
    Errno::result(set).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_heard_types_are_let_through() {
        assert_eq!(blocked::<1>(&[0, 3, 11]), [0xffff_f7f6]);
        assert_eq!(blocked::<8>(&[1, 129]), [!2, !0, !0, !0, !2, !0, !0, !0]);
    }
}
