//! What a kernel can do, asked without making anything.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use indexmap::IndexMap;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use netsim_core::names::{NetnsName, SysctlName};
use netsim_core::resource::NetnsId;
use netsim_core::state::{Facts, Feature};

use super::observe::{Asked, Space};
use super::sysctl::Settings;
use super::{netns, sysctl};
use crate::netlink::{Batch, Netlink};

/// Features that the kernel lacks.
pub(crate) type Lacks = BTreeSet<Feature>;

/// A multicast address: no device may have it, so a request with it is refused when its kind is known, and before anything is made.
const NO_ADDRESS: [u8; 6] = [1, 0, 0, 0, 0, 0];

/// The uids of a machine's own user namespace (user_namespaces(7)).
const ALL_UIDS: [&str; 3] = ["0", "0", "4294967295"];

/// Asks for devices that cannot be; a kind that is not known is refused in another way (EOPNOTSUPP) than a bad address.
pub(crate) fn probe(netlink: &mut Netlink) -> io::Result<Lacks> {
    let mut batch = Batch::default();
    for (feature, kind) in [(Feature::Veth, InfoKind::Veth), (Feature::Bridge, InfoKind::Bridge)] {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::Address(NO_ADDRESS.to_vec()));
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]));
        batch.push(feature, NLM_F_CREATE | NLM_F_EXCL, RouteNetlinkMessage::NewLink(message));
    }
    let refused = netlink.send(batch)?;
    let mut lacks: Lacks = refused.into_iter().filter(|r| r.errno == libc::EOPNOTSUPP).map(|r| r.tag).collect();
    let without = |path: &str, feature| (!Path::new(path).exists()).then_some(feature);
    lacks.extend(without("/proc/sys/net/ipv6", Feature::Ipv6));
    lacks.extend(without("/proc/sys/net/ipv4/fib_multipath_hash_policy", Feature::Multipath));
    Ok(lacks)
}

/// The kernel's release, as `uname -r`.
pub(crate) fn release() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned())
}

/// Whether a kernel of this release keeps IFA_PROTO: since Linux 5.18. What cannot be read is taken for a newer one.
pub(crate) fn marks_addresses(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (5, 18),
        _ => true,
    }
}

/// The facts of this machine. The calling thread must be its own: it may end up in a namespace made for the purpose.
pub(crate) fn facts(
    settings: &mut Settings,
    asked: &Asked,
    spaces: &[Space],
    names: &[NetnsName],
    lacks: Lacks,
) -> io::Result<Facts> {
    let mut no_sysctl = IndexMap::new();
    for space in spaces {
        no_sysctl.extend(space.no_sysctls.iter().map(|name| ((space.id.clone(), name.clone()), Vec::new())));
    }
    let is_new = |netns: &NetnsId| matches!(netns, NetnsId::Named(n) if names.binary_search(n).is_err());
    let mut of_new: Vec<(SysctlName, &NetnsId, &SysctlName)> = Vec::new();
    for (netns, names) in asked.sysctls.iter().filter(|(netns, _)| is_new(netns)) {
        of_new.extend(names.iter().map(|name| (sysctl::at_birth(name), *netns, *name)));
    }
    of_new.sort();
    if !of_new.is_empty() {
        netns::enter_new()?;
    }
    for same in of_new.chunk_by(|a, b| a.0 == b.0) {
        if settings.read(&same[0].0)?.is_none() {
            no_sysctl.extend(same.iter().map(|(_, netns, name)| (((*netns).clone(), (*name).clone()), Vec::new())));
        }
    }
    Ok(Facts {
        kernel: release()?,
        rootless: !std::fs::read_to_string("/proc/self/uid_map")?.split_whitespace().eq(ALL_UIDS),
        lacks,
        no_sysctl,
        ..Facts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::marks_addresses;

    #[test]
    fn only_kernels_before_5_18_keep_no_marks_on_addresses() {
        let old = ["4.19.0-27-amd64", "5.10.0-32-amd64", "5.15.0-125-generic", "5.17"];
        let new = ["5.18.0", "6.1.0-28-amd64", "6.18.44", "10.0-rc1", "something else"];
        assert!(old.into_iter().all(|r| !marks_addresses(r)));
        assert!(new.into_iter().all(marks_addresses));
    }
}
