//! Addresses that a link writes for its endpoints.

use super::super::building::of_family;
use super::super::endpoints::Draft;
use super::super::ranges::Pattern;
use super::super::values::{self, Family, On};
use super::super::{Endpoint, Kind, codes};
use super::Writing;
use crate::problem::Place;
use crate::spec::written::OneOrMany;

impl Writing<'_, '_> {
    /// Gives each end that is no switch its address of those that the link writes, link by link.
    pub(super) fn place_addresses(&mut self, drafts: Vec<&mut Draft>) {
        let graph = &self.building.graph;
        let takes = |kind: &Kind| match kind {
            Kind::Namespace | Kind::Router | Kind::Host => true,
            Kind::Bridge(_) | Kind::Ovs(..) | Kind::Nic { .. } | Kind::Overlay(_) => false,
        };
        let ends = drafts.into_iter().map(|d| &mut d.end);
        let mut ends: Vec<&mut Endpoint> = ends.filter(|e| takes(&graph[e.node].kind)).collect();
        for (key, family, list) in [("ipv4", Family::V4, &self.link.ipv4), ("ipv6", Family::V6, &self.link.ipv6)] {
            let Some(list) = list else { continue };
            let at = self.at.key(key);
            let Some(addresses) = self.expanded(list, &at) else { continue };
            if addresses.len() != ends.len() {
                let of = if ends.len() == 1 { "endpoint that is no switch" } else { "endpoints that are no switches" };
                let there = match addresses.len() {
                    1 => "is 1 address".to_owned(),
                    n => format!("are {n} addresses"),
                };
                let message = format!("there {there} for {} {of}", ends.len());
                let hint = "write one for each, in order; a range such as 10.0.0.[1-4]/24 stands for several";
                self.building.problems.tell(codes::COUNT, &at, message, hint);
                continue;
            }
            for (end, (text, at)) in ends.iter_mut().zip(addresses) {
                let problems = &mut self.building.problems;
                let Some(net) = values::address(&text, Some(family), On::Wire, &at, problems) else { continue };
                if of_family(&end.addresses, family).next().is_some() {
                    let message = format!("an endpoint of this link has its `{key}` already");
                    problems.tell(
                        codes::WRITTEN_TWICE,
                        &at,
                        message,
                        "write it on the link or on the endpoint, not on both",
                    );
                    continue;
                }
                end.addresses.push(net);
            }
        }
    }

    fn expanded(&mut self, list: &OneOrMany, at: &Place) -> Option<Vec<(String, Place)>> {
        let mut all = Vec::new();
        for (text, at) in list.each(at) {
            let pattern = Pattern::read(text, &at, &mut self.building.problems)?;
            all.extend(pattern.iter().map(|t| (t.into_owned(), at.clone())));
        }
        Some(all)
    }
}
