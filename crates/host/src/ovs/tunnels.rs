//! Tunnel ports as types and options of interfaces (ovs-vswitchd.conf.db(5), Tunnel Options).

use std::net::IpAddr;

use netsim_core::resource::{GENEVE_PORT, OvsTunnel, OvsTunnelKey, OvsTunnelKind, VXLAN_PORT};

use super::rows::Map;
use super::transaction::{Setting, Value};

const REMOTE: &str = "remote_ip";
const LOCAL: &str = "local_ip";
const KEY: &str = "key";
const IN_KEY: &str = "in_key";
const PORT: &str = "dst_port";
const TTL: &str = "ttl";
const CHECKSUM: &str = "csum";
const DF: &str = "df_default";

/// What an interface is told to be such a tunnel.
pub(super) fn settings(tunnel: &OvsTunnel) -> Vec<Setting> {
    let options = options(tunnel).into_iter().map(|(key, text)| (Value::text(key), Value::text(text))).collect();
    vec![Setting::of("type", Value::text(word(tunnel.kind))), Setting::of("options", Value::Map(options))]
}

/// All its options, also those that are as by default.
fn options(tunnel: &OvsTunnel) -> Map {
    let port = match tunnel.kind {
        OvsTunnelKind::Vxlan { port } | OvsTunnelKind::Geneve { port } => Some((PORT, port.to_string())),
        OvsTunnelKind::Gre => None,
    };
    let all = [
        Some((REMOTE, tunnel.remote.to_string())),
        Some((LOCAL, tunnel.local.to_string())),
        tunnel.key.map(|key| (KEY, key.to_string())),
        port,
        (tunnel.ttl != 0).then(|| (TTL, tunnel.ttl.to_string())),
        Some((CHECKSUM, tunnel.checksum.to_string())),
        Some((DF, tunnel.df.to_string())),
    ];
    all.into_iter().flatten().map(|(key, text)| (key.to_owned(), text)).collect()
}

fn word(kind: OvsTunnelKind) -> &'static str {
    match kind {
        OvsTunnelKind::Vxlan { .. } => "vxlan",
        OvsTunnelKind::Geneve { .. } => "geneve",
        OvsTunnelKind::Gre => "gre",
    }
}

/// The tunnel that an interface of this type with these options is; none where it is none, or one that we have no word for.
pub(super) fn read(kind: &str, options: &Map) -> Option<OvsTunnel> {
    let get = |key: &str| options.get(key).map(String::as_str);
    let flag = |key: &str, default: bool| get(key).map_or(Some(default), |text| text.parse().ok());
    let OvsTunnelKey { kind, local, remote, .. } = name(kind, options)?;
    let tunnel = OvsTunnel {
        kind,
        local,
        remote,
        key: match get(KEY) {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        },
        ttl: get(TTL).map_or(Some(0), |text| text.parse().ok())?,
        checksum: flag(CHECKSUM, false)?,
        df: flag(DF, true)?,
    };
    // What we never say makes it another.
    let ours = self::options(&tunnel);
    options.keys().all(|key| ours.contains_key(key)).then_some(tunnel)
}

/// What an interface of this type with these options keeps to itself; none where others may be beside it, or it is of a kind that we never make.
pub(super) fn name(kind: &str, options: &Map) -> Option<OvsTunnelKey> {
    let get = |key: &str| options.get(key).map(String::as_str);
    let port = |default: u16| get(PORT).map_or(Some(default), |text| text.parse().ok());
    let address = |key: &str| get(key)?.parse::<IpAddr>().ok();
    Some(OvsTunnelKey {
        kind: match kind {
            "vxlan" => OvsTunnelKind::Vxlan { port: port(VXLAN_PORT)? },
            "geneve" => OvsTunnelKind::Geneve { port: port(GENEVE_PORT)? },
            "gre" => OvsTunnelKind::Gre,
            _ => return None,
        },
        local: address(LOCAL)?,
        remote: address(REMOTE)?,
        key: match get(IN_KEY).or_else(|| get(KEY)) {
            Some(text) => number(text)?,
            None => 0,
        },
    })
}

/// A number as people write them to Open vSwitch.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The UDP port on which a tunnel of VXLAN listens.
pub(super) fn udp_port(kind: &str, options: &Map) -> Option<u16> {
    let port = options.get(PORT).map_or(Some(VXLAN_PORT), |text| text.parse().ok());
    port.filter(|_| kind == "vxlan")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_tunnel() -> impl Strategy<Value = OvsTunnel> {
        let kind = prop_oneof![
            any::<u16>().prop_map(|port| OvsTunnelKind::Vxlan { port }),
            any::<u16>().prop_map(|port| OvsTunnelKind::Geneve { port }),
            Just(OvsTunnelKind::Gre),
        ];
        (kind, any::<(IpAddr, IpAddr)>(), any::<Option<u32>>(), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(
            |(kind, (local, remote), key, ttl, checksum, df)| OvsTunnel { kind, local, remote, key, ttl, checksum, df },
        )
    }

    proptest! {
        #[test]
        fn every_tunnel_reads_back_as_it_was_asked_for(tunnel in any_tunnel()) {
            prop_assert_eq!(read(word(tunnel.kind), &options(&tunnel)), Some(tunnel));
        }
    }

    #[test]
    fn what_is_left_out_is_as_open_vswitch_has_it_and_what_is_more_is_another_tunnel() {
        let map =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Map>();
        let addresses = [("remote_ip", "192.0.2.2"), ("local_ip", "192.0.2.1")];
        let plain = read("vxlan", &map(&addresses)).expect("a tunnel");
        assert_eq!((plain.kind, plain.df, plain.checksum), (OvsTunnelKind::Vxlan { port: 4789 }, true, false));
        let [remote, local] = addresses;
        for more in [("key", "flow"), ("ttl", "inherit"), ("tos", "inherit"), ("exts", "gbp")] {
            assert_eq!(read("vxlan", &map(&[remote, local, more])), None, "{more:?}");
        }
        assert_eq!(read("vxlan", &map(&[local])), None);
        assert_eq!(read("erspan", &map(&addresses)), None);
    }
}
