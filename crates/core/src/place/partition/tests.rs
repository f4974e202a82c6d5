//! How good divisions are: against the best that is known, and in what always holds.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn even(hosts: usize, vertices: usize, links: Vec<(usize, usize)>) -> Partition {
    Partition {
        hosts: vec![Host { weight: 1 }; hosts],
        vertices: vec![Vertex { load: 1, ..Vertex::default() }; vertices],
        links: links.into_iter().map(|(a, b)| (a, b, 1)).collect(),
    }
}

fn cut(partition: &Partition, at: &[usize]) -> usize {
    partition.links.iter().filter(|(a, b, _)| at[*a] != at[*b]).count()
}

fn loads(partition: &Partition, at: &[usize]) -> Vec<u64> {
    let mut loads = vec![0; partition.hosts.len()];
    at.iter().zip(&partition.vertices).for_each(|(&host, vertex)| loads[host] += vertex.load);
    loads
}

/// Divides it within the bounds, and looks at the links between hosts.
fn check(partition: &Partition, most: usize) {
    let at = partition.divide();
    let loads = loads(partition, &at);
    assert!(loads.iter().zip(partition.bounds()).all(|(load, bound)| *load <= bound), "{loads:?}");
    let cut = cut(partition, &at);
    assert!(cut <= most, "{cut} links between hosts, and {most} would do; loads {loads:?}");
}

fn ring(n: usize) -> Vec<(usize, usize)> {
    (0..n).map(|v| (v, (v + 1) % n)).collect()
}

/// A tree: each vertex has so many below it.
fn tree(n: usize, below: usize) -> Vec<(usize, usize)> {
    (1..n).map(|v| ((v - 1) / below, v)).collect()
}

fn grid(wide: usize, high: usize) -> Vec<(usize, usize)> {
    let right = (0..high).flat_map(|y| (1..wide).map(move |x| (y * wide + x - 1, y * wide + x)));
    let down = (1..high).flat_map(|y| (0..wide).map(move |x| ((y - 1) * wide + x, y * wide + x)));
    right.chain(down).collect()
}

/// Leaves that are each linked to all spines, and so many servers at each.
fn fabric(spines: usize, leaves: usize, servers: usize) -> (usize, Vec<(usize, usize)>) {
    let mut links: Vec<(usize, usize)> = (0..leaves).flat_map(|l| (0..spines).map(move |s| (s, spines + l))).collect();
    let first = spines + leaves;
    links.extend((0..leaves * servers).map(|s| (spines + s / servers, first + s)));
    (first + leaves * servers, links)
}

#[test]
fn a_ring_is_cut_once_a_host() {
    for hosts in 2..6 {
        check(&even(hosts, 60, ring(60)), hosts + hosts / 3);
    }
}

#[test]
fn a_tree_is_cut_near_its_root() {
    check(&even(2, 15, tree(15, 2)), 2);
    check(&even(2, 1023, tree(1023, 2)), 3);
    check(&even(4, 1023, tree(1023, 2)), 10);
    check(&even(3, 1093, tree(1093, 3)), 6);
}

#[test]
fn a_grid_is_cut_into_halves_and_quarters() {
    check(&even(2, 400, grid(20, 20)), 24);
    check(&even(4, 400, grid(20, 20)), 52);
}

#[test]
fn leaves_stay_with_their_servers() {
    // A quarter of the spines on each host: each leaf has three quarters of its links elsewhere.
    let (count, links) = fabric(4, 16, 1);
    check(&even(4, count, links), 48);
    let (count, links) = fabric(8, 32, 8);
    check(&even(4, count, links), 200);
}

#[test]
fn two_cliques_on_a_bridge_are_parted_there() {
    let clique = |first: usize| (0..10).flat_map(move |a| (0..a).map(move |b| (first + a, first + b)));
    // Numbered in turns, so that the order of the file says nothing.
    let links =
        clique(0).chain(clique(10)).chain([(3, 14)]).map(|(a, b)| ((a % 10) * 2 + a / 10, (b % 10) * 2 + b / 10));
    check(&even(2, 20, links.collect()), 1);
}

