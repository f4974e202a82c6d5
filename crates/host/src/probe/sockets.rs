//! The sockets of all nodes, each opened when it is first needed.

use netsim_core::resource::NetnsId;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::elsewhere::Elsewhere;
use super::socket::Socket;
use super::{Ping, machine};
use crate::backend::HostError;

/// Sockets looked at after one wait.
const READY: usize = 64;

/// Of source n, IPv4 at 2n and IPv6 after it.
pub(super) struct Sockets<'a> {
    pub(super) sources: &'a [NetnsId],
    /// A socket belongs to the namespace that it is opened in.
    pub(super) elsewhere: Elsewhere<'a>,
    epoll: Epoll,
    sockets: Vec<Option<Open>>,
}

struct Open {
    socket: Socket,
    /// Pings of it that are under way.
    used: usize,
}

/// Where the socket is that a ping is asked by.
pub(super) fn place(ping: Ping) -> usize {
    ping.from * 2 + usize::from(ping.to.is_ipv6())
}

impl<'a> Sockets<'a> {
    pub(super) fn new(sources: &'a [NetnsId], elsewhere: Elsewhere<'a>) -> Result<Self, HostError> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(machine)?;
        let mut sockets = Vec::new();
        sockets.resize_with(sources.len() * 2, || None);
        Ok(Sockets { sources, elsewhere, epoll, sockets })
    }

    /// Keeps the ping's socket open until it is let go of.
    pub(super) fn hold(&mut self, ping: Ping) -> Result<(), HostError> {
        let at = place(ping);
        if self.sockets[at].is_none() {
            let open = Open { socket: self.open(ping)?, used: 0 };
            self.epoll.add(&open.socket, EpollEvent::new(EpollFlags::EPOLLIN, at as u64)).map_err(machine)?;
            self.sockets[at] = Some(open);
        }
        self.sockets[at].as_mut().expect("just opened").used += 1;
        Ok(())
    }

    pub(super) fn let_go(&mut self, ping: Ping) {
        self.sockets[place(ping)].as_mut().expect("open while it is held").used -= 1;
    }

    fn open(&mut self, ping: Ping) -> Result<Socket, HostError> {
        let (netns, v6) = (&self.sources[ping.from], ping.to.is_ipv6());
        match self.elsewhere.run(move || Socket::open(netns, v6)) {
            Err(e) if e.errno == Some(Errno::EMFILE as i32) => {
                // No more files: those that nobody waits at can be opened again.
                for socket in &mut self.sockets {
                    socket.take_if(|s| s.used == 0);
                }
                self.elsewhere.run(move || Socket::open(netns, v6))
            }
            other => other,
        }
    }

    pub(super) fn send(&self, ping: Ping, packet: &[u8]) -> Result<(), Errno> {
        self.sockets[place(ping)].as_ref().expect("open while it is held").socket.send(ping.to, packet)
    }

    /// The places of the sockets that have something, or will have within so many milliseconds.
    pub(super) fn ready(&self, wait: u16) -> Result<Vec<usize>, HostError> {
        let mut events = [EpollEvent::empty(); READY];
        let ready = match self.epoll.wait(&mut events, EpollTimeout::from(wait)) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(machine(errno)),
        };
        Ok(events[..ready].iter().map(|event| event.data() as usize).collect())
    }

    pub(super) fn at(&self, place: usize) -> Option<&Socket> {
        self.sockets[place].as_ref().map(|open| &open.socket)
    }
}
