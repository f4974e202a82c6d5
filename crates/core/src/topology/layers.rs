//! Settings that nodes take over: those of all nodes, then of their kind, then of their group, then their own.

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::ranges::{Pattern, has_range};
use super::{codes, problems::Problems};
use crate::problem::Place;
use crate::spec::Spec;
use crate::spec::written::{KindSpec, NodeSpec};
use std::borrow::Cow;

/// Settings at one place of a file.
pub(super) struct Layer<'s> {
    pub spec: &'s NodeSpec,
    pub at: Place,
}

/// The settings that are not a node's own, the stronger ones later.
#[derive(Default)]
pub(super) struct Layers<'s> {
    pub defaults: Vec<Layer<'s>>,
    pub namespace: Vec<Layer<'s>>,
    pub router: Vec<Layer<'s>>,
    pub bridge: Vec<Layer<'s>>,
    pub ovs: Vec<Layer<'s>>,
    pub host: Vec<Layer<'s>>,
    pub groups: IndexMap<&'s str, Vec<Layer<'s>>>,
    /// What files say that others name.
    pub texts: Texts<'s>,
}

/// Texts by the source that names them and the name.
pub(super) type Texts<'s> = FxHashMap<(usize, &'s str), &'s str>;

impl<'s> Layers<'s> {
    pub fn of(specs: &'s [Spec], problems: &mut Problems) -> Self {
        let mut layers = Layers::default();
        for spec in specs {
            let root = Place { source: spec.source, ..Place::default() };
            layers.texts.extend(spec.texts.iter().map(|(name, text)| ((spec.source, name.as_str()), text.as_str())));
            if let Some(node) = spec.defaults.as_ref().and_then(|d| d.node.as_ref()) {
                layers.defaults.push(Layer { spec: node, at: root.key("defaults").key("node") });
            }
            let kinds = spec.kinds.iter().flat_map(|k| {
                let kinds =
                    [("namespace", &k.namespace), ("router", &k.router), ("bridge", &k.bridge), ("ovs", &k.ovs)];
                let kinds = kinds.into_iter().chain([("host", &k.host)]);
                kinds.filter_map(|(name, kind)| Some((name, kind.as_ref()?)))
            });
            for (name, kind) in kinds {
                let layer = Layer { spec: kind, at: root.key("kinds").key(name) };
                if kind.kind.is_some() {
                    let hint = "take it away; the mapping's key says the kind";
                    problems.tell(codes::UNFIT, &layer.at.key("kind"), "a kind has no `kind`", hint);
                }
                match name {
                    "namespace" => layers.namespace.push(layer),
                    "router" => layers.router.push(layer),
                    "bridge" => layers.bridge.push(layer),
                    "ovs" => layers.ovs.push(layer),
                    _ => layers.host.push(layer),
                }
            }
            for (name, group) in spec.groups.iter().flatten() {
                let of = layers.groups.entry(name.as_str()).or_default();
                if let Some(group) = group {
                    of.push(Layer { spec: group, at: root.key("groups").key(name) });
                }
            }
        }
        let shared = [&layers.defaults, &layers.namespace, &layers.router, &layers.bridge, &layers.ovs, &layers.host];
        for layer in shared.into_iter().flatten().chain(layers.groups.values().flatten()) {
            if layer.spec.group.is_some() {
                let hint = "write `group:` on the nodes themselves";
                problems.tell(codes::UNFIT, &layer.at.key("group"), "only a node is in a group", hint);
            }
        }
        layers
    }

    pub fn kind(&self, kind: KindSpec) -> &[Layer<'s>] {
        match kind {
            KindSpec::Namespace => &self.namespace,
            KindSpec::Router => &self.router,
            KindSpec::Bridge => &self.bridge,
            KindSpec::Ovs => &self.ovs,
            KindSpec::Host => &self.host,
        }
    }
}

/// What holds for one node.
pub(super) struct Settings<'l, 's> {
    pub defaults: &'l [Layer<'s>],
    pub kind: &'l [Layer<'s>],
    pub group: &'l [Layer<'s>],
    pub own: &'l [Layer<'s>],
    /// Which of how many nodes of one range it is.
    pub index: usize,
    pub count: usize,
}

/// A value, and where it was found.
pub(super) struct Picked<'s, T> {
    pub value: &'s T,
    pub at: Place,
    /// Written for this node: its ranges go along with those of the node's name.
    pub own: bool,
    /// Written for all nodes: where it does not fit, it is not meant.
    pub default: bool,
}

impl<'l, 's> Settings<'l, 's> {
    /// All layers, the weakest first, and whether they are for all nodes and the node's own.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = (&'l Layer<'s>, bool, bool)> {
        let shared = self.kind.iter().chain(self.group).map(|l| (l, false, false));
        self.defaults.iter().map(|l| (l, true, false)).chain(shared).chain(self.own.iter().map(|l| (l, false, true)))
    }

    /// The strongest value of a field.
    pub fn pick<T>(&self, key: &str, field: impl Fn(&'s NodeSpec) -> Option<&'s T>) -> Option<Picked<'s, T>> {
        let mut all = self.layers().rev();
        let (layer, default, own, value) = all.find_map(|(l, default, own)| Some((l, default, own, field(l.spec)?)))?;
        Some(Picked { value, at: layer.at.key(key), own, default })
    }

    /// The strongest layer that says something of this, as its value, with its place.
    pub fn layer(&self, says: impl Fn(&NodeSpec) -> bool) -> Option<Picked<'s, NodeSpec>> {
        let (layer, default, own) = self.layers().rev().find(|(l, ..)| says(l.spec))?;
        Some(Picked { value: layer.spec, at: layer.at.clone(), own, default })
    }

    /// A text of the node's own, at its place in the range: as many texts as nodes, or one for all.
    pub fn beside<'t>(&self, text: &'t str, own: bool, at: &Place, problems: &mut Problems) -> Option<Cow<'t, str>> {
        if !own {
            return Some(Cow::Borrowed(text));
        }
        beside(text, self.index, self.count, at, problems)
    }
}

/// The text for one of several: as many texts as there are, or one for all.
pub(super) fn beside<'t>(
    text: &'t str,
    index: usize,
    count: usize,
    at: &Place,
    problems: &mut Problems,
) -> Option<Cow<'t, str>> {
    if !has_range(text) {
        return Some(Cow::Borrowed(text));
    }
    let pattern = Pattern::read(text, at, problems)?;
    match pattern.count() {
        1 => Some(pattern.nth(0)),
        n if n == count => Some(pattern.nth(index)),
        n => {
            let message = format!("`{text}` stands for {n}, but there {} beside it", are(count));
            problems.tell(codes::COUNT, at, message, "write ranges of one length, or a single value");
            None
        }
    }
}

pub(super) fn are(count: usize) -> String {
    if count == 1 { "is 1".to_owned() } else { format!("are {count}") }
}