#[test]
fn a_heavy_host_takes_more_and_one_without_a_weight_nothing() {
    let mut partition = even(3, 90, ring(90));
    partition.hosts[1].weight = 2;
    partition.hosts[2].weight = 0;
    let at = partition.divide();
    assert_eq!((loads(&partition, &at), cut(&partition, &at)), (vec![30, 60, 0], 2));
}

#[test]
fn ten_thousand_vertices_take_well_under_a_second() {
    for (name, count, links) in [
        ("a tree", 10_000, tree(10_000, 8)),
        ("a star", 10_000, (1..10_000).map(|v| (0, v)).collect()),
        ("a grid", 10_000, grid(100, 100)),
        ("a fabric", 10_000, { fabric(16, 200, 48).1.into_iter().filter(|&(a, b)| a.max(b) < 10_000).collect() }),
    ] {
        let partition = even(8, count, links);
        let start = Instant::now();
        let at = partition.divide();
        let took = start.elapsed();
        assert!(took.as_secs() < 5, "{name} took {took:?}, with {} links between hosts", cut(&partition, &at));
    }
}

/// A partition of any sort.
fn any() -> impl Strategy<Value = Partition> {
    (1..5_usize, 1..40_usize).prop_flat_map(|(hosts, count)| {
        let vertex = (0..3_u64, prop::option::weighted(0.3, 0..hosts), prop::option::weighted(0.2, 0..hosts));
        let vertex = vertex.prop_map(|(load, fixed, only)| Vertex {
            load,
            fixed,
            allowed: only.filter(|_| fixed.is_none()).map(|host| vec![host]),
        });
        (
            prop::collection::vec(1..4_u64, hosts),
            prop::collection::vec(vertex, count),
            prop::collection::vec((0..count, 0..count, Just(1)), 0..80),
        )
            .prop_map(|(weights, vertices, links)| Partition {
                hosts: weights.into_iter().map(|weight| Host { weight }).collect(),
                vertices,
                links,
            })
    })
}

proptest! {
    #[test]
    fn every_vertex_is_where_it_can_be_and_equal_graphs_are_divided_equally(partition in any()) {
        let at = partition.divide();
        prop_assert_eq!(at.len(), partition.vertices.len());
        for (host, vertex) in at.iter().zip(&partition.vertices) {
            prop_assert!(vertex.fixed.is_none_or(|fixed| fixed == *host));
            prop_assert!(vertex.allowed.as_ref().is_none_or(|allowed| allowed.contains(host)));
        }
        prop_assert_eq!(at, partition.divide());
    }

    #[test]
    fn no_host_that_has_not_more_fixed_has_more_than_its_bound_and_one_vertex(partition in any()) {
        let mut free = partition.clone();
        free.vertices.iter_mut().for_each(|vertex| vertex.allowed = None);
        let at = free.divide();
        let largest = free.vertices.iter().map(|vertex| vertex.load).max().unwrap_or(0);
        let mut fixed = vec![0; free.hosts.len()];
        free.vertices.iter().filter_map(|v| Some((v.fixed?, v.load))).for_each(|(host, load)| fixed[host] += load);
        for ((load, bound), fixed) in loads(&free, &at).into_iter().zip(free.bounds()).zip(fixed) {
            prop_assert!(load <= bound + largest || load == fixed, "{} above {}", load, bound);
        }
    }

    #[test]
    fn one_vertex_more_moves_no_other(partition in any(), links in prop::collection::vec(0..40_usize, 0..6)) {
        let before = partition.divide();
        let mut more = partition.clone();
        for (vertex, host) in more.vertices.iter_mut().zip(&before) {
            vertex.fixed = Some(*host);
        }
        let added = more.vertices.len();
        more.vertices.push(Vertex { load: 1, ..Vertex::default() });
        more.links.extend(links.into_iter().filter(|&v| v < added).map(|v| (v, added, 1)));
        prop_assert_eq!(&more.divide()[..added], &before[..]);
    }
}
