//! A blocking netlink socket that sends many requests in one datagram.
//!
//! A kernel handles a datagram within the `send` call, so one system call a node is enough; the acknowledgement of the last message says that
//! all were handled, and an error comes unasked. A runtime's wake-ups cost a hundred times what such a request does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::crash;

/// Requests that one datagram carries at most: their replies must fit the receive buffer (net.core.rmem_default, 208 KiB).
const MOST_REQUESTS: usize = 64;

/// Bytes that one datagram carries at most; a socket may have twice this in flight by default.
const MOST_BYTES: usize = 32 * 1024;

/// The datagrams that a kernel makes for a dump (`netlink_dump`, net/netlink/af_netlink.c): at first so large, and then as large as the largest buffer that
/// was offered, up to the second. Most namespaces need no more than the first, and to ask for more would cost it a larger allocation each.
const DUMP_BYTES: [usize; 2] = [8 * 1024, 32 * 1024];

/// Room for the longest answer: a device's further names alone may fill 64 KiB (`rtnl_alt_ifname`, net/core/rtnetlink.c).
const ANSWER_BYTES: usize = 96 * 1024;

/// How often a dump is begun anew that was interrupted by a change.
const DUMP_TRIES: usize = 20;

const NLMSGERR_ATTR_MSG: u16 = 1;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;

/// A socket in one network namespace, that of the thread that opened it.
#[derive(Debug)]
pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
}

/// What the kernel answered to one request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused<T> {
    /// Which request.
    pub(crate) tag: T,
    /// The errno, positive.
    pub(crate) errno: i32,
    /// The extended-ACK text; empty if there is none.
    pub(crate) text: String,
}

/// A kernel's refusal on its way through code that knows only [`io::Error`], which by itself keeps no words.
#[derive(Debug, thiserror::Error)]
#[error("errno {errno}: {text}")]
pub(crate) struct Worded {
    pub(crate) errno: i32,
    pub(crate) text: String,
}

impl<T> From<Refused<T>> for io::Error {
    fn from(refused: Refused<T>) -> Self {
        io::Error::other(Worded { errno: refused.errno, text: refused.text })
    }
}

/// Requests that wait to be sent together, each with a tag to know it by.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    bytes: Vec<u8>,
    requests: Vec<(usize, T)>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Batch { bytes: Vec::new(), requests: Vec::new() }
    }
}

impl<T> Batch<T> {
    /// Adds a request; `flags` are those beside NLM_F_REQUEST.
    pub(crate) fn push(&mut self, tag: T, flags: u16, request: impl NetlinkSerializable) {
        let at = self.bytes.len();
        self.requests.push((at, tag));
        put(&mut self.bytes, flags, request);
    }

    /// The tag of the first request.
    pub(crate) fn first(&self) -> Option<&T> {
        self.requests.first().map(|(_, tag)| tag)
    }
}

/// Appends a message; its sequence number is set when it is sent.
fn put(bytes: &mut Vec<u8>, flags: u16, request: impl NetlinkSerializable) {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let at = bytes.len();
    bytes.resize(at + aligned(message.buffer_len()), 0);
    message.serialize(&mut bytes[at..at + message.header.length as usize]);
}

/// Netlink messages begin at multiples of four bytes (NLMSG_ALIGN).
fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

impl Netlink {
    /// Opens a socket for rtnetlink(7) in the namespace that this thread is in.
    pub(crate) fn open() -> io::Result<Self> {
        Self::open_for(NETLINK_ROUTE)
    }

    /// Opens a socket for a protocol in the namespace that this thread is in.
    pub(crate) fn open_for(protocol: isize) -> io::Result<Self> {
        let socket = Socket::new(protocol)?;
        // Errors come with words (since Linux 4.12) and without a copy of the request (4.3); dumps heed their filters (4.20).
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        let _ = socket.set_netlink_get_strict_chk(true);
        Ok(Netlink { socket, sequence: 0 })
    }

