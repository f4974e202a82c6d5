//! A node: its namespace, settings, `lo`, programs.

use petgraph::graph::NodeIndex;

use super::{codes, netns_of};
use crate::given::Given;
use crate::given::domains::EndId;
use crate::names::{IfName, SysctlName, stable_hash};
use crate::problem::Problem;
use crate::resource::{Address, Aside, DeviceId, Netns, NetnsId, Ran, Resource, Sysctl};
use crate::state::{Facts, HostState, promote_secondaries};
use crate::topology::{Node, Topology};

#[allow(clippy::too_many_arguments)]
pub(super) fn lower_node(
    topology: &Topology,
    given: &Given,
    facts: &Facts,
    index: NodeIndex<u32>,
    ends: &[EndId],
    ipv6: bool,
    state: &mut HostState,
    problems: &mut Vec<Problem>,
) {
    let node = &topology.graph[index];
    let netns = netns_of(topology, index);
    if let NetnsId::Named(name) = &netns {
        let born = Netns::new(name.clone(), node.name.clone());
        let lo = born.lo();
        state.insert(Resource::Netns(born));
        for (name, value) in defaults(node, ipv6) {
            if !node.sysctls.contains_key(&name) {
                state.insert(Resource::Sysctl(Sysctl { netns: netns.clone(), name, value: value.into() }));
            }
        }
        state.insert(Resource::Up(lo.clone()));
        for net in &given.loopbacks[index.index()] {
            state.insert(Resource::Address(Address { device: lo.clone(), net: *net }));
        }
    }
    for (name, value) in &node.sysctls {
        match written_sysctl(topology, given, facts, index, ends, name) {
            Ok(name) => {
                state.insert(Resource::Sysctl(Sysctl { netns: netns.clone(), name, value: value.as_str().into() }));
            }
            Err(problem) => problems.push(problem),
        }
    }
    lower_programs(node, &netns, state, problems);
}

/// The settings that our namespaces have where the file does not say otherwise.
fn defaults(node: &Node, ipv6: bool) -> Vec<(SysctlName, &'static str)> {
    let sysctl = |text| SysctlName::new(text).expect("a constant");
    let mut defaults = vec![(promote_secondaries(), "1")];
    if node.forwards() {
        defaults.push((sysctl("net.ipv4.ip_forward"), "1"));
        if ipv6 {
            defaults.push((sysctl("net.ipv6.conf.all.forwarding"), "1"));
        }
    }
    defaults
}

/// The setting under the kernel's name of the interface that it belongs to, if it can be set in this node.
fn written_sysctl(
    topology: &Topology,
    given: &Given,
    facts: &Facts,
    index: NodeIndex<u32>,
    ends: &[EndId],
    name: &SysctlName,
) -> Result<SysctlName, Problem> {
    let node = &topology.graph[index];
    let at = node.at.key("sysctls").key(name.as_str());
    let netns = netns_of(topology, index);
    if !name.as_str().starts_with("net.") && netns != NetnsId::Host {
        let message = format!("{name} belongs to the whole machine, not to node {}", node.name);
        return Err(Problem::at(codes::SYSCTL_OF_MACHINE, &at, message).hint("set it on the machine with sysctl(8)"));
    }
    let name = on_device(topology, given, index, ends, name).ok_or_else(|| {
        let message = format!("{name} is of an interface that {} does not have", node.name);
        Problem::at(codes::NO_SUCH_INTERFACE, &at, message)
            .hint("write one of the node's interfaces, `all` or `default`")
    })?;
    if facts.no_sysctl.contains(&(netns, name.clone())) {
        let message = format!("the kernel has no setting {name} in {}", node.name);
        return Err(Problem::at(codes::SYSCTL_UNKNOWN, &at, message).hint("see /proc/sys for what there is"));
    }
    Ok(name)
}

/// `net.ipv4.conf.INTERFACE.…` with the interface's name in the kernel; none if the node has no such interface.
fn on_device(
    topology: &Topology,
    given: &Given,
    index: NodeIndex<u32>,
    ends: &[EndId],
    name: &SysctlName,
) -> Option<SysctlName> {
    let parts: Vec<&str> = name.as_str().splitn(5, '.').collect();
    let ["net", family, group @ ("conf" | "neigh"), device, setting] = parts[..] else { return Some(name.clone()) };
    if matches!(device, "all" | "default" | "lo") || netns_of(topology, index) == NetnsId::Host {
        return Some(name.clone());
    }
    let full = device.replace('/', ".");
    let mut of_ends = ends.iter().map(|&(edge, side)| &given.ends[edge.index()][side]);
    let kernel = match of_ends.find(|end| end.interface == full) {
        Some(end) => end.kernel,
        None => {
            let node = &topology.graph[index];
            (node.switch().is_some() && node.name.as_str() == full).then(|| IfName::shortened(&full))?
        }
    };
    let device = kernel.as_str().replace('.', "/");
    SysctlName::new(&format!("net.{family}.{group}.{device}.{setting}")).ok()
}

fn lower_programs(node: &Node, netns: &NetnsId, state: &mut HostState, problems: &mut Vec<Problem>) {
    if node.exec.is_empty() {
        return;
    }
    let NetnsId::Named(name) = netns else {
        let message = format!("{} has no namespace of its own to run programs in", node.name);
        let problem = Problem::at(codes::EXEC_ON_HOST, &node.at.key("exec"), message);
        problems.push(problem.hint("remove `exec`, or `namespace: host`"));
        return;
    };
    for (index, argv) in (0..).zip(&node.exec) {
        let parts: Vec<&str> = argv.iter().map(String::as_str).collect();
        let digest = stable_hash(&parts);
        state.insert(Resource::Ran(Ran { netns: name.clone(), index, digest, argv: Aside(argv.clone()) }));
    }
}

/// A device in a node's namespace.
pub(super) fn device(topology: &Topology, node: NodeIndex<u32>, name: IfName) -> DeviceId {
    DeviceId { netns: netns_of(topology, node), name }
}
