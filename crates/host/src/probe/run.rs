//! The loop that asks pings and hears their answers.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::pace::Pace;
use super::packet::{self, Heard, Token};
use super::sockets::{Sockets, place};
use super::{Options, Outcome, Ping, neighbours};
use crate::backend::{HostError, Progress};
use crate::failure::{codes, failed, failed_io, refused};

/// Pings under way at once.
const UNDER_WAY: usize = 32_768;
/// Pings that wait for the kernel to have room before no new one is begun.
const HELD: usize = 1024;
/// How long to let the kernel make room.
const PAUSE: Duration = Duration::from_millis(1);
/// Without an answer for so long, none is on its way any more; those that come later are heard all the same.
const CALM: Duration = Duration::from_millis(10);
/// Packets taken from one socket before the next has its turn.
const TURN: usize = 256;
/// Late answers seen to between two looks for answers.
const LATE: usize = 64;
/// How often a ping that fails while the kernel drops packets is asked anew: the fault may be ours.
const ROUNDS: u32 = 4;

/// A ping under way.
#[derive(Debug, Clone, Copy)]
struct UnderWay {
    index: usize,
    ping: Ping,
    /// Requests sent in this round.
    tries: u32,
    round: u32,
    /// What [`Pace::drops`] was when the round began.
    drops: u64,
    /// Who said that nobody can be reached there, and why, where that is not believed at once.
    said: Option<(IpAddr, &'static str)>,
}

/// When to look after a ping: its answer to this request is late, or the kernel may have room for it now.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    slot: usize,
    index: usize,
    tries: u32,
    round: u32,
}

pub(super) struct Run<'a, T> {
    sockets: Sockets<'a>,
    options: Options,
    progress: &'a Progress,
    tell: T,
    /// In every request, to know our own.
    id: u64,
    began: Instant,
    slots: Vec<Option<UnderWay>>,
    free: Vec<usize>,
    /// By the number of requests sent and then by time, for after equally many all wait equally long.
    deadlines: Vec<VecDeque<Due>>,
    /// Pings that the kernel had no room for; `at` is when to give up.
    held: VecDeque<Due>,
    /// Pings to ask anew, each by its slot and its index.
    again: VecDeque<(usize, usize)>,
    pace: Pace,
    /// Pings that may begin before the kernel's tables of neighbours are looked at again.
    room: usize,
    /// How often those tables were full, as the kernel counts it.
    fulls: Option<u64>,
}

impl<'a, T: FnMut(usize, Ping, Outcome)> Run<'a, T> {
    pub(super) fn new(sockets: Sockets<'a>, options: &Options, progress: &'a Progress, tell: T) -> Self {
        let options = Options { tries: options.tries.max(1), ..*options };
        Run {
            sockets,
            options,
            progress,
            tell,
            id: RandomState::new().hash_one(0),
            began: Instant::now(),
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: vec![VecDeque::new(); options.tries as usize],
            held: VecDeque::new(),
            again: VecDeque::new(),
            pace: Pace::new(),
            room: 0,
            fulls: None,
        }
    }

    pub(super) fn all(mut self, pings: impl Iterator<Item = Ping>) -> Result<(), HostError> {
        let mut pings = pings.enumerate().peekable();
        while !self.progress.stopped() {
            let mut sent = 0;
            while sent < self.pace.burst && !(self.again.is_empty() && (self.is_full() || pings.peek().is_none())) {
                if self.room == 0 {
                    self.make_room()?;
                }
                self.room -= 1;
                sent += 1;
                match self.again.pop_front() {
                    Some((slot, index)) => self.send_first(slot, index),
                    None => pings.next().into_iter().for_each(|(index, ping)| self.begin(index, ping)),
                }
            }
            if self.under_way() == 0 && pings.peek().is_none() {
                break;
            }
            let idle = self.again.is_empty() && (self.is_full() || pings.peek().is_none());
            self.go_on(if idle { self.until_due() } else { Duration::ZERO })?;
            self.pace.look(sent);
            self.wait_for(self.pace.gap)?;
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

    /// Listens for so long at most, and does what is due. Gives how many packets came.
    fn go_on(&mut self, wait: Duration) -> Result<usize, HostError> {
        let packets = self.hear(wait)?;
        for due in std::mem::take(&mut self.held) {
            self.send(due);
        }
        self.look_after_late();
        Ok(packets)
    }

    /// Goes on for so long, whatever comes.
    fn wait_for(&mut self, time: Duration) -> Result<(), HostError> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.go_on(left)?;
        }
    }

