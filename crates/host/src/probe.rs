//! Proves who reaches whom: echo requests from raw ICMP sockets inside the nodes, many at once, from one loop.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use netsim_core::resource::NetnsId;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use crate::backend::{HostError, Progress};
use crate::failure::{codes, failed, failed_io, refused};

mod elsewhere;
mod neighbours;
mod packet;
mod socket;

use elsewhere::Elsewhere;
use packet::{Heard, Token};
use socket::Socket;

/// A question: does this node reach this address?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ping {
    /// The node, by its place among the sources.
    pub from: usize,
    /// The address.
    pub to: IpAddr,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Yes: an answer came.
    Reached {
        /// From the request to its answer.
        rtt: Duration,
        /// How many requests had been sent by then.
        tries: u32,
    },
    /// No: nothing came back.
    Lost,
    /// No, says somebody on the way.
    Unreachable {
        /// Who says so; the node itself where its neighbour did not answer.
        by: IpAddr,
        /// What it says.
        why: &'static str,
    },
    /// No: the request could not be sent.
    Failed(HostError),
}

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Requests to send before a ping is lost, at least 1: the first may be lost while devices come up and addresses are resolved.
    pub tries: u32,
    /// How long to wait for an answer to the last request; each earlier one is waited for half as long as the one after it.
    pub timeout: Duration,
}

impl Default for Options {
    /// Requests at 0, 125, 375, 875 and 1,875 ms, lost after 3,875: a kernel says that a neighbour does not answer after some 3 s.
    fn default() -> Self {
        Options { tries: 5, timeout: Duration::from_secs(2) }
    }
}

impl Options {
    /// How long to wait after the n-th request, from 1, before the next.
    fn wait(&self, tries: u32) -> Duration {
        self.timeout / 2_u32.saturating_pow(self.tries.saturating_sub(tries))
    }
}

/// Requests sent between two looks for answers: so many fit into the kernel's queues (`net.core.netdev_max_backlog` is 1000 packets a CPU).
const BURST: usize = 64;
/// Pings under way at once.
const UNDER_WAY: usize = 32_768;
/// Pings that wait for the kernel to have room before no new one is begun.
const HELD: usize = 1024;
/// How long to let the kernel make room.
const PAUSE: Duration = Duration::from_millis(1);
/// Without an answer for so long, none is on its way any more; those that come later are heard all the same.
const CALM: Duration = Duration::from_millis(10);

/// Asks all pings and tells each one's outcome, with its place among the pings, as soon as it is known.
///
/// Ends early, without an error, when `progress` is told to stop; counts the outcomes there. An error is one of this machine, not of a ping.
pub fn ping(
    sources: &[NetnsId],
    pings: impl IntoIterator<Item = Ping>,
    options: &Options,
    progress: &Progress,
    tell: impl FnMut(usize, Ping, Outcome),
) -> Result<(), HostError> {
    let limit = raise_file_limit();
    let result = std::thread::scope(|scope| {
        let elsewhere = Elsewhere::new(scope);
        let elsewhere = elsewhere.map_err(|e| failed_io(codes::PROBE, "start a thread to open sockets", &e))?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(machine)?;
        let mut sockets = Vec::new();
        sockets.resize_with(sources.len() * 2, || None);
        let run = Run {
            sockets: Sockets { sources, elsewhere, epoll, sockets },
            options: *options,
            progress,
            tell,
            id: RandomState::new().hash_one(0),
            began: Instant::now(),
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: vec![VecDeque::new(); options.tries.max(1) as usize],
            held: VecDeque::new(),
            room: 0,
        };
        run.all(pings.into_iter())
    });
    if let Some((soft, hard)) = limit {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    }
    result
}

fn machine(errno: Errno) -> HostError {
    failed(codes::PROBE, "wait for answers", errno)
}

/// Two sockets a node may be more than the soft limit allows; gives the limits as they were, where they were changed.
fn raise_file_limit() -> Option<(rlim_t, rlim_t)> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok().filter(|(soft, hard)| soft < hard)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok().map(|()| (soft, hard))
}

/// The sockets of the sources, each opened when it is first needed: of source n, IPv4 at 2n and IPv6 after it.
struct Sockets<'a> {
    sources: &'a [NetnsId],
    /// A socket belongs to the namespace that it is opened in.
    elsewhere: Elsewhere<'a>,
    epoll: Epoll,
    sockets: Vec<Option<Open>>,
}

struct Open {
    socket: Socket,
    /// Pings of it that are under way.
    used: usize,
}

