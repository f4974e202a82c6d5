//! The VLANs of a port, in words: `access VLAN 10`, `trunk 10-20, native 1`.

use netsim_core::resource::{PortVlans, VlanRange};

/// In which VLANs a port is.
pub fn vlans(vlans: &PortVlans) -> String {
    if let ([VlanRange { first, last, untagged: true }], Some(pvid)) = (vlans.ranges(), vlans.pvid)
        && first == last
        && *first == pvid
    {
        return format!("access VLAN {pvid}");
    }
    let of = |untagged| list(vlans.ranges().iter().filter(move |range| range.untagged == untagged));
    let untagged = of(true);
    let native = vlans.pvid.is_some_and(|pvid| untagged == pvid.to_string());
    let parts = [
        ("trunk", of(false)),
        (if native { "native" } else { "untagged" }, untagged),
        ("pvid", vlans.pvid.filter(|_| !native).map_or_else(String::new, |pvid| pvid.to_string())),
    ];
    let told = parts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(word, value)| format!("{word} {value}"));
    told.collect::<Vec<_>>().join(", ")
}

fn list<'a>(ranges: impl Iterator<Item = &'a VlanRange>) -> String {
    let word = |range: &VlanRange| match range.first == range.last {
        true => range.first.to_string(),
        false => format!("{}-{}", range.first, range.last),
    };
    ranges.map(word).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use netsim_core::names::IfName;
    use netsim_core::resource::{DeviceId, NetnsId};

    use super::*;

    #[test]
    fn a_port_is_told_as_access_or_trunk() {
        let told = |ranges: &[(u16, u16, bool)], pvid| {
            let device = DeviceId { netns: NetnsId::Host, name: IfName::LO };
            let range = |&(first, last, untagged)| VlanRange { first, last, untagged };
            vlans(&PortVlans::new(device, ranges.iter().map(range), pvid))
        };
        assert_eq!(told(&[(10, 10, true)], Some(10)), "access VLAN 10");
        assert_eq!(told(&[(1, 1, true), (10, 20, false), (30, 30, false)], Some(1)), "trunk 10-20,30, native 1");
        assert_eq!(told(&[(10, 10, false)], None), "trunk 10");
        assert_eq!(told(&[(10, 11, true)], Some(12)), "untagged 10-11, pvid 12");
    }
}