    /// Sees to it that the next pings find room in the kernel's tables of neighbours.
    fn make_room(&mut self) -> Result<(), HostError> {
        let fail = |e: io::Error| failed_io(codes::PROBE, "look at the kernel's table of neighbours", &e);
        let mut room = self.sockets.elsewhere.run(neighbours::room).map_err(fail)?;
        let full = self.fulls.replace(room.fulls).is_some_and(|before| before != room.fulls);
        if full {
            self.pace.adapt(true, 0);
        }
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
        let refusal = if packet::is_answerable(ping.to) {
            self.sockets.hold(ping).err()
        } else {
            Some(refused(codes::PROBE, format!("ping {}", ping.to), "nobody answers for this address"))
        };
        if let Some(error) = refusal {
            self.progress.add(1);
            return (self.tell)(index, ping, Outcome::Failed(error));
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(UnderWay { index, ping, tries: 0, round: 0, drops: self.pace.drops, said: None });
        self.send_first(slot, index);
    }

    /// Sends a round's first request.
    fn send_first(&mut self, slot: usize, index: usize) {
        let round = self.slots[slot].map_or(0, |under_way| under_way.round);
        self.send(Due { at: self.give_up(), slot, index, tries: 0, round });
    }

    /// When to give up on a ping that the kernel has no room for now.
    fn give_up(&self) -> Instant {
        Instant::now() + self.options.timeout * 2
    }

    /// Sends the next request of the ping in this slot; `due` says until when it may be held.
    fn send(&mut self, due: Due) {
        // It may have been answered since, and the slot be another's.
        let same = |u: &UnderWay| (u.index, u.tries, u.round) == (due.index, due.tries, due.round);
        let Some(mut under_way) = self.slots[due.slot].filter(same) else { return };
        let (now, ping) = (Instant::now(), under_way.ping);
        let token = Token {
            run: self.id,
            sent: now.duration_since(self.began).as_nanos() as u64,
            index: under_way.index as u64,
            slot: due.slot as u32,
        };
        match self.sockets.send(ping, &packet::request(ping.to, token)) {
            Ok(()) => {
                under_way.tries += 1;
                self.slots[due.slot] = Some(under_way);
                let at = now + self.options.wait(under_way.tries);
                let due = Due { at, tries: under_way.tries, round: under_way.round, ..due };
                self.deadlines[under_way.tries as usize - 1].push_back(due);
            }
            Err(Errno::EAGAIN | Errno::ENOBUFS) if now < due.at => self.held.push_back(due),
            Err(errno) => {
                let doing = format!("ping {} from {}", ping.to, self.sockets.sources[ping.from]);
                self.end(due.slot, Outcome::Failed(failed(codes::PROBE, doing, errno)));
            }
        }
    }

    /// Tells the outcome; or asks anew, where it is that nothing came and packets were dropped meanwhile.
    fn end(&mut self, slot: usize, outcome: Outcome) {
        let Some(mut under_way) = self.slots[slot] else { return };
        let doubtful = matches!(outcome, Outcome::Lost | Outcome::Unreachable { .. });
        if doubtful && self.pace.drops > under_way.drops && under_way.round < ROUNDS {
            under_way = UnderWay { tries: 0, round: under_way.round + 1, drops: self.pace.drops, ..under_way };
            self.slots[slot] = Some(under_way);
            return self.again.push_back((slot, under_way.index));
        }
        self.slots[slot] = None;
        self.free.push(slot);
        self.sockets.let_go(under_way.ping);
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
        // Rounded up: a wait of less than a millisecond would be none, over and over.
        let wait = u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let mut packets = 0;
        for at in self.sockets.ready(wait)? {
            // One flooded node must not keep the others waiting.
            for _ in 0..TURN {
                let Some(packet) = self.sockets.at(at).and_then(|socket| socket.receive()) else { break };
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
        let Some(&Some(under_way)) = self.slots.get(slot) else { return };
        let ping = under_way.ping;
        if token.run != self.id || token.index != under_way.index as u64 || place(ping) != at {
            return;
        }
        match heard {
            Heard::Reply(token) if by == ping.to => {
                let tries = under_way.tries + under_way.round * self.options.tries;
                let rtt = self.began.elapsed().saturating_sub(Duration::from_nanos(token.sent));
                self.end(slot, Outcome::Reached { rtt, tries });
            }
            Heard::Reply(_) => {}
            // In a new round that has not begun, this is an echo of the last one.
            Heard::Undeliverable(..) if under_way.tries == 0 => {}
            Heard::Undeliverable(_, why) if self.options.insist => {
                self.slots[slot] = Some(UnderWay { said: Some((by, why)), ..under_way });
            }
            Heard::Undeliverable(_, why) => self.end(slot, Outcome::Unreachable { by, why: why.into() }),
        }
    }

    /// Asks again, or gives up, where an answer is late.
    fn look_after_late(&mut self) {
        let now = Instant::now();
        for tries in 0..self.deadlines.len() {
            for _ in 0..LATE {
                let Some(due) = self.deadlines[tries].pop_front() else { break };
                if due.at > now {
                    self.deadlines[tries].push_front(due);
                    break;
                }
                let same = |u: &UnderWay| (u.index, u.tries, u.round) == (due.index, due.tries, due.round);
                match self.slots[due.slot].filter(same) {
                    None => {}
                    Some(UnderWay { tries, said, .. }) if tries >= self.options.tries => {
                        let outcome =
                            said.map_or(Outcome::Lost, |(by, why)| Outcome::Unreachable { by, why: why.into() });
                        self.end(due.slot, outcome);
                    }
                    Some(_) => self.send(Due { at: self.give_up(), ..due }),
                }
            }
        }
    }
}
