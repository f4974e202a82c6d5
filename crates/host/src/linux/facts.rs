//! What a kernel can do, asked without making anything.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;

use indexmap::IndexMap;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoBridge, InfoData, InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use netsim_core::names::{IfName, NetnsName, SysctlName};
use netsim_core::resource::{NetnsId, QdiscKind};
use netsim_core::state::{Facts, Feature, Nic, Scope};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::device::{LO_INDEX, Link};
use super::observe::{Asked, Space, is_of_lab};
use super::sysctl::Settings;
use super::tuning::{self, Ethtool, Sysfs};
use super::{generic, netns, qdisc, route, sysctl};
use crate::netlink::{Batch, Netlink, Refused};

/// Features that the kernel lacks.
pub(crate) type Lacks = BTreeSet<Feature>;

/// A multicast address: no device may have it, so a request with it is refused when its kind is known, and before anything is made.
const NO_ADDRESS: [u8; 6] = [1, 0, 0, 0, 0, 0];

/// The uids of a machine's own user namespace (user_namespaces(7)).
const ALL_UIDS: [&str; 3] = ["0", "0", "4294967295"];

/// No bridge can have this VLAN by default: a kernel with VLAN filtering refuses it before it looks for the bridge (`br_validate`).
const NO_VLAN: u16 = u16::MAX;

/// The family of Open vSwitch's datapaths (OVS_DATAPATH_FAMILY, linux/openvswitch.h).
const DATAPATHS: &str = "ovs_datapath";

/// What a device's kind is called; none for a feature that is no kind of device.
fn kind(feature: Feature) -> Option<InfoKind> {
    match feature {
        Feature::Veth => Some(InfoKind::Veth),
        Feature::Bridge => Some(InfoKind::Bridge),
        Feature::Vlan => Some(InfoKind::Vlan),
        Feature::Macvlan => Some(InfoKind::MacVlan),
        Feature::Ipvlan => Some(InfoKind::IpVlan),
        Feature::Dummy => Some(InfoKind::Dummy),
        Feature::Bond => Some(InfoKind::Bond),
        Feature::Vrf => Some(InfoKind::Vrf),
        Feature::Vxlan => Some(InfoKind::Vxlan),
        Feature::Gre => Some(InfoKind::GreTap),
        Feature::Gre6 => Some(InfoKind::GreTap6),
        Feature::Ipv6
        | Feature::Multipath
        | Feature::VlanFiltering
        | Feature::Netem
        | Feature::NetemSeed
        | Feature::Tbf
        | Feature::Ethtool
        | Feature::CpuMasks
        | Feature::OpenVswitch => None,
    }
}

/// Asks for devices that cannot be; a kind that is not known is refused in another way (EOPNOTSUPP) than a bad address. An ipvlan device is not asked for its address
/// but for its parent: it has none.
pub(crate) fn probe(netlink: &mut Netlink, features: &BTreeSet<Feature>) -> io::Result<Lacks> {
    let mut batch = Batch::default();
    for &feature in features {
        if let Some(kind) = kind(feature) {
            let info = vec![LinkInfo::Kind(kind)];
            batch.push(
                feature,
                NLM_F_CREATE | NLM_F_EXCL,
                device(Some(LinkAttribute::Address(NO_ADDRESS.to_vec())), info),
            );
        }
    }
    // After the bridge: that loads its module.
    if features.contains(&Feature::VlanFiltering) {
        let data = InfoData::Bridge(vec![InfoBridge::VlanDefaultPvid(NO_VLAN)]);
        batch.push(
            Feature::VlanFiltering,
            0,
            device(None, vec![LinkInfo::Kind(InfoKind::Bridge), LinkInfo::Data(data)]),
        );
    }
    let is_unknown = |refused: &Refused<Feature>| match refused.tag {
        // Without the option the kernel looks for the bridge, which is not there.
        Feature::VlanFiltering => matches!(refused.errno, libc::ENODEV | libc::EOPNOTSUPP),
        _ => refused.errno == libc::EOPNOTSUPP,
    };
    let refused = if batch.first().is_some() { netlink.send(batch)? } else { Vec::new() };
    let mut lacks: Lacks = refused.into_iter().filter(is_unknown).map(|r| r.tag).collect();
    if features.contains(&Feature::Ipv6) {
        // Where IPv6 is a module that nobody needed yet, this loads it (`__sock_create`, net/socket.c); its failure is told by what is missing then.
        let _ = socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
    }
    let without = |feature, path: &str| features.contains(&feature) && !Path::new(path).exists();
    let files =
        [(Feature::Ipv6, "/proc/sys/net/ipv6"), (Feature::Multipath, "/proc/sys/net/ipv4/fib_multipath_hash_policy")];
    lacks.extend(files.into_iter().filter(|(feature, path)| without(*feature, path)).map(|(feature, _)| feature));
    Ok(lacks)
}

