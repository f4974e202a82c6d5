//! Bridges that get IPv6 back.
//!
//! A port with an MTU under 1280 takes IPv6 from its bridge. When it goes, the kernel gives the bridge IPv6 anew, with settings of its own: a
//! link-local address that nobody asked for. Such a bridge was seen without one, and stays so.

use std::io;

use netsim_core::names::IfName;
use netsim_core::resource::NetnsId;

use super::super::device::{IPV6_MIN_MTU, Kind, Link};
use super::super::spaces::Spaces;
use super::change::set_link_local;

/// Bridges that had no IPv6 before a change, by the number of each.
#[derive(Default)]
pub(super) struct Deprived(Vec<(NetnsId, u32)>);

impl Deprived {
    /// Notes the masters of those of these devices that are too small for IPv6.
    pub(super) fn note(&mut self, spaces: &mut Spaces, netns: &NetnsId, devices: &[IfName]) -> io::Result<()> {
        if devices.is_empty() {
            return Ok(());
        }
        let links = spaces.get(netns)?.look(devices)?;
        let masters = links.iter().filter(|l| l.mtu < IPV6_MIN_MTU).filter_map(|l| l.master);
        self.0.extend(masters.map(|master| (netns.clone(), master)));
        Ok(())
    }

    /// Takes the link-local address from those that have IPv6 again.
    pub(super) fn restore(self, spaces: &mut Spaces) -> io::Result<()> {
        for (netns, index) in self.0 {
            let regained = |link: &Link| link.link_local && matches!(link.kind, Kind::Bridge(_));
            if let Some(bridge) = spaces.get(&netns)?.look_at(index)?.filter(regained) {
                set_link_local(spaces, &netns, (bridge.name, index), false)?;
            }
        }
        Ok(())
    }
}