impl Sockets<'_> {
    fn of(&mut self, ping: Ping) -> Result<&mut Open, HostError> {
        let at = place(ping);
        if self.sockets[at].is_none() {
            let open = Open { socket: self.new_socket(ping)?, used: 0 };
            self.epoll.add(&open.socket, EpollEvent::new(EpollFlags::EPOLLIN, at as u64)).map_err(machine)?;
            self.sockets[at] = Some(open);
        }
        Ok(self.sockets[at].as_mut().expect("just opened"))
    }

    fn new_socket(&mut self, ping: Ping) -> Result<Socket, HostError> {
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
}

fn place(ping: Ping) -> usize {
    ping.from * 2 + usize::from(ping.to.is_ipv6())
}

/// A ping under way.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    index: usize,
    ping: Ping,
    /// Requests sent.
    tries: u32,
}

/// When to look after a ping: its answer to this try is late, or the kernel may have room for it now.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    slot: usize,
    index: usize,
    tries: u32,
}

struct Run<'a, T> {
    sockets: Sockets<'a>,
    options: Options,
    progress: &'a Progress,
    tell: T,
    id: u64,
    began: Instant,
    slots: Vec<Option<UnderWay>>,
    free: Vec<usize>,
    /// By the number of requests sent and then by time, for after equally many all wait equally long.
    deadlines: Vec<VecDeque<Due>>,
    /// Pings that the kernel had no room for; `at` is when to give up.
    held: VecDeque<Due>,
    /// Pings that may begin before the kernel's tables of neighbours are looked at again.
    room: usize,
}