fn device(address: Option<LinkAttribute>, info: Vec<LinkInfo>) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.extend(address);
    message.attributes.push(LinkAttribute::LinkInfo(info));
    RouteNetlinkMessage::NewLink(message)
}

/// The kernel's release, as `uname -r`.
pub(crate) fn release() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned())
}

/// Whether a kernel of this release keeps IFA_PROTO.
pub(crate) fn marks_addresses(release: &str) -> bool {
    is_since(release, (5, 18))
}

/// Whether a kernel of this release is of this version or a later one. What cannot be read is taken for a newer one.
fn is_since(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= version,
        _ => true,
    }
}

/// The facts of this machine; the first of the spaces is the host's own. The calling thread must be its own: it may end up in a namespace made for the purpose.
pub(crate) fn facts(
    settings: &mut Settings,
    asked: &Asked,
    scope: &Scope,
    spaces: &[Space],
    names: &[NetnsName],
    mut lacks: Lacks,
) -> io::Result<Facts> {
    let kernel = release()?;
    let rootless = !std::fs::read_to_string("/proc/self/uid_map")?.split_whitespace().eq(ALL_UIDS);
    let is_asked = |feature| scope.features.contains(&feature);
    let mut check = |feature, has: &dyn Fn() -> io::Result<bool>| {
        if is_asked(feature) && !has()? {
            lacks.insert(feature);
        }
        io::Result::Ok(())
    };
    check(Feature::NetemSeed, &|| Ok(is_since(&kernel, (6, 6))))?;
    check(Feature::Ethtool, &|| Ok(Ethtool::open()?.is_some()))?;
    check(Feature::OpenVswitch, &|| generic::has_family(DATAPATHS))?;
    // What may not be looked at may not be set either.
    check(Feature::CpuMasks, &|| Ok(!rootless && Sysfs::open().and_then(|sysfs| sysfs.has_rps()).unwrap_or(false)))?;
    let mut no_sysctl = IndexMap::new();
    for space in spaces {
        no_sysctl.extend(space.no_sysctls.iter().map(|(name, near)| ((space.id.clone(), name.clone()), near.clone())));
    }
    let mut scratch = Scratch::default();
    add_missing_in_new(&mut no_sysctl, settings, asked, names, &mut scratch)?;
    let unproven: Vec<Feature> = [Feature::Netem, Feature::Tbf]
        .into_iter()
        .filter(|feature| is_asked(*feature) && !spaces.iter().any(|space| shows(space, *feature)))
        .collect();
    if !unproven.is_empty() {
        scratch.enter()?;
        lacks.extend(unknown_qdiscs(&unproven)?);
    }
    Ok(Facts {
        kernel,
        rootless,
        lacks,
        no_sysctl,
        nics: spaces.first().map(|host| nics(scope, host)).unwrap_or_default(),
        own: spaces.first().map(|host| own(scope, host)).unwrap_or_default(),
        cpus: if is_asked(Feature::CpuMasks) { tuning::cpus_online() } else { 0 },
        ..Facts::default()
    })
}

/// A namespace made for the purpose, once, when it is needed; it goes when the thread leaves it.
#[derive(Default)]
struct Scratch {
    entered: bool,
}

