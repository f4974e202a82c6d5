//! Mirrors of switches of Open vSwitch: from what is behind their ports to the links that make those.

use petgraph::graph::{EdgeIndex, NodeIndex};

use super::building::{Building, MirrorDraft};
use super::ranges::Pattern;
use super::{Kind, MirrorWritten, codes, ends};
use crate::problem::Place;
use crate::suggest::{any_of, nearest};

/// Finds the ports of every mirror.
pub(super) fn settle(building: &mut Building) {
    for node in building.graph.node_indices() {
        for draft in std::mem::take(&mut building.extras[node.index()].mirrors) {
            let found = Finding { building, switch: node, draft: &draft }.mirror();
            if let (Some(mirror), Kind::Ovs(_, written)) = (found, &mut building.graph[node].kind) {
                written.mirrors.push(mirror);
            }
        }
    }
}

struct Finding<'b, 'd> {
    building: &'b mut Building,
    switch: NodeIndex<u32>,
    draft: &'d MirrorDraft,
}

impl Finding<'_, '_> {
    fn mirror(mut self) -> Option<MirrorWritten> {
        let MirrorDraft { name, from, to: (to, to_at), direction, at } = self.draft;
        let to = self.output(to, to_at)?;
        let from = match from {
            None => None,
            Some(texts) => {
                let mut all: Vec<EdgeIndex<u32>> = Vec::new();
                for (text, at) in texts {
                    for link in self.links(text, at)? {
                        if link == to {
                            let message = format!("the mirror `{name}` would copy its own copies");
                            self.tell(at, message, "leave the port that it sends to out of `from`");
                            return None;
                        }
                        if !all.contains(&link) {
                            all.push(link);
                        }
                    }
                }
                if all.is_empty() {
                    self.tell(
                        &at.key("from"),
                        format!("the mirror `{name}` copies nothing"),
                        "write `all`, or some nodes",
                    );
                    return None;
                }
                Some(all)
            }
        };
        Some(MirrorWritten { name: name.clone(), from, to, direction: *direction, at: at.clone() })
    }

    /// The one link that the copies leave by: to a node, which then hears nothing else.
    fn output(&mut self, text: &str, at: &Place) -> Option<EdgeIndex<u32>> {
        let links = self.links(text, at)?;
        let &[link] = links.as_slice() else {
            let message =
                format!("`{text}` is behind {} ports of `{}`", links.len(), self.building.graph[self.switch].name);
            self.tell(at, message, "write one of them, as `node:eth1`");
            return None;
        };
        let far = &self.building.graph[self.far(link)];
        if far.switch().is_some() {
            let message = format!("`{}` is a switch: it would send the copies on as if they were meant", far.name);
            self.tell(at, message, "send them to a node of their own");
            return None;
        }
        Some(link)
    }

    /// The links between the switch and what a text names; that there is none is told.
    fn links(&mut self, text: &str, at: &Place) -> Option<Vec<EdgeIndex<u32>>> {
        let pattern = Pattern::read(text, at, &mut self.building.problems)?;
        let mut all = Vec::new();
        for text in pattern.iter() {
            let (name, interface) = text.split_once(':').map_or((&*text, None), |(node, name)| (node, Some(name)));
            let node = self.building.node(name, at)?;
            let found = self.between(node, interface);
            if found.is_empty() {
                self.missing(&text, at);
                return None;
            }
            all.extend(found);
        }
        Some(all)
    }

    /// The links to a node, or to one interface of it: that keeps the name by which it is meant.
    fn between(&mut self, node: NodeIndex<u32>, interface: Option<&str>) -> Vec<EdgeIndex<u32>> {
        let names = ends::names(self.building, node);
        let ends = &self.building.extras[node.index()].ends;
        let mut found: Vec<(EdgeIndex<u32>, usize)> = Vec::new();
        for (&(edge, side), name) in ends.iter().zip(&names) {
            let to_switch = self.building.graph[edge].ends[1 - side].node == self.switch;
            if to_switch && interface.is_none_or(|interface| name.as_deref() == Some(interface)) {
                found.push((edge, side));
            }
        }
        for &(edge, side) in &found {
            if let Some(interface) = interface {
                self.building.graph[edge].ends[side].interface = Some(interface.to_owned());
            }
        }
        found.into_iter().map(|(edge, _)| edge).collect()
    }

    fn far(&self, link: EdgeIndex<u32>) -> NodeIndex<u32> {
        let ends = &self.building.graph[link].ends;
        if ends[0].node == self.switch { ends[1].node } else { ends[0].node }
    }

    fn missing(&mut self, text: &str, at: &Place) {
        // After a link that is left out, it is not known which there are.
        if self.building.link_left_out {
            return;
        }
        let ends = self.building.extras[self.switch.index()].ends.clone();
        let mut behind: Vec<String> =
            ends.iter().map(|&(edge, _)| self.building.graph[self.far(edge)].name.to_string()).collect();
        behind.dedup();
        let behind: Vec<&str> = behind.iter().map(String::as_str).collect();
        let hint = match nearest(text, behind.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if behind.is_empty() => "link the switch first".to_owned(),
            None => format!("write what is behind a port: {}", any_of(behind.iter().take(8).copied())),
        };
        let message = format!("no port of `{}` leads to `{text}`", self.building.graph[self.switch].name);
        self.tell(at, message, &hint);
    }

    fn tell(&mut self, at: &Place, message: String, hint: &str) {
        self.building.problems.tell(codes::MIRROR, at, message, hint);
    }
}
