//! What passes a host or a node, read from a packet socket and told in a line a frame.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto, setsockopt, socket,
};
use nix::sys::time::TimeVal;

use crate::bed::first_process;

/// No more frames are waited for after this long without one.
const QUIET: Duration = Duration::from_millis(500);

/// Reads along from when it is made.
pub struct Wire(OwnedFd);

/// Where on the bed: a host's own network namespace, or one of a node on it by its name there.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    Host(&'a str),
    Node(&'a str, &'a str),
}

impl Place<'_> {
    /// What is done there, in a thread of its own, which ends there.
    fn inside<T: Send + 'static>(self, act: impl FnOnce() -> T + Send + 'static) -> T {
        let path = match self {
            Place::Host(host) => format!("/proc/{}/ns/net", first_process(host)),
            Place::Node(host, netns) => format!("/proc/{}/root/run/netns/{netns}", first_process(host)),
        };
        let thread = std::thread::spawn(move || {
            let netns = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            setns(netns, CloneFlags::CLONE_NEWNET).expect("root may");
            act()
        });
        thread.join().expect("it does not panic")
    }

    /// Sends one echo request (RFC 792), and waits until it is answered.
    pub fn ping(self, to: Ipv4Addr) {
        assert!(self.hears(to, 5), "{to} does not answer");
    }

    /// Whether an echo request is answered within so many seconds.
    pub fn hears(self, to: Ipv4Addr, seconds: i64) -> bool {
        self.inside(move || {
            let socket = socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), SockProtocol::Icmp);
            let socket = socket.expect("root may");
            setsockopt(&socket, ReceiveTimeout, &TimeVal::new(seconds, 0)).expect("a socket has time-outs");
            let request = [8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
            sendto(socket.as_raw_fd(), &request, &SockaddrIn::from(SocketAddrV4::new(to, 0)), MsgFlags::empty())
                .unwrap_or_else(|e| panic!("send to {to}: {e}"));
            let mut packet = [0; 256];
            // Else the kernel says that there is no way to it, or nothing.
            let begins = format!("{to} > ");
            while let Ok(length) = recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
                let told = ipv4(&packet[..length]);
                if told.is_some_and(|told| told.starts_with(&begins) && told.ends_with("reply")) {
                    return true;
                }
            }
            false
        })
    }
}

impl Wire {
    /// On all interfaces of that place.
    pub fn of(place: Place<'_>) -> Wire {
        Wire(place.inside(|| {
            socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_NONBLOCK, SockProtocol::EthAll)
                .expect("root may")
        }))
    }

    /// What has passed so far with these words in it, each sort of frame once, in the order of the first.
    pub fn seen(&self, words: &str) -> Vec<String> {
        let mut frame = [0; 2048];
        let (mut seen, mut last) = (Vec::new(), Instant::now());
        while last.elapsed() < QUIET {
            match recv(self.0.as_raw_fd(), &mut frame, MsgFlags::empty()) {
                Ok(length) => {
                    let told = ethernet(&frame[..length]).filter(|told| told.contains(words));
                    seen.extend(told.filter(|told| !seen.contains(told)));
                    last = Instant::now();
                }
                Err(Errno::EAGAIN) => std::thread::sleep(Duration::from_millis(5)),
                Err(errno) => panic!("read a packet socket: {errno}"),
            }
        }
        seen
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn address(bytes: &[u8], at: usize) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from_bits(long(bytes, at)?))
}

fn ethernet(frame: &[u8]) -> Option<String> {
    carried(number(frame, 12)?, frame.get(14..)?)
}

/// What a frame or a tunnel carries, by its EtherType.
fn carried(kind: u16, bytes: &[u8]) -> Option<String> {
    match kind {
        0x0800 => ipv4(bytes),
        0x0806 => Some(format!("arp for {}", address(bytes, 24)?)),
        0x6558 => ethernet(bytes),
        0x8100 => Some(format!("vlan {}: {}", number(bytes, 0)? & 0xfff, carried(number(bytes, 2)?, bytes.get(4..)?)?)),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<String> {
    let inner = packet.get(4 * usize::from(packet.first()? & 15)..)?;
    let what = match packet.get(9)? {
        1 => match inner.first()? {
            0 => "echo reply".to_owned(),
            8 => "echo request".to_owned(),
            _ => return None,
        },
        17 => vxlan(inner)?,
        47 => gre(inner)?,
        _ => return None,
    };
    Some(format!("{} > {}: {what}", address(packet, 12)?, address(packet, 16)?))
}

/// RFC 7348 §5: the flag I says that there is a VNI.
fn vxlan(datagram: &[u8]) -> Option<String> {
    let (port, flags, vni) = (number(datagram, 2)?, long(datagram, 8)?, long(datagram, 12)? >> 8);
    let inner = ethernet(datagram.get(16..)?).filter(|_| flags == 0x0800_0000)?;
    Some(format!("vxlan at port {port}, VNI {vni}: {inner}"))
}

/// RFC 2890 §2, with a key and without a checksum.
fn gre(packet: &[u8]) -> Option<String> {
    let key = long(packet, 4).filter(|_| packet[0] == 0x20)?;
    Some(format!("gre, key {key}: {}", carried(number(packet, 2)?, packet.get(8..)?)?))
}
