//! Routes of a simulated namespace: which a kernel takes, and what becomes of them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::space::{Family, IPV6_MIN_MTU, Space, family};
use super::{Errno, SimError, fail};
use crate::names::IfName;
use crate::resource::{NextHop, Route};

/// How a device is lost to the routes over it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Loss {
    /// It is down, or has lost its last IPv4 address: its next hops are dead, and a route goes when all of them are.
    Dead,
    /// It is no more, or does IPv6 no more: an IPv4 route goes whole, an IPv6 route loses the next hop.
    Unregistered,
}

impl Space {
    /// Whether a kernel would take this route (`fib_create_info`, `ip6_route_info_create`).
    pub fn check_route(&self, route: &Route) -> Result<(), SimError> {
        let v6 = family(&route.to) == Family::V6;
        if route.to != route.to.trunc() || route.via.is_empty() || v6 && route.metric == 0 {
            return fail(Errno::Inval, "the destination has host bits, there is no next hop, or IPv6 has metric 0");
        }
        if matches!(&*route.via, [only] if only.weight != 1) {
            return fail(Errno::Inval, "a next hop that is the only one has no weight");
        }
        if v6 && route.via.len() > 1 && route.via.iter().any(|hop| hop.gateway.is_none()) {
            return fail(Errno::Inval, "device only routes can not be added for IPv6 using the multipath API");
        }
        route.via.iter().try_for_each(|hop| self.check_hop(route, hop))
    }

    fn check_hop(&self, route: &Route, hop: &NextHop) -> Result<(), SimError> {
        let device = self.device(hop.device)?;
        let v6 = family(&route.to) == Family::V6;
        if !(1..=256).contains(&hop.weight) || hop.gateway.is_some_and(|gateway| gateway.is_ipv6() != v6) {
            return fail(Errno::Inval, "the weight is not 1 to 256, or the gateway is of another family");
        }
        if v6 && self.mtu(hop.device) < IPV6_MIN_MTU {
            return fail(Errno::NoDev, format!("{} has too small an MTU for IPv6", hop.device));
        }
        let Some(gateway) = hop.gateway else {
            return if device.up { Ok(()) } else { fail(Errno::NetDown, format!("{} is down", hop.device)) };
        };
        let mut covering = device.addresses.iter().map(|(net, _)| net).filter(|net| net.contains(&gateway));
        if !device.up || covering.clone().next().is_none() && !is_link_local(gateway) {
            let errno = if v6 { Errno::HostUnreach } else { Errno::NetUnreach };
            return fail(errno, format!("{} has no way to {gateway}", hop.device));
        }
        let is_own = v6 && self.devices.values().any(|d| d.addresses.iter().any(|(net, _)| net.addr() == gateway));
        if is_own || covering.any(|net| is_broadcast(net, gateway)) {
            return fail(Errno::Inval, format!("{gateway} is no gateway"));
        }
        Ok(())
    }

    pub fn revive(&mut self, name: IfName, of: Family) {
        for entry in self.routes.values_mut().filter(|e| family(&e.route.to) == of) {
            entry.dead.remove(&name);
        }
    }

    /// What `fib_sync_down_dev` and `fib6_ifdown` do.
    pub fn routes_lose(&mut self, name: IfName, of: Family, how: Loss) {
        self.routes.retain(|_, entry| {
            let uses = entry.route.via.iter().any(|hop| hop.device == name);
            match (uses && family(&entry.route.to) == of, how, of) {
                (false, ..) => true,
                (true, Loss::Dead, _) => {
                    entry.dead.insert(name);
                    entry.route.via.iter().any(|hop| !entry.dead.contains(&hop.device))
                }
                (true, Loss::Unregistered, Family::V4) => false,
                (true, Loss::Unregistered, Family::V6) => {
                    entry.dead.remove(&name);
                    entry.route.via.retain(|hop| hop.device != name);
                    if let [only] = &mut *entry.route.via {
                        only.weight = 1;
                    }
                    !entry.route.via.is_empty()
                }
            }
        });
    }
}

fn is_link_local(gateway: IpAddr) -> bool {
    matches!(gateway, IpAddr::V6(a) if a.is_unicast_link_local())
}

/// A kernel takes no broadcast address as a gateway; a /31 and a /32 have none (RFC 3021).
fn is_broadcast(net: &IpNet, gateway: IpAddr) -> bool {
    matches!((net, gateway), (IpNet::V4(net), IpAddr::V4(gateway)) if net.prefix_len() < 31 && net.broadcast() == gateway)
}
