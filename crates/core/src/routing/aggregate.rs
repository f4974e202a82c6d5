//! Saying routes with fewer: two halves of a network with the same way are that network.

use ipnet::IpNet;

/// Merges neighbours with equal ways, over and over. The input is sorted and free of overlaps, and so is the output, which covers the same
/// addresses exactly.
pub(super) fn aggregate<W: PartialEq>(routes: impl IntoIterator<Item = (IpNet, W)>) -> Vec<(IpNet, W)> {
    let mut merged: Vec<(IpNet, W)> = Vec::new();
    for route in routes {
        merged.push(route);
        while let [.., (a, on_a), (b, on_b)] = &merged[..] {
            let Some(whole) = a.supernet().filter(|whole| on_a == on_b && a != b && b.supernet() == Some(*whole))
            else {
                break;
            };
            merged.pop();
            merged.last_mut().expect("there were two").0 = whole;
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::aggregate;
    use crate::fixture::net;

    fn check(routes: &[(&str, u32)], expected: &[(&str, u32)]) {
        let merged = aggregate(routes.iter().map(|(to, way)| (net(to), *way)));
        assert_eq!(merged, expected.iter().map(|(to, way)| (net(to), *way)).collect::<Vec<_>>());
    }

    #[test]
    fn halves_with_one_way_become_one_and_so_on() {
        check(&[("10.0.0.0/26", 1), ("10.0.0.64/26", 1), ("10.0.0.128/25", 1)], &[("10.0.0.0/24", 1)]);
        check(&[("10.0.0.0/25", 1), ("10.0.0.128/26", 1), ("10.0.0.192/26", 1)], &[("10.0.0.0/24", 1)]);
        check(&[("fd00::/64", 1), ("fd00:0:0:1::/64", 1)], &[("fd00::/63", 1)]);
    }

    #[test]
    fn different_ways_and_gaps_stay_apart() {
        check(&[("10.0.0.0/25", 1), ("10.0.0.128/25", 2)], &[("10.0.0.0/25", 1), ("10.0.0.128/25", 2)]);
        check(&[("10.0.1.0/24", 1), ("10.0.2.0/24", 1)], &[("10.0.1.0/24", 1), ("10.0.2.0/24", 1)]);
        check(&[("10.0.0.0/25", 1), ("10.0.0.128/26", 1)], &[("10.0.0.0/25", 1), ("10.0.0.128/26", 1)]);
    }
}
