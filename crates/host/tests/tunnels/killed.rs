//! Who makes or takes away tunnels, killed at every point of it: from each state it goes on, or takes all away.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use netsim_core::state::Feature;

use super::*;

/// Says to a test what to do, and that it does it for another.
const ERRAND: &str = "NETSIM_TEST_ERRAND";

const SELF: &str = "killed::what_another_test_has_it_do";

/// Tunnels of each kind that this kernel has: a VXLAN port of a bridge with what it is told, frames in GRE, packets in GRE to many.
fn wanted() -> HostState {
    let vxlan = Vxlan { remote: None, learning: false, ..vxlan::plain(1, 2) };
    let entries = vec![fdb("a/vx0", EVERYBODY, "192.0.2.2"), fdb("a/vx0", mac_of("b/eth0"), "192.0.2.2")];
    let mut all = vxlan::bridged("a", vxlan, "10.0.0.1/24", entries);
    let features = [Feature::Gre].into();
    let lacks =
        linux().observe_now(&Scope { features, ..Scope::lab(&lab()) }).expect("it can be looked at").facts.lacks;
    if lacks.is_empty() {
        let gre = Gre { local: addr("192.0.2.1"), remote: Some(addr("192.0.2.2")), key: None, ttl: 0, checksum: false };
        let many = Gre { remote: None, key: Some(3), ..gre };
        let neighbour = Neighbour { device: id("g/eth1"), address: addr("10.0.1.2"), to: addr("192.0.2.2") };
        let node = vec![
            single("g/eth0", 1400, SingleKind::Gretap(gre)),
            single("g/eth1", 1400, SingleKind::Gre(many)),
            up("g/eth0"),
            up("g/eth1"),
            address("g/eth1", "10.0.1.1/24"),
            Resource::Neighbour(neighbour),
        ];
        netns("g").into_iter().chain(node).for_each(|resource| all.insert(resource));
    }
    all
}

/// What is done by a process of its own that can be killed.
#[test]
#[ignore = "others start it"]
fn what_another_test_has_it_do() {
    let desired = match std::env::var(ERRAND).as_deref() {
        Ok("make") => wanted(),
        Ok("take away") => HostState::default(),
        Ok(_) | Err(_) => return,
    };
    apply(&desired, &plan_for(&desired)).unwrap_or_else(|e| panic!("{e}"));
}

/// Has it done by a process that is killed at its n-th point; false if it came to its end before.
fn killed_at(point: u32, errand: &str) -> bool {
    let mut command = Command::new(std::env::current_exe().expect("a test has a path"));
    command.args([SELF, "--exact", "--ignored", "--nocapture", "--test-threads=1"]).env(ERRAND, errand);
    let output = command.env("NETSIM_CRASH_AT", point.to_string()).output().expect("it starts");
    if output.status.signal() == Some(9) {
        return true;
    }
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "not killed at {point}, and failed:\n{told}{complaints}");
    false
}

fn goes_on_or_away(errand: &str, before: &HostState) {
    let (whole, nothing) = (wanted(), HostState::default());
    let mut states: Vec<HostState> = Vec::new();
    let mut point = 1;
    loop {
        become_so(before);
        if !killed_at(point, errand) {
            break;
        }
        let seen = observe(&whole).ours;
        if !states.contains(&seen) {
            states.push(seen);
        }
        become_so(&whole);
        become_so(before);
        assert!(killed_at(point, errand), "point {point} came the first time");
        become_so(&nothing);
        point += 1;
    }
    #[allow(clippy::print_stderr, reason = "figures are told")]
    {
        eprintln!("killed at {} points to {errand}: {} distinct states", point - 1, states.len());
    }
    assert!(states.len() > 2, "only {} distinct states", states.len());
    become_so(&nothing);
    assert!(!ip("-o link").contains("netsim-"), "{}", ip("-o link"));
}

on_a_machine!(one_who_makes_tunnels_can_be_killed_anywhere, needs Vxlan Bridge, {
    goes_on_or_away("make", &HostState::default());
});

on_a_machine!(one_who_takes_tunnels_away_can_be_killed_anywhere, needs Vxlan Bridge, {
    goes_on_or_away("take away", &wanted());
});
