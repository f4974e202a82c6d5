//! Why something goes and comes again.

use std::collections::HashSet;

use netsim_core::resource::{Device, Key, Resource};
use netsim_core::state::HostState;

use super::words;
use crate::planned::Names;

/// Why `from` is replaced by `to`: the field that cannot change in place, or what it goes along with.
pub fn reason(from: &Resource, to: &Resource, before: &HostState, gone: &HashSet<Key>, names: &Names) -> String {
    if !from.can_become(to)
        && let Some(field) = field(from, to, names)
    {
        return field;
    }
    let along = from.owners().into_iter().chain(from.needs(before).into_iter().flat_map(|n| n.0));
    let along = along.filter(|k| gone.contains(k)).find_map(|k| before.holder(&k));
    match along {
        Some(other) => format!("goes along with {}", words::noun(other, names, None)),
        None => "the kernel drops it on the way".to_owned(),
    }
}

fn field(from: &Resource, to: &Resource, names: &Names) -> Option<String> {
    match (from, to) {
        (Resource::Device(Device::Veth(a)), Resource::Device(Device::Veth(b))) => {
            let moved = a.ends().iter().zip(b.ends()).find(|(a, b)| a.id != b.id);
            moved.map(|(a, b)| {
                format!("its end {} becomes {}, which needs a new pair", names.end(&a.id), names.end(&b.id))
            })
        }
        (Resource::Device(a), Resource::Device(b)) => {
            Some(format!("a {} cannot become a {}", kind(a), kind(b))).filter(|_| kind(a) != kind(b))
        }
        (Resource::Netns(a), Resource::Netns(b)) if !a.mounted && b.mounted => {
            Some("an interrupted run left it half made".to_owned())
        }
        (Resource::Netns(a), Resource::Netns(b)) => Some(format!("it is node {} now, was {}", b.node, a.node)),
        (Resource::Address(a), Resource::Address(b)) => {
            Some(format!("its prefix length becomes /{}, was /{}", b.net.prefix_len(), a.net.prefix_len()))
        }
        (Resource::Ran(_), Resource::Ran(_)) => Some("its command changed".to_owned()),
        (
            Resource::Netns(_)
            | Resource::Device(_)
            | Resource::Up(_)
            | Resource::Port(_)
            | Resource::Address(_)
            | Resource::Route(_)
            | Resource::Sysctl(_)
            | Resource::Ran(_),
            _,
        ) => None,
    }
}

fn kind(device: &Device) -> &str {
    match device {
        Device::Veth(_) => "veth pair",
        Device::Bridge(_) => "bridge",
        Device::Stray { what, .. } => what,
    }
}
