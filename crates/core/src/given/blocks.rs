//! Arithmetic on addresses of both families: host numbers, and the search for free blocks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// 32 bits.
    V4,
    /// 128 bits.
    V6,
}

impl Family {
    pub(crate) const BOTH: [Family; 2] = [Family::V4, Family::V6];

    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// Bits of an address; the length of a prefix that is one address.
    pub(crate) fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    /// Where a default route goes.
    pub(crate) fn everything(self) -> IpNet {
        IpNet::new(self.address(0), 0).expect("a prefix of no bits")
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    /// The address with this number; it fits the family.
    pub(crate) fn address(self, number: u128) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(u32::try_from(number).expect("numbers of IPv4 addresses have 32 bits").into()),
            Family::V6 => IpAddr::V6(number.into()),
        }
    }
}

/// The address as a number.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u32::from(a).into(),
        IpAddr::V6(a) => a.into(),
    }
}

/// The first and the last number of a network.
pub(crate) fn span(net: IpNet) -> (u128, u128) {
    (number(net.network()), number(net.broadcast()))
}

/// The host numbers that nodes can have in a subnet: not the network itself (of IPv6 the router anycast address, RFC 4291 §2.6.1), not
/// IPv4's broadcast address; of a link of two addresses both (RFC 3021, RFC 6164).
pub(crate) fn host_numbers(subnet: IpNet) -> (u128, u128) {
    let (first, last) = span(subnet);
    match (last - first, subnet) {
        (room @ (0 | 1), _) => (0, room),
        (room, IpNet::V4(_)) => (1, room - 1),
        (room, IpNet::V6(_)) => (1, room),
    }
}

/// Ranges of numbers in use; those that touch are one.
#[derive(Debug, Default)]
pub(crate) struct Used(BTreeMap<u128, u128>);

impl Used {
    /// Marks a range, ends included.
    pub(crate) fn insert(&mut self, (mut first, mut last): (u128, u128)) {
        if let Some((&start, &end)) = self.0.range(..=first).next_back()
            && end >= first.saturating_sub(1)
        {
            first = start;
            last = last.max(end);
        }
        while let Some((&start, &end)) = self.0.range(first..=last.saturating_add(1)).next() {
            self.0.remove(&start);
            last = last.max(end);
        }
        self.0.insert(first, last);
    }

    /// The last number of the range in use that this one overlaps.
    fn blocker(&self, (first, last): (u128, u128)) -> Option<u128> {
        self.0.range(..=last).next_back().filter(|&(_, &end)| end >= first).map(|(_, &end)| end)
    }

    /// Whether nothing of the range is in use.
    pub(crate) fn is_free(&self, range: (u128, u128)) -> bool {
        self.blocker(range).is_none()
    }

    /// The first free block of `2^width` numbers, aligned to its size, within the range.
    pub(crate) fn first_free(&self, (mut first, last): (u128, u128), width: u8) -> Option<(u128, u128)> {
        let room = 1_u128.checked_shl(width.into())? - 1;
        loop {
            let start = first.checked_add(room)? & !room;
            let end = start.checked_add(room).filter(|&end| end <= last)?;
            match self.blocker((start, end)) {
                None => return Some((start, end)),
                Some(blocker) => first = blocker.checked_add(1)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut used = Used::default();
        for range in [(10, 19), (30, 39), (20, 24), (0, 5), (26, 29), (25, 25)] {
            used.insert(range);
        }
        assert_eq!(used.0.into_iter().collect::<Vec<_>>(), [(0, 5), (10, 39)]);
    }

    #[test]
    fn the_first_free_block_is_aligned_and_clear_of_what_is_used() {
        let mut used = Used::default();
        used.insert((5, 8));
        assert_eq!(used.first_free((0, 31), 2), Some((0, 3)));
        assert_eq!(used.first_free((1, 31), 2), Some((12, 15)));
        assert_eq!(used.first_free((1, 14), 2), None);
        assert_eq!(used.first_free((9, 31), 0), Some((9, 9)));
    }

    #[test]
    fn host_numbers_leave_out_the_network_and_the_broadcast_address() {
        let check = |subnet: &str, expected| assert_eq!(host_numbers(subnet.parse().unwrap()), expected, "{subnet}");
        check("10.0.0.0/24", (1, 254));
        check("10.0.0.0/30", (1, 2));
        check("10.0.0.0/31", (0, 1));
        check("10.0.0.0/32", (0, 0));
        check("fd00::/126", (1, 3));
        check("fd00::/127", (0, 1));
    }
}