impl<T: FnMut(usize, Ping, Outcome)> Run<'_, T> {
    fn all(mut self, pings: impl Iterator<Item = Ping>) -> Result<(), HostError> {
        let mut pings = pings.enumerate().peekable();
        while !self.progress.stopped() {
            for _ in 0..BURST {
                if self.is_full() || pings.peek().is_none() {
                    break;
                }
                if self.room == 0 {
                    self.make_room()?;
                }
                let Some((index, ping)) = pings.next() else { break };
                self.room -= 1;
                self.begin(index, ping);
            }
            if self.under_way() == 0 && pings.peek().is_none() {
                break;
            }
            let wait = if self.is_full() || pings.peek().is_none() { self.until_due() } else { Duration::ZERO };
            self.go_on(wait)?;
        }
        Ok(())
    }

    fn under_way(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether no ping may begin now.
    fn is_full(&self) -> bool {
        self.under_way() >= UNDER_WAY || self.held.len() >= HELD
    }

    /// Listens for so long at most, and does what is due. Gives how many answers came.
    fn go_on(&mut self, wait: Duration) -> Result<usize, HostError> {
        let answers = self.hear(wait)?;
        self.send_held();
        self.look_after_late();
        Ok(answers)
    }

    /// Sees to it that the next pings find room in the kernel's tables of neighbours.
    fn make_room(&mut self) -> Result<(), HostError> {
        let fail = |e: io::Error| failed_io(codes::PROBE, "look at the kernel's table of neighbours", &e);
        let mut room = self.sockets.elsewhere.run(neighbours::room).map_err(fail)?;
        if room.left < room.limit / 2 {
            while self.under_way() > 0 && self.go_on(CALM)? > 0 {}
            let sources = self.sockets.sources;
            self.sockets.elsewhere.run(move || neighbours::forget(sources)).map_err(fail)?;
            room = self.sockets.elsewhere.run(neighbours::room).map_err(fail)?;
            // What is left then is written by hand, somebody else's, or such as the kernel drops when it needs the room.
            room.left = room.left.max(room.limit / 4);
        }
        // A ping takes an entry at either end; a third is for what goes on beside it.
        self.room = (room.left / 3).max(1);
        Ok(())
    }

    fn begin(&mut self, index: usize, ping: Ping) {
        let under_way = UnderWay { index, ping, tries: 0 };
        let refusal = if !packet::is_answerable(ping.to) {
            Some(refused(codes::PROBE, format!("ping {}", ping.to), "nobody answers for this address"))
        } else {
            self.sockets.of(ping).map(|open| open.used += 1).err()
        };
        if let Some(error) = refusal {
            self.progress.add(1);
            return (self.tell)(index, ping, Outcome::Failed(error));
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[slot] = Some(under_way);
        let due = Due { at: self.give_up(), slot, index, tries: 0 };
        self.send(due);
    }

    /// When to give up on a ping that the kernel has no room for now.
    fn give_up(&self) -> Instant {
        Instant::now() + self.options.timeout * 2
    }

    /// Sends the next request of the ping in this slot; `due` says until when it may be held.
    fn send(&mut self, due: Due) {
        let Some(mut under_way) = self.slots[due.slot] else { return };
        let (now, ping) = (Instant::now(), under_way.ping);
        let token = Token {
            run: self.id,
            sent: now.duration_since(self.began).as_nanos() as u64,
            index: under_way.index as u64,
            slot: due.slot as u32,
        };
        let socket = &self.sockets.sockets[place(ping)].as_ref().expect("open while a ping uses it").socket;
        match socket.send(ping.to, &packet::request(ping.to, token)) {
            Ok(()) => {
                under_way.tries += 1;
                self.slots[due.slot] = Some(under_way);
                let at = now + self.options.wait(under_way.tries);
                self.deadlines[under_way.tries as usize - 1].push_back(Due { at, tries: under_way.tries, ..due });
            }
            Err(Errno::EAGAIN | Errno::ENOBUFS) if now < due.at => self.held.push_back(due),
            Err(errno) => {
                let doing = format!("ping {} from {}", ping.to, self.sockets.sources[ping.from]);
                self.end(due.slot, Outcome::Failed(failed(codes::PROBE, doing, errno)));
            }
        }
    }

    fn end(&mut self, slot: usize, outcome: Outcome) {
        let Some(under_way) = self.slots[slot].take() else { return };
        self.free.push(slot);
        if let Some(open) = &mut self.sockets.sockets[place(under_way.ping)] {
            open.used -= 1;
        }
        self.progress.add(1);
        (self.tell)(under_way.index, under_way.ping, outcome);
    }

    /// How long there is nothing to do but to listen.
    fn until_due(&self) -> Duration {
        if !self.held.is_empty() {
            return PAUSE;
        }
        let first = self.deadlines.iter().filter_map(VecDeque::front).map(|due| due.at).min();
        // Not longer than this, so that a wish to stop is heard soon.
        first.map_or(PAUSE, |at| at.saturating_duration_since(Instant::now()).min(Duration::from_millis(100)))
    }

    /// Takes in all that comes within the time, and gives how many packets that was.
    fn hear(&mut self, wait: Duration) -> Result<usize, HostError> {
        let mut events = [EpollEvent::empty(); BURST];
        // Rounded up: a wait of less than a millisecond would be none, over and over.
        let wait = u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let ready = match self.sockets.epoll.wait(&mut events, EpollTimeout::from(wait)) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(machine(errno)),
        };
        let mut packets = 0;
        for event in &events[..ready] {
            let at = event.data() as usize;
            // As many as there were room for: one flooded node must not keep the others waiting.
            for _ in 0..BURST * 4 {
                let Some(open) = &self.sockets.sockets[at] else { break };
                let Some(packet) = open.socket.receive() else { break };
                packets += 1;
                if let Some((by, heard)) = packet {
                    self.take(at, by, heard);
                }
            }
        }
        Ok(packets)
    }

    fn take(&mut self, at: usize, by: IpAddr, heard: Heard) {
        let (Heard::Reply(token) | Heard::Undeliverable(token, _)) = heard;
        let slot = token.slot as usize;
        let Some(Some(under_way)) = self.slots.get(slot) else { return };
        let (ping, tries) = (under_way.ping, under_way.tries);
        if token.run != self.id || token.index != under_way.index as u64 || place(ping) != at {
            return;
        }
        match heard {
            Heard::Reply(token) if by == ping.to => {
                let now = self.began.elapsed();
                let rtt = now.saturating_sub(Duration::from_nanos(token.sent));
                self.end(slot, Outcome::Reached { rtt, tries });
            }
            Heard::Reply(_) => {}
            Heard::Undeliverable(_, why) => self.end(slot, Outcome::Unreachable { by, why }),
        }
    }

    fn send_held(&mut self) {
        for due in std::mem::take(&mut self.held) {
            self.send(due);
        }
    }

    /// Asks again, or gives up, where an answer is late.
    fn look_after_late(&mut self) {
        let now = Instant::now();
        for tries in 0..self.deadlines.len() {
            for _ in 0..BURST {
                let Some(due) = self.deadlines[tries].pop_front() else { break };
                if due.at > now {
                    self.deadlines[tries].push_front(due);
                    break;
                }
                match self.slots[due.slot].filter(|u| u.index == due.index && u.tries == due.tries) {
                    None => {}
                    Some(under_way) if under_way.tries >= self.options.tries => self.end(due.slot, Outcome::Lost),
                    Some(_) => self.send(Due { at: self.give_up(), ..due }),
                }
            }
        }
    }
}
