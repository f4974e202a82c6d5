//! A node: its namespace, settings, `lo`, programs.

use petgraph::graph::NodeIndex;

use super::{Lab, Lowered, codes};
use crate::names::SysctlName;
use crate::problem::Problem;
use crate::resource::{Address, Netns, NetnsId, Ran, Resource, Sysctl};
use crate::state::promote_secondaries;
use crate::suggest::any_of;
use crate::topology::Node;

impl Lab<'_> {
    pub(super) fn lower_node(&self, index: NodeIndex<u32>, lowered: &mut Lowered) {
        let node = &self.topology.graph[index];
        let netns = self.netns[index.index()].clone();
        let at = &node.at;
        if let NetnsId::Named(name) = &netns {
            let born = Netns::new(name.clone(), node.name.clone());
            let lo = born.lo();
            lowered.insert(at, Resource::Netns(born));
            for (name, value) in defaults(node, self.ipv6) {
                if !node.sysctls.contains_key(&name) {
                    let (netns, value) = (netns.clone(), value.into());
                    lowered.insert(at, Resource::Sysctl(Sysctl { netns, name, value }));
                }
            }
            lowered.insert(at, Resource::Up(lo.clone()));
            for net in &self.given.loopbacks[index.index()] {
                lowered.insert(at, Resource::Address(Address { device: lo.clone(), net: *net }));
            }
        }
        for (name, value) in &node.sysctls {
            match self.written_sysctl(index, &netns, name) {
                Ok(name) => {
                    let (netns, value) = (netns.clone(), value.as_str().into());
                    lowered.insert(at, Resource::Sysctl(Sysctl { netns, name, value }));
                }
                Err(problem) => lowered.problems.push(*problem),
            }
        }
        lower_programs(node, &netns, lowered);
    }

    /// The setting under the kernel's name of the interface that it belongs to, if it can be set in this node.
    fn written_sysctl(
        &self,
        index: NodeIndex<u32>,
        netns: &NetnsId,
        name: &SysctlName,
    ) -> Result<SysctlName, Box<Problem>> {
        let node = &self.topology.graph[index];
        let problem = |code, message: String, hint: String| {
            Box::new(Problem::at(code, &node.at.key("sysctls").key(name.as_str()), message).hint(hint))
        };
        if *netns == NetnsId::Host {
            return Ok(name.clone());
        }
        if !name.as_str().starts_with("net.") {
            let message = format!("{name} belongs to the whole machine, not to node {}", node.name);
            return Err(problem(codes::SYSCTL_OF_MACHINE, message, "set it on the machine with sysctl(8)".into()));
        }
        let Some(named) = self.on_device(index, name) else {
            let message = format!("{name} is of an interface that {} does not have", node.name);
            let hint = "write one of its interfaces, `all` or `default`".into();
            return Err(problem(codes::NO_SUCH_INTERFACE, message, hint));
        };
        if let Some(near) = self.facts.no_sysctl.get(&(netns.clone(), named.clone())) {
            let message = format!("the kernel has no setting {name} in {}", node.name);
            let hint = match &**near {
                [] => "look in /proc/sys for what there is".to_owned(),
                near => format!("did you mean {}?", any_of(near.iter().map(SysctlName::as_str))),
            };
            return Err(problem(codes::SYSCTL_UNKNOWN, message, hint));
        }
        Ok(named)
    }

    /// `net.ipv4.conf.INTERFACE.…` with the interface's name in the kernel; none if the node has no such interface.
    fn on_device(&self, index: NodeIndex<u32>, name: &SysctlName) -> Option<SysctlName> {
        let parts: Vec<&str> = name.as_str().splitn(5, '.').collect();
        let ["net", family, group @ ("conf" | "neigh"), device, setting] = parts[..] else { return Some(name.clone()) };
        if matches!(device, "all" | "default" | "lo") {
            return Some(name.clone());
        }
        let full = device.replace('/', ".");
        let of_interfaces = self.interfaces[index.index()].iter().map(|&id| self.given.of(id)).flat_map(|given| {
            let members = given.members.iter().map(|member| (&member.interface, member.kernel));
            std::iter::once((&given.interface, given.kernel)).chain(members)
        });
        let node = &self.topology.graph[index];
        let kernel = match of_interfaces.into_iter().find(|(interface, _)| **interface == full) {
            Some((_, kernel)) => kernel,
            None if node.switch().is_some() && node.name.as_str() == full => self.switch_device(index).0,
            None => return None,
        };
        let device = kernel.as_str().replace('.', "/");
        SysctlName::new(&format!("net.{family}.{group}.{device}.{setting}")).ok()
    }
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

fn lower_programs(node: &Node, netns: &NetnsId, lowered: &mut Lowered) {
    // A switch in the host's namespace has none: that is checked.
    let NetnsId::Named(name) = netns else { return };
    for (index, argv) in (0..).zip(&node.exec) {
        lowered.insert(&node.at, Resource::Ran(Ran::new(name.clone(), index, argv)));
    }
}
