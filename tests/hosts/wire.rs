//! What passes a host or a node, read from a packet socket and told in a line a frame.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};

use crate::bed::first_process;

/// No more frames are waited for after this long without one.
const QUIET: Duration = Duration::from_millis(500);

/// Reads along from when it is made.
pub struct Wire(OwnedFd);

impl Wire {
    /// On all interfaces of a host.
    pub fn of_host(host: &str) -> Wire {
        Wire::inside(format!("/proc/{}/ns/net", first_process(host)))
    }

    /// On all interfaces of a node on a host, by the name of its namespace.
    pub fn of_node(host: &str, netns: &str) -> Wire {
        Wire::inside(format!("/proc/{}/root/run/netns/{netns}", first_process(host)))
    }

    fn inside(netns: String) -> Wire {
        let open = move || {
            let netns = std::fs::File::open(&netns).unwrap_or_else(|e| panic!("{netns}: {e}"));
            setns(netns, CloneFlags::CLONE_NEWNET).expect("root may");
            socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_NONBLOCK, SockProtocol::EthAll)
                .expect("root may")
        };
        // A thread of its own, which ends there.
        Wire(std::thread::spawn(open).join().expect("it does not panic"))
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