impl Scratch {
    fn enter(&mut self) -> io::Result<()> {
        if !self.entered {
            netns::enter_new()?;
            self.entered = true;
        }
        Ok(())
    }
}

/// Adds the settings that are asked for in namespaces which are not there yet, and that no new one has.
fn add_missing_in_new(
    no_sysctl: &mut IndexMap<(NetnsId, SysctlName), Vec<SysctlName>>,
    settings: &mut Settings,
    asked: &Asked,
    names: &[NetnsName],
    scratch: &mut Scratch,
) -> io::Result<()> {
    let is_new = |netns: &NetnsId| matches!(netns, NetnsId::Named(n) if names.binary_search(n).is_err());
    let mut of_new: Vec<(SysctlName, &NetnsId, &SysctlName)> = Vec::new();
    for (netns, names) in asked.sysctls.iter().filter(|(netns, _)| is_new(netns)) {
        of_new.extend(names.iter().map(|name| (sysctl::at_birth(name), *netns, *name)));
    }
    of_new.sort();
    if !of_new.is_empty() {
        scratch.enter()?;
    }
    for same in of_new.chunk_by(|a, b| a.0 == b.0) {
        if settings.read(&same[0].0)?.is_none() {
            for (_, netns, name) in same {
                no_sysctl.insert(((*netns).clone(), (*name).clone()), sysctl::near(name));
            }
        }
    }
    Ok(())
}

/// Whether a namespace has a queueing discipline that only a kernel with this feature can give: then it need not be asked.
fn shows(space: &Space, feature: Feature) -> bool {
    space.qdiscs.iter().any(|seen| match seen.kind {
        QdiscKind::Netem(_) => feature == Feature::Netem,
        QdiscKind::Tbf(_) => feature == Feature::Tbf,
        QdiscKind::Other(_) => false,
    })
}

/// Asks for queueing disciplines that cannot be, on the `lo` of the calling thread's namespace.
fn unknown_qdiscs(features: &[Feature]) -> io::Result<Vec<Feature>> {
    let mut batch = Batch::default();
    for &feature in features {
        let (flags, message) = qdisc::impossible(LO_INDEX, if feature == Feature::Netem { "netem" } else { "tbf" });
        batch.push(feature, flags, message);
    }
    let refused = Netlink::open()?.send(batch)?;
    Ok(refused.into_iter().filter(|refused| refused.errno == libc::ENOENT).map(|refused| refused.tag).collect())
}

/// The devices of the host that are not this lab's, and that others can stand on.
fn nics(scope: &Scope, host: &Space) -> BTreeMap<IfName, Nic> {
    let others = host.links.iter().filter(|link| link.index != LO_INDEX && !is_of_lab(&scope.lab, link));
    let addresses = |link: &Link| {
        let seen = host.addresses.iter().filter(|seen| scope.underlay && seen.index == link.index);
        seen.map(|seen| seen.net).filter(|net| !is_link_local(net.addr())).collect()
    };
    others.map(|link| (link.name, Nic { mtu: link.mtu, up: link.up, addresses: addresses(link) })).collect()
}

/// The addresses of the host itself, on whatever NIC packets to them come in.
fn own(scope: &Scope, host: &Space) -> Vec<IpAddr> {
    let seen =
        host.addresses.iter().filter(|seen| scope.underlay && seen.index == LO_INDEX).map(|seen| seen.net.addr());
    seen.filter(|address| !address.is_loopback() && !is_link_local(*address)).collect()
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The device of the best of these default routes, an IPv4 one before any of IPv6.
pub(crate) fn default_nic(links: &[Link], routes: &[route::Seen]) -> Option<IfName> {
    let hops = routes.iter().flat_map(|route| route.via.iter().map(move |(index, ..)| (route, *index)));
    let (_, index) = hops.min_by_key(|(route, _)| (route.to.addr().is_ipv6(), route.metric))?;
    links.iter().find(|link| link.index == index).map(|link| link.name)
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
