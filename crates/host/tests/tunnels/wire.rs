//! What is on the wire between two hosts.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt::ReceiveTimeout,
};
use nix::sys::time::TimeVal;

/// A tunnel's packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet {
    Vxlan { to: IpAddr, port: u16, vni: u32, checksum: bool },
    Gre { to: IpAddr, key: Option<u32>, checksum: bool, carries: u16 },
}

/// All that passes the devices of this thread's network namespace.
pub(crate) struct Wire(OwnedFd);

impl Wire {
    pub(crate) fn tap() -> Wire {
        let raw = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll);
        let raw = raw.expect("root of this namespace may");
        setsockopt(&raw, ReceiveTimeout, &TimeVal::new(0, 20_000)).expect("a socket has time-outs");
        Wire(raw)
    }

    /// Whether such a packet passes within two seconds; panics with what else did, if none does.
    #[track_caller]
    pub(crate) fn shows(&self, expected: Packet) {
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut seen: Vec<Packet> = Vec::new();
        let mut buffer = [0; 2048];
        while Instant::now() < deadline {
            let Ok(length) = self.next(&mut buffer) else { continue };
            match packet(&buffer[..length]) {
                Some(packet) if packet == expected => return,
                Some(packet) => seen.push(packet),
                None => {}
            }
        }
        panic!("no {expected:?} in {seen:#?}");
    }

    fn next(&self, buffer: &mut [u8]) -> nix::Result<usize> {
        use std::os::fd::AsRawFd;
        recv(self.0.as_raw_fd(), buffer, MsgFlags::empty())
    }
}

fn packet(frame: &[u8]) -> Option<Packet> {
    let number = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    let long = |at: usize| Some(u32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?));
    let (to, protocol, at): (IpAddr, u8, usize) = match number(12)? {
        0x0800 => {
            (<[u8; 4]>::try_from(frame.get(30..34)?).ok()?.into(), frame[23], 14 + 4 * usize::from(frame[14] & 15))
        }
        0x86dd => (<[u8; 16]>::try_from(frame.get(38..54)?).ok()?.into(), *frame.get(20)?, 54),
        _ => return None,
    };
    match protocol {
        17 => {
            let (port, checksum) = (number(at + 2)?, number(at + 6)? != 0);
            // RFC 7348 §5: the flag I says that there is a VNI.
            (long(at + 8)? == 0x0800_0000).then_some(Packet::Vxlan { to, port, vni: long(at + 12)? >> 8, checksum })
        }
        47 => {
            let (flags, carries) = (number(at)?, number(at + 2)?);
            let checksum = flags & 0x8000 != 0;
            let key_at = at + if checksum { 8 } else { 4 };
            let key = if flags & 0x2000 != 0 { Some(long(key_at)?) } else { None };
            Some(Packet::Gre { to, key, checksum, carries })
        }
        _ => None,
    }
}
