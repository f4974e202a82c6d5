//! Times a star of N namespaces on one bridge: `star N`, as root, with nothing in `/run/netns`.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::time::{Duration, Instant};

use netsim_core::names::{IfName, LabName, Mac, NetnsName, NodeName, stable_hash};
use netsim_core::plan::plan;
use netsim_core::resource::{
    Address, Bridge, Device, DeviceId, End, Netns, NetnsId, NextHop, Port, Resource, Route, Sysctl, TABLE_MAIN, Veth,
};
use netsim_core::state::{HostState, Scope, promote_secondaries};
use netsim_host::backend::Progress;
use netsim_host::linux::{Linux, Paths, settle};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

fn node(name: &str) -> (NetnsId, [Resource; 3]) {
    let netns = Netns::new(NetnsName::new(name).expect("a name"), NodeName::new(name).expect("a name"));
    let id = NetnsId::Named(netns.name.clone());
    let promote = Sysctl { netns: id.clone(), name: promote_secondaries(), value: "1".into() };
    let up = Resource::Up(netns.lo());
    (id, [Resource::Netns(netns), up, Resource::Sysctl(promote)])
}

fn end(netns: &NetnsId, name: &str) -> End {
    let id = DeviceId { netns: netns.clone(), name: IfName::new(name).expect("a name") };
    let hash = stable_hash(&[&id.to_string()]).to_be_bytes();
    let mac = Mac([2, hash[0], hash[1], hash[2], hash[3], hash[4]]);
    End::new(id, mac)
}

fn star(nodes: u32) -> HostState {
    let (switch, parts) = node("sw");
    let mut all: Vec<Resource> = parts.into();
    let End { id, mac, .. } = end(&switch, "br0");
    let bridge = Bridge::new(id.clone(), mac);
    all.extend([Resource::Device(Device::Bridge(bridge)), Resource::Up(id.clone())]);
    for i in 1..=nodes {
        let (netns, parts) = node(&format!("n{i}"));
        let (near, far) = (end(&netns, "eth0"), end(&switch, &format!("n{i}-eth0")));
        let (device, port) = (near.id.clone(), far.id.clone());
        let net = format!("10.1.{}.{}/16", i / 250, i % 250 + 1).parse().expect("an address");
        let gateway = "10.1.255.254".parse().ok();
        let via = vec![NextHop { device: device.name, gateway, weight: 1 }];
        let to = "0.0.0.0/0".parse().expect("a network");
        all.extend(parts);
        all.push(Resource::Device(Device::Veth(Veth::new(near, far))));
        all.push(Resource::Up(device.clone()));
        all.push(Resource::Up(port.clone()));
        all.push(Resource::Port(Port::new(port, id.name)));
        all.push(Resource::Address(Address { device, net }));
        all.push(Resource::Route(Route { netns, table: TABLE_MAIN, to, metric: 0, via }));
    }
    all.into_iter().collect()
}

/// The processor time that this process has used.
fn used() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("one's own usage is there");
    let time = |t: TimeVal| Duration::from_micros((t.tv_sec() * 1_000_000 + t.tv_usec()).unsigned_abs());
    time(usage.user_time()) + time(usage.system_time())
}

fn main() {
    let nodes: u32 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let linux = Linux::new(Paths::default());
    let lab = LabName::new("star").expect("a name");
    let (first, more) = (star(nodes), star(nodes + 1));
    for (what, wanted) in
        [("create", &first), ("no-op", &first), ("one more", &more), ("destroy", &HostState::default())]
    {
        let scope = Scope::of(&lab, wanted);
        let (began, worked) = (Instant::now(), used());
        let observed = linux.observe_now(&scope).expect("it can be looked at");
        let looked = began.elapsed();
        let actions = plan(wanted, &observed).expect("nothing is in the way");
        let planned = began.elapsed() - looked;
        let mut applied = Duration::ZERO;
        let mut after = observed;
        if !actions.is_empty() {
            linux.do_now(&lab, &actions, &Progress::default()).expect("it can be done");
            applied = began.elapsed() - looked - planned;
            after = linux.observe_now(&scope).expect("it can be looked at");
        }
        assert_eq!(after.ours.len(), wanted.len());
        if wanted.is_empty() {
            settle().expect("the kernel comes to rest");
        }
        let total = began.elapsed();
        let seen = total - looked - planned - applied;
        let work = used() - worked;
        println!(
            "{what:9} {total:>9.1?}  work {work:>9.1?}  observe {looked:.1?}  plan {planned:.1?}  apply {applied:.1?}  rest {seen:.1?}"
        );
    }
}
