//! The conformance suite, run on the kernel in memory.

use netsim_core::names::LabName;
use netsim_core::plan::Action;
use netsim_core::resource::Datapath;
use netsim_core::sim::Sim;
use netsim_core::state::{HostState, Scope};
use netsim_core::testing::{Case, action, cases, ovs_cases, resources, show_state};

fn run(case: &Case) -> Result<HostState, String> {
    let lab = LabName::new("t").expect("a name");
    let mut sim = Sim::default();
    let start = case.start.iter().cloned().map(Action::Create);
    for action in start {
        sim.do_one(&lab, &action).unwrap_or_else(|e| panic!("{}: start: {action:?}: {e}", case.name));
    }
    let (last, before) = case.actions.split_last().expect("a case does something");
    for action in before {
        sim.do_one(&lab, action).unwrap_or_else(|e| panic!("{}: {action:?}: {e}", case.name));
    }
    sim.do_one(&lab, last).map_err(|e| e.errno.name().to_owned())?;
    sim.settle();
    Ok(sim.observe(&Scope::lab(&lab)).ours)
}

#[test]
fn the_kernel_in_memory_does_what_the_cases_say() {
    let mut wrong = String::new();
    for case in cases().into_iter().chain(ovs_cases(Datapath::Netdev)) {
        let found = run(&case);
        if found.as_ref().map_err(String::as_str) != case.expect.as_ref().map_err(|errno| *errno) {
            let show = |state: &Result<HostState, String>| match state {
                Ok(state) => show_state(state),
                Err(errno) => errno.clone(),
            };
            let expect = case.expect.clone().map_err(str::to_owned);
            wrong += &format!("{}\n== expected\n{}\n== found\n{}\n\n", case.name, show(&expect), show(&found));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_names_of_cases_are_unique() {
    let all = cases().into_iter().chain(ovs_cases(Datapath::System));
    let mut names: Vec<_> = all.map(|case| case.name).collect();
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn open_vswitch_in_memory_refuses_what_cannot_be() {
    let start = "veth host/o0 host/o1\novs-bridge br0\novs-bridge br1\novs-port o0 br0\novs-qos o0 noop\novs-flows br0 7\n\
         ovs-port t0 br0 tunnel=vxlan,192.0.2.1,192.0.2.2,key=7\n\
         vxlan host/x0 7 192.0.2.1 port=4790\nup host/x0\nvxlan host/x1 8 192.0.2.1";
    for (errno, line) in [
        ("EEXIST", "+ ovs-port o0 br1"),
        ("EEXIST", "+ ovs-bridge o0"),
        ("EEXIST", "+ ovs-bridge br0"),
        ("EEXIST", "+ ovs-port o1 br0 internal"),
        ("EEXIST", "+ ovs-qos o0 noop"),
        ("EEXIST", "+ ovs-flows br0 8"),
        ("ENODEV", "+ ovs-port o7 br0"),
        ("ENOENT", "+ ovs-port p0 br7 patch=p1"),
        ("ENOENT", "+ ovs-mirror br1 m0 all to=o0"),
        ("EBUSY", "+ port host/o0 k0"),
        ("EEXIST", "+ ovs-port t1 br1 tunnel=vxlan,192.0.2.1,192.0.2.2,key=7"),
        ("EADDRINUSE", "+ ovs-port t1 br1 tunnel=vxlan,192.0.2.1,192.0.2.2,port=4790"),
        ("EADDRINUSE", "+ up host/x1"),
    ] {
        let lab = LabName::new("t").expect("a name");
        let mut sim = Sim::default();
        for resource in resources(start).into_iter().chain(resources("bridge host/k0")) {
            sim.do_one(&lab, &Action::Create(resource)).expect(line);
        }
        let done = sim.do_one(&lab, &action(line));
        assert_eq!(done.map_err(|e| e.errno.name()), Err(errno), "{line}");
    }
}
