//! Tunnels as text: `vxlan t-a/x 7 192.0.2.1 remote=192.0.2.2`, `gre t-a/g 192.0.2.1 remote=192.0.2.2 key=5`.

use std::fmt::Write as _;

use super::{if_name, parse};
use crate::resource::{Df, GENEVE_PORT, Gre, OvsTunnel, OvsTunnelKind, VXLAN_PORT, Vxlan};

pub(super) fn vxlan(vni: &str, local: &str, words: &[&str]) -> Vxlan {
    let mut vxlan = Vxlan::new(parse(vni), parse(local));
    for said in words {
        match said.split_once('=').unwrap_or((said, "")) {
            ("port", port) => vxlan.port = parse(port),
            ("remote", remote) => vxlan.remote = Some(parse(remote)),
            ("dev", device) => vxlan.device = Some(if_name(device)),
            ("ttl", ttl) => vxlan.ttl = parse(ttl),
            ("no-checksum", "") => vxlan.checksum = false,
            ("df", "set") => vxlan.df = Df::Set,
            ("df", "inherit") => vxlan.df = Df::Inherit,
            ("no-learning", "") => vxlan.learning = false,
            _ => panic!("`{said}` is nothing to say of VXLAN"),
        }
    }
    vxlan
}

pub(super) fn show_vxlan(vxlan: &Vxlan) -> String {
    let mut text = format!(" {} {}", vxlan.vni, vxlan.local);
    let mut push = |part: String| write!(text, " {part}").expect("a String takes all");
    vxlan.remote.iter().for_each(|remote| push(format!("remote={remote}")));
    if vxlan.port != VXLAN_PORT {
        push(format!("port={}", vxlan.port));
    }
    vxlan.device.iter().for_each(|device| push(format!("dev={device}")));
    if vxlan.ttl != 0 {
        push(format!("ttl={}", vxlan.ttl));
    }
    let df = match vxlan.df {
        Df::Unset => None,
        Df::Set => Some("df=set"),
        Df::Inherit => Some("df=inherit"),
    };
    let flags = [(!vxlan.checksum).then_some("no-checksum"), df, (!vxlan.learning).then_some("no-learning")];
    flags.into_iter().flatten().for_each(|word| push(word.to_owned()));
    text
}

pub(super) fn gre(local: &str, words: &[&str]) -> Gre {
    let mut gre = Gre::new(parse(local));
    for said in words {
        match said.split_once('=').unwrap_or((said, "")) {
            ("remote", remote) => gre.remote = Some(parse(remote)),
            ("key", key) => gre.key = Some(parse(key)),
            ("ttl", ttl) => gre.ttl = parse(ttl),
            ("checksum", "") => gre.checksum = true,
            _ => panic!("`{said}` is nothing to say of GRE"),
        }
    }
    gre
}

pub(super) fn show_gre(gre: &Gre) -> String {
    let mut text = format!(" {}", gre.local);
    let mut push = |part: String| write!(text, " {part}").expect("a String takes all");
    gre.remote.iter().for_each(|remote| push(format!("remote={remote}")));
    gre.key.iter().for_each(|key| push(format!("key={key}")));
    if gre.ttl != 0 {
        push(format!("ttl={}", gre.ttl));
    }
    if gre.checksum {
        push("checksum".to_owned());
    }
    text
}

/// `vxlan,LOCAL,REMOTE` and what is not as by default.
pub(super) fn ovs(text: &str) -> OvsTunnel {
    let words: Vec<&str> = text.split(',').collect();
    let [kind, local, remote, said @ ..] = &*words else { panic!("`{text}` is no tunnel") };
    let kind = match *kind {
        "vxlan" => OvsTunnelKind::Vxlan { port: VXLAN_PORT },
        "geneve" => OvsTunnelKind::Geneve { port: GENEVE_PORT },
        "gre" => OvsTunnelKind::Gre,
        _ => panic!("`{kind}` is no kind of tunnel"),
    };
    let mut tunnel =
        OvsTunnel { kind, local: parse(local), remote: parse(remote), key: None, ttl: 0, checksum: false, df: true };
    for said in said {
        match (said.split_once('=').unwrap_or((said, "")), &mut tunnel.kind) {
            (("port", to), OvsTunnelKind::Vxlan { port } | OvsTunnelKind::Geneve { port }) => *port = parse(to),
            (("key", key), _) => tunnel.key = Some(parse(key)),
            (("ttl", ttl), _) => tunnel.ttl = parse(ttl),
            (("checksum", ""), _) => tunnel.checksum = true,
            (("no-df", ""), _) => tunnel.df = false,
            _ => panic!("`{said}` is nothing to say of a tunnel"),
        }
    }
    tunnel
}

pub(super) fn show_ovs(tunnel: &OvsTunnel) -> String {
    let (kind, port) = match tunnel.kind {
        OvsTunnelKind::Vxlan { port } => ("vxlan", Some(port).filter(|port| *port != VXLAN_PORT)),
        OvsTunnelKind::Geneve { port } => ("geneve", Some(port).filter(|port| *port != GENEVE_PORT)),
        OvsTunnelKind::Gre => ("gre", None),
    };
    let mut text = format!("tunnel={kind},{},{}", tunnel.local, tunnel.remote);
    let mut push = |part: String| write!(text, ",{part}").expect("a String takes all");
    port.iter().for_each(|port| push(format!("port={port}")));
    tunnel.key.iter().for_each(|key| push(format!("key={key}")));
    if tunnel.ttl != 0 {
        push(format!("ttl={}", tunnel.ttl));
    }
    let flags = [(tunnel.checksum, "checksum"), (!tunnel.df, "no-df")];
    flags.iter().filter(|(is_so, _)| *is_so).for_each(|(_, word)| push((*word).to_owned()));
    text
}
