//! Proves who reaches whom: echo requests from raw ICMP sockets inside the nodes, many at once, from one loop.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use netsim_core::resource::NetnsId;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use serde::{Deserialize, Serialize};

use crate::backend::{HostError, Progress};
use crate::failure::{codes, failed, failed_io};

mod elsewhere;
mod neighbours;
mod pace;
mod packet;
mod run;
mod socket;
mod sockets;

use elsewhere::Elsewhere;
use run::Run;
use sockets::Sockets;

/// A question: does this node reach this address?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// The node, by its place among the sources.
    pub from: usize,
    /// The address.
    pub to: IpAddr,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
        why: Cow<'static, str>,
    },
    /// No: the request could not be sent.
    Failed(HostError),
}

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Requests to send before a ping is lost, at least 1: the first may be lost while devices come up and addresses are resolved.
    pub tries: u32,
    /// How long to wait for an answer to the last request; each earlier one is waited for half as long as the one after it.
    pub timeout: Duration,
    /// Wait no less than this for an answer before the next request, for it may be on its way.
    pub least: Duration,
    /// Ask on although somebody says that nobody can be reached there: who says so may have lost the packets that told otherwise.
    pub insist: bool,
}

impl Default for Options {
    /// Requests at 0, 125, 375, 875 and 1,875 ms, lost after 3,875: a kernel says that a neighbour does not answer after some 3 s.
    fn default() -> Self {
        Options { tries: 5, timeout: Duration::from_secs(2), least: Duration::ZERO, insist: false }
    }
}

impl Options {
    /// How long to wait after the n-th request, from 1, before the next.
    fn wait(&self, tries: u32) -> Duration {
        (self.timeout / 2_u32.saturating_pow(self.tries.saturating_sub(tries))).max(self.least)
    }
}

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
        let sockets = Sockets::new(sources, elsewhere)?;
        Run::new(sockets, options, progress, tell).all(pings.into_iter())
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
