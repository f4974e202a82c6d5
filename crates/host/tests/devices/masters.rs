//! Bonds and VRFs, by what they do.

use super::*;

fn bonded() -> HostState {
    let side = |node: &str, ip: &str| {
        let at = format!("{node}/bond0");
        vec![single(bond(&at, BondMode::ActiveBackup, 100)), up(&at), address(&at, ip)]
    };
    let pair = |n: u8| {
        let of = |node: &str| End { mac: end(&format!("{node}/bond0")).mac, ..end(&format!("{node}/eth{n}")) };
        let join = |node: &str| [port(&format!("{node}/eth{n}"), "bond0"), up(&format!("{node}/eth{n}"))];
        [veth(of("a"), of("b"))].into_iter().chain(join("a")).chain(join("b")).collect()
    };
    state([netns("a"), netns("b"), side("a", "10.0.0.1/24"), side("b", "10.0.0.2/24"), pair(0), pair(1)])
}

on_a_machine!(an_active_backup_bond_outlives_the_loss_of_a_member, needs Bond, {
    become_so(&bonded());
    assert!(reaches("a", "10.0.0.2"));
    for lost in ["eth0", "eth1"] {
        ip(&format!("-n a link set {lost} down"));
        std::thread::sleep(Duration::from_millis(400));
        assert!(reaches("a", "10.0.0.2"), "{lost}");
        assert_ne!(plan_for(&bonded()), []);
        become_so(&bonded());
    }
    repairs(&bonded(), "ip", "-n a link set eth0 nomaster");
    // A member that was a device by itself, and is one again.
    let free = |n: u8| {
        let mut lab = bonded();
        for node in ["a", "b"] {
            lab.remove(&port(&format!("{node}/eth{n}"), "bond0").key());
        }
        lab
    };
    become_so(&free(1));
    become_so(&bonded());
    assert!(reaches("a", "10.0.0.2"));
});

on_a_machine!(vrfs_separate, needs Vrf, {
    let lab = |vrf_of_b: &str| {
        let router = vec![
            single(vrf("r/red", 10)),
            single(vrf("r/blue", 20)),
            up("r/red"),
            up("r/blue"),
            port("r/eth0", "red"),
            port("r/eth1", vrf_of_b),
            address("r/eth0", "10.0.0.254/24"),
            address("r/eth1", "10.0.1.254/24"),
            sysctl("r", "net.ipv4.ip_forward", "1"),
        ];
        let a = vec![address("a/eth0", "10.0.0.1/24"), route("a", "0.0.0.0/0", "eth0 10.0.0.254")];
        let b = vec![address("b/eth0", "10.0.1.1/24"), route("b", "0.0.0.0/0", "eth0 10.0.1.254")];
        state([netns("a"), netns("b"), netns("r"), wire("a/eth0", "r/eth0"), wire("b/eth0", "r/eth1"), router, a, b])
    };
    become_so(&lab("blue"));
    assert!(!reaches("a", "10.0.1.1"));
    become_so(&lab("red"));
    assert!(reaches("a", "10.0.1.1"));
    repairs(&lab("red"), "ip", "-n r link set eth1 master blue");
    repairs(&lab("red"), "ip", "-n r link set eth1 nomaster");
    assert!(reaches("a", "10.0.1.1"));
});
