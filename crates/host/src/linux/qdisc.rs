//! Queueing disciplines as rtnetlink messages.
//!
//! A kernel tells neither by which distribution the delay of a netem varies nor whether its seed was asked for. Both stand in the handle that we give,
//! which says at the same time that the queueing discipline is ours: `tc qdisc change` by a hand keeps it.

use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcHeader, TcMessage};
use netsim_core::resource::{Distribution, QdiscKind};

use super::attributes;

mod distribution;
mod netem;
mod tbf;

const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;

/// `struct tcmsg` (linux/rtnetlink.h).
const HEADER: usize = 20;

/// The major numbers of our handles have these bits; the last four are ours to choose.
const OURS: u16 = 0x6e40;
const TBF: u16 = 4;
const SEEDED: u16 = 8;

/// What a device has that nobody gave another (`noqueue_qdisc_ops`, `noop_qdisc_ops`, net/sched/sch_generic.c).
const NONE: [&[u8]; 2] = [b"noqueue\0", b"noop\0"];

/// A queueing discipline at the root of a device, not the kernel's own choice, as a dump shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The device.
    pub(crate) index: u32,
    pub(crate) kind: QdiscKind,
    /// Whether its handle is one of ours.
    pub(crate) ours: bool,
}

/// Whether a device with this IFLA_QDISC can have a queueing discipline that somebody gave it.
pub(crate) fn may_have(kind: &[u8]) -> bool {
    !NONE.contains(&kind)
}

/// The question for all queueing disciplines of a namespace.
pub(crate) fn list() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default())
}

/// The queueing discipline that a message describes; none if it is not at a root, or what the kernel gives by itself: that has no handle.
pub(crate) fn decode(payload: &[u8]) -> Option<Seen> {
    let header = TcHeader::parse(payload).ok()?;
    if header.parent != TcHandle::ROOT || header.handle == TcHandle::UNSPEC {
        return None;
    }
    let (mut name, mut options) = (&[][..], &[][..]);
    for (kind, value) in attributes::each(payload.get(HEADER..)?) {
        match kind {
            TCA_KIND => name = value.strip_suffix(&[0]).unwrap_or(value),
            TCA_OPTIONS => options = value,
            _ => {}
        }
    }
    let handle = header.handle.major;
    let ours = handle & !0xf == OURS;
    let kind = match name {
        b"netem" => netem::decode(options, distribution_of(handle), handle & SEEDED != 0),
        b"tbf" => tbf::decode(options),
        _ => None,
    };
    // A hand can give a handle of ours to what never has it, and settings that we never give.
    let other = || QdiscKind::Other(String::from_utf8_lossy(name).into());
    let kind = kind.filter(|kind| self::handle(kind) == Some(header.handle)).unwrap_or_else(other);
    Some(Seen { index: header.index.try_into().ok()?, kind, ours })
}

fn distribution_of(handle: u16) -> Distribution {
    match handle & 3 {
        0 => Distribution::Uniform,
        1 => Distribution::Normal,
        2 => Distribution::Pareto,
        _ => Distribution::Paretonormal,
    }
}

/// The handle that we give; none to what we never make.
fn handle(kind: &QdiscKind) -> Option<TcHandle> {
    let choice = match kind {
        QdiscKind::Netem(netem) => {
            let distribution = match netem.distribution {
                Distribution::Uniform => 0,
                Distribution::Normal => 1,
                Distribution::Pareto => 2,
                Distribution::Paretonormal => 3,
            };
            distribution | netem.seed.map_or(0, |_| SEEDED)
        }
        QdiscKind::Tbf(_) => TBF,
        QdiscKind::Other(_) => return None,
    };
    Some(TcHandle { major: OURS | choice, minor: 0 })
}

/// The requests, each with its flags, that give a device a queueing discipline in place of what it has.
///
/// With the same handle the settings change in place. Otherwise the new one is grafted on, and traffic goes on; but beside a netem that duplicates the
/// kernel takes no other, not even for that moment (`check_netem_in_tree`, net/sched/sch_netem.c), and of what a hand made the handle is not known.
pub(crate) fn put(index: u32, from: Option<&QdiscKind>, to: &QdiscKind) -> Vec<(u16, RouteNetlinkMessage)> {
    let name = match to {
        QdiscKind::Netem(_) => "netem",
        QdiscKind::Tbf(_) => "tbf",
        QdiscKind::Other(_) => return Vec::new(),
    };
    let options = match to {
        QdiscKind::Netem(netem) => netem::encode(netem),
        QdiscKind::Tbf(tbf) => tbf::encode(tbf),
        QdiscKind::Other(_) => Vec::new(),
    };
    let mut message = at_root(index, handle(to));
    message.attributes =
        vec![TcAttribute::Kind(name.to_owned()), TcAttribute::Other(DefaultNla::new(TCA_OPTIONS, options))];
    let message = RouteNetlinkMessage::NewQueueDiscipline(message);
    match from {
        None => vec![(NLM_F_CREATE | NLM_F_EXCL, message)],
        Some(from) if handle(from) == handle(to) => vec![(0, message)],
        Some(from) if handle(from).is_none() || duplicates(from) || duplicates(to) => {
            vec![(0, delete(index, from)), (NLM_F_CREATE | NLM_F_EXCL, message)]
        }
        Some(_) => vec![(NLM_F_CREATE | NLM_F_REPLACE, message)],
    }
}

fn duplicates(kind: &QdiscKind) -> bool {
    matches!(kind, QdiscKind::Netem(netem) if netem.duplicate != 0)
}

/// Takes away what a device has, if it still is that.
pub(crate) fn delete(index: u32, kind: &QdiscKind) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelQueueDiscipline(at_root(index, handle(kind)))
}

/// A request that is refused when the kind is known, for it has no settings, and before anything is made; by another errno (ENOENT) when it is not.
pub(crate) fn impossible(index: u32, kind: &str) -> (u16, RouteNetlinkMessage) {
    let mut message = at_root(index, None);
    message.attributes = vec![TcAttribute::Kind(kind.to_owned())];
    (NLM_F_CREATE | NLM_F_EXCL, RouteNetlinkMessage::NewQueueDiscipline(message))
}

fn at_root(index: u32, handle: Option<TcHandle>) -> TcMessage {
    let mut message = TcMessage::with_index(index.cast_signed());
    message.header.parent = TcHandle::ROOT;
    message.header.handle = handle.unwrap_or(TcHandle::UNSPEC);
    message
}

#[cfg(test)]
mod tests;