    /// Sends all requests and gives those that were refused. An error does not stop the requests after it.
    pub(crate) fn send<T>(&mut self, batch: Batch<T>) -> io::Result<Vec<Refused<T>>> {
        let mut refused = Vec::new();
        let Batch { mut bytes, requests } = batch;
        let end = bytes.len();
        let starts: Vec<usize> = requests.iter().map(|(at, _)| *at).chain([end]).collect();
        let mut tags: Vec<Option<T>> = requests.into_iter().map(|(_, tag)| Some(tag)).collect();
        let mut from = 0;
        while from < tags.len() {
            let fits = |to: &usize| *to - from <= MOST_REQUESTS && starts[*to] - starts[from] <= MOST_BYTES;
            let to = (from + 1..=tags.len()).take_while(fits).last().unwrap_or(from + 1);
            for (errno, text, index) in self.send_one(&mut bytes, &starts[from..=to])? {
                if let Some(tag) = tags[from + index].take() {
                    refused.push(Refused { tag, errno, text });
                }
            }
            from = to;
        }
        Ok(refused)
    }

    /// Sends the messages that begin at `starts` but its last, which is their end, as one datagram.
    fn send_one(&mut self, bytes: &mut [u8], starts: &[usize]) -> io::Result<Vec<(i32, String, usize)>> {
        let count = starts.len() - 1;
        let first = self.sequence.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(count as u32);
        for (i, at) in starts[..count].iter().enumerate() {
            let mut header = NetlinkBuffer::new(&mut bytes[*at..]);
            header.set_sequence_number(first.wrapping_add(i as u32));
            if i + 1 == count {
                header.set_flags(header.flags() | NLM_F_ACK);
            }
        }
        if let Some(cut) = crash::points(count) {
            if cut > 0 {
                let _ = self.socket.send(&bytes[starts[0]..starts[cut]], 0);
            }
            crash::now();
        }
        self.socket.send(&bytes[starts[0]..starts[count]], 0)?;
        let mut refused = Vec::new();
        let mut answers = Vec::with_capacity(DUMP_BYTES[0]);
        loop {
            answers.clear();
            self.receive(&mut answers)?;
            for message in messages(&answers) {
                let index = message.sequence_number().wrapping_sub(first) as usize;
                if message.message_type() != NLMSG_ERROR || index >= count {
                    continue;
                }
                let (errno, text) = answer(message);
                if errno != 0 {
                    refused.push((errno, text, index));
                }
                if index + 1 == count {
                    return Ok(refused);
                }
            }
        }
    }

