//! What passes a namespace's interfaces, read from a packet socket.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use netsim_core::names::NetnsName;
use netsim_core::resource::NetnsId;
use netsim_host::enter::in_netns;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};

/// An echo request or reply of ICMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Echo {
    pub from: Ipv4Addr,
    pub to: Ipv4Addr,
    pub is_reply: bool,
}

/// Reads along from when it is made.
pub struct Capture {
    socket: OwnedFd,
}

impl Capture {
    /// On all interfaces of a namespace.
    pub fn in_namespace(name: &str) -> Capture {
        let netns = NetnsId::Named(NetnsName::new(name).expect("a namespace's name"));
        let open = || socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_NONBLOCK, SockProtocol::EthAll);
        let socket = in_netns(&netns, open).expect("it is there").expect("a packet socket can be had");
        Capture { socket }
    }

    /// The echoes that have come, up to so long after the last frame.
    pub fn echoes(&self, patience: Duration) -> Vec<Echo> {
        let mut frame = [0; 2048];
        let (mut seen, mut last) = (Vec::new(), Instant::now());
        while last.elapsed() < patience {
            match recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::empty()) {
                Ok(length) => {
                    seen.extend(echo(&frame[..length]));
                    last = Instant::now();
                }
                Err(Errno::EAGAIN) => std::thread::sleep(Duration::from_millis(5)),
                Err(errno) => panic!("read a packet socket: {errno}"),
            }
        }
        seen
    }
}

/// Ethernet, IPv4 without options, ICMP (RFC 791, RFC 792).
fn echo(frame: &[u8]) -> Option<Echo> {
    let ip = frame.get(14..).filter(|_| frame[12..14] == [0x08, 0x00])?;
    let icmp = ip.get(20..).filter(|_| ip[0] == 0x45 && ip[9] == 1)?;
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(ip.get(at..at + 4)?).ok()?));
    let is_reply = match icmp.first()? {
        0 => true,
        8 => false,
        _ => return None,
    };
    Some(Echo { from: address(12)?, to: address(16)?, is_reply })
}