    /// Asks questions that have one answer each, and gives the payloads of the answers; none where the kernel answers with an error.
    pub(crate) fn ask<M: NetlinkSerializable + Clone>(
        &mut self,
        questions: Vec<M>,
    ) -> io::Result<Vec<Option<Vec<u8>>>> {
        let mut all = Vec::with_capacity(questions.len());
        let mut most = MOST_REQUESTS;
        while all.len() < questions.len() {
            let some = most.min(questions.len() - all.len());
            match self.ask_some(&questions[all.len()..all.len() + some]) {
                // The answers overran the receive buffer (a `lo` with hundreds of notes has a long one): fewer at once do not.
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) && some > 1 => {
                    self.drain()?;
                    most = some / 2;
                }
                answers => all.extend(answers?),
            }
        }
        Ok(all)
    }

    /// Asks these questions by one datagram.
    fn ask_some<M: NetlinkSerializable + Clone>(&mut self, questions: &[M]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let mut bytes = Vec::new();
        let count = questions.len() as u32;
        let first = self.sequence.wrapping_add(1);
        for (question, sequence) in questions.iter().zip(0..) {
            let at = bytes.len();
            put(&mut bytes, 0, question.clone());
            NetlinkBuffer::new(&mut bytes[at..]).set_sequence_number(first.wrapping_add(sequence));
        }
        self.sequence = self.sequence.wrapping_add(count);
        self.socket.send(&bytes, 0)?;
        let mut answers = Vec::with_capacity(questions.len());
        let mut buffer = Vec::with_capacity(ANSWER_BYTES);
        while answers.len() < questions.len() {
            buffer.clear();
            if self.receive(&mut buffer)? > buffer.len() {
                return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
            }
            for message in messages(&buffer) {
                if message.sequence_number().wrapping_sub(first) < count {
                    let good = message.message_type() != NLMSG_ERROR;
                    answers.push(good.then(|| message.payload().to_vec()));
                }
            }
        }
        Ok(answers)
    }

    /// Throws away what waits to be received: a socket that was overrun takes nothing more until it is empty.
    fn drain(&self) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(DUMP_BYTES[0]);
        loop {
            buffer.clear();
            match self.socket.recv(&mut buffer, libc::MSG_DONTWAIT) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.raw_os_error() != Some(libc::ENOBUFS) => return Err(e),
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Asks for all objects of a kind and gives the payload of each to `take`; begins anew when a change came between.
    /// `restart` is called before each beginning.
    pub(crate) fn dump<S>(
        &mut self,
        question: &RouteNetlinkMessage,
        mut restart: impl FnMut() -> S,
        mut take: impl FnMut(&mut S, &[u8]),
    ) -> io::Result<S> {
        let mut buffer = Vec::with_capacity(DUMP_BYTES[0]);
        for _ in 0..DUMP_TRIES {
            let mut found = restart();
            match self.dump_once(question.clone(), &mut buffer, |payload| take(&mut found, payload)) {
                Ok(true) => return Ok(found),
                Ok(false) => {}
                // One object was too long: the kernel's buffer grows with the largest that was offered to it.
                Err(e) if e.raw_os_error() == Some(libc::EMSGSIZE) => buffer.reserve(DUMP_BYTES[1]),
                Err(e) => return Err(e),
            }
        }
        Err(io::Error::other("the objects change faster than they can be listed"))
    }

    /// One dump; false if it was interrupted by a change, or came in a datagram that the buffer had no room for.
    fn dump_once(
        &mut self,
        question: RouteNetlinkMessage,
        buffer: &mut Vec<u8>,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        put(&mut bytes, NLM_F_DUMP, question);
        NetlinkBuffer::new(&mut bytes).set_sequence_number(self.sequence);
        self.socket.send(&bytes, 0)?;
        let mut consistent = true;
        loop {
            buffer.clear();
            let room = buffer.capacity();
            let length = self.receive(buffer)?;
            consistent &= length <= room;
            for message in messages(buffer) {
                if message.sequence_number() != self.sequence {
                    continue;
                }
                consistent &= message.flags() & NLM_F_DUMP_INTR == 0;
                match message.message_type() {
                    // The end says whether the kernel came to it (`netlink_dump_done`): a device too large to be told is an error.
                    NLMSG_DONE => match answer(message).0 {
                        0 => return Ok(consistent),
                        errno => return Err(io::Error::from_raw_os_error(errno)),
                    },
                    NLMSG_ERROR => return Err(io::Error::from_raw_os_error(answer(message).0)),
                    _ => take(message.payload()),
                }
            }
            buffer.reserve(length.max(DUMP_BYTES[1]));
        }
    }

    /// Receives one datagram; gives its length, also if the buffer had no room for all of it.
    fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            match self.socket.recv(buffer, libc::MSG_TRUNC) {
                Ok(length) => return Ok(length),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The socket itself, to listen on it.
    pub(crate) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The messages of a datagram.
pub(crate) fn messages(bytes: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(rest).ok()?;
        rest = rest.get(aligned(message.length() as usize)..).unwrap_or(&[]);
        Some(message)
    })
}

/// The errno (positive; 0 for an acknowledgement) and the text of an NLMSG_ERROR (`struct nlmsgerr`, then attributes).
fn answer(message: NetlinkBuffer<&[u8]>) -> (i32, String) {
    let flags = message.flags();
    let payload = message.payload();
    let Some(code) = payload.get(..4).and_then(|b| b.try_into().ok()).map(i32::from_ne_bytes) else {
        return (libc::EBADMSG, String::new());
    };
    if code == 0 || flags & NLM_F_ACK_TLVS == 0 {
        return (-code, String::new());
    }
    // Uncapped, the whole request stands between the header of the request and the attributes.
    let request = payload.get(4..8).and_then(|b| b.try_into().ok()).map_or(16, u32::from_ne_bytes) as usize;
    let start = if flags & NLM_F_CAPPED == 0 { 4 + aligned(request) } else { 20 };
    let mut texts = NlasIterator::new(payload.get(start..).unwrap_or(&[])).flatten();
    let text = texts.find(|a| a.kind() == NLMSGERR_ATTR_MSG).map(|a| {
        let text = a.value().strip_suffix(&[0]).unwrap_or(a.value());
        String::from_utf8_lossy(text).into_owned()
    });
    (-code, text.unwrap_or_default())
}
