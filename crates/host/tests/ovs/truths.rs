//! What Open vSwitch does, as the planner relies on it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use netsim_core::names::NetnsName;
use netsim_core::resource::NetnsId;
use netsim_host::enter::in_netns;
use netsim_host::ovs::{MirrorRow, Op, Row, Rows, Setting, Table, Value};
use nix::sys::signal::Signal;

use super::{all, beside_a_switch, bridge, datapath, mark, port, port_of_kind, run, texts, wires};

fn names<T>(rows: &[T], name: impl Fn(&T) -> &String) -> Vec<String> {
    rows.iter().map(name).cloned().collect()
}

fn ports(rows: &Rows) -> Vec<String> {
    names(&rows.ports, |r| &r.name)
}

/// Two ports of which all that comes in and goes out of the first is shown to the second.
fn mirror(bridge: &str, from: &str, to: &str) -> Vec<Op> {
    let call = |id: &str, name: &str| Op::Call { id: id.into(), table: Table::Port, row: Row::Name(name.into()) };
    let called = |id: &str| Value::Called(id.into());
    let settings = vec![
        Setting::of("name", Value::text("m")),
        Setting::of("select_src_port", called("from")),
        Setting::of("select_dst_port", Value::Set(vec![called("from")])),
        Setting::of("output_port", called("to")),
        mark(),
    ];
    vec![
        call("from", from),
        call("to", to),
        Op::Create { id: "mirror".into(), table: Table::Mirror, settings },
        Op::Add {
            table: Table::Bridge,
            row: Row::Name(bridge.into()),
            column: "mirrors",
            values: vec![called("mirror")],
        },
    ]
}

fn queues(port: &str) -> Vec<Op> {
    let called = |id: &str| Value::Called(id.into());
    let qos = vec![
        Setting::of("type", Value::text("linux-htb")),
        Setting::at("other_config", "max-rate", "10000000"),
        Setting::of("queues", Value::Map(vec![(Value::Integer(0), called("queue"))])),
    ];
    let queue = vec![Setting::at("other_config", "max-rate", "5000000")];
    vec![
        Op::Create { id: "queue".into(), table: Table::Queue, settings: queue },
        Op::Create { id: "qos".into(), table: Table::Qos, settings: qos },
        Op::Set { table: Table::Port, row: Row::Name(port.into()), settings: vec![Setting::of("qos", called("qos"))] },
    ]
}

fn controller(bridge: &str) -> Vec<Op> {
    let settings = vec![Setting::of("target", Value::text("tcp:192.0.2.1:6653"))];
    vec![
        Op::Create { id: "c".into(), table: Table::Controller, settings },
        Op::Set {
            table: Table::Bridge,
            row: Row::Name(bridge.into()),
            settings: vec![Setting::of("controller", Value::Called("c".into()))],
        },
    ]
}

#[test]
fn what_is_written_is_read_back() {
    beside_a_switch("truths::what_is_written_is_read_back", |switch| {
        wires(["v0", "v1"]);
        let tagged = Op::AddPort {
            bridge: "br0".into(),
            name: "v0".into(),
            port: vec![Setting::of("tag", Value::Integer(3)), mark()],
            interface: vec![
                Setting::of("ingress_policing_rate", Value::Integer(1000)),
                Setting::of("mtu_request", Value::Integer(1400)),
            ],
        };
        let trunks = Value::Set(vec![Value::Integer(20), Value::Integer(10)]);
        let trunk = Op::AddPort {
            bridge: "br0".into(),
            name: "v1".into(),
            port: vec![Setting::of("trunks", trunks), mark()],
            interface: Vec::new(),
        };
        let protocols = Value::Set(vec![Value::text("OpenFlow13"), Value::text("OpenFlow10")]);
        let settings = vec![
            Setting::of("fail_mode", Value::text("secure")),
            Setting::of("rstp_enable", Value::Bool(true)),
            Setting::of("protocols", protocols),
        ];
        let set = Op::Set { table: Table::Bridge, row: Row::Name("br0".into()), settings };
        let patches = [("br0", "p0", "p1"), ("br1", "p1", "p0")];
        let patches = patches.map(|(bridge, name, peer)| port_of_kind(bridge, name, "patch", &[("peer", peer)]));
        let internal = port_of_kind("br1", "i0", "internal", &[]);
        let steps =
            [vec![bridge("br0"), set], vec![bridge("br1")], vec![tagged], vec![trunk], patches.into(), vec![internal]];
        switch.commit(steps.into_iter().chain([mirror("br0", "v0", "v1"), queues("v1"), controller("br1")]));

        let rows = switch.rows();
        assert_eq!(rows.unopened().collect::<Vec<_>>(), []);
        assert_eq!(rows.switch.current, rows.switch.wanted);
        assert_eq!(names(&rows.bridges, |r| &r.name), ["br0", "br1"]);
        assert_eq!(ports(&rows), ["br0", "br1", "i0", "p0", "p1", "v0", "v1"]);
        let [br0, br1] = &rows.bridges[..] else { panic!("two") };
        let marked = [("netsim-lab".to_owned(), "t".to_owned())].into();
        assert_eq!((&*br0.datapath_type, &br0.external_ids), (datapath(), &marked));
        assert_eq!((br0.fail_mode.as_deref(), br0.stp, br0.rstp), (Some("secure"), false, true));
        assert_eq!(br0.protocols, texts(["OpenFlow10", "OpenFlow13"]));
        assert_eq!(rows.controllers.iter().map(|c| c.uuid.clone()).collect::<Vec<_>>(), br1.controllers);
        assert_eq!(rows.controllers[0].target, "tcp:192.0.2.1:6653");
        let [v0, v1] = &rows.ports[5..] else { panic!("two") };
        assert_eq!((v0.tag, &v0.trunks[..], &v0.external_ids), (Some(3), &[][..], &marked));
        assert_eq!((v1.tag, &v1.trunks[..]), (None, &[10, 20][..]));
        let v0_interface = rows.interfaces.iter().find(|i| i.uuid == v0.interfaces[0]).expect("it has one");
        assert_eq!((v0_interface.ingress_policing_rate, v0_interface.mtu), (1000, Some(1400)));
        let p0 = rows.interfaces.iter().find(|i| i.name == "p0").expect("it is there");
        assert_eq!((&*p0.kind, p0.options["peer"].as_str()), ("patch", "p1"));
        let seen = MirrorRow {
            uuid: br0.mirrors[0].clone(),
            name: "m".into(),
            select_all: false,
            select_src_port: vec![v0.uuid.clone()],
            select_dst_port: vec![v0.uuid.clone()],
            select_vlan: Vec::new(),
            output_port: Some(v1.uuid.clone()),
            output_vlan: None,
            external_ids: marked,
        };
        assert_eq!(rows.mirrors, [seen]);
        assert_eq!(v1.qos.as_ref(), Some(&rows.qos[0].uuid));
        assert_eq!(rows.qos[0].queues, [(0, rows.queues[0].uuid.clone())].into());
        assert_eq!(rows.queues[0].other_config["max-rate"], "5000000");
    });
}

#[test]
fn a_bridge_takes_its_rows_along_and_leaves_its_queues() {
    beside_a_switch("truths::a_bridge_takes_its_rows_along_and_leaves_its_queues", |switch| {
        wires(["v0", "v1", "other"]);
        let ports = ["v0", "v1"].map(|name| vec![port("br0", name)]);
        switch.commit([vec![bridge("br0")], vec![bridge("br1")], vec![port("br1", "other")]].into_iter().chain(ports));
        switch.commit([mirror("br0", "v0", "v1"), queues("v1"), controller("br0")]);
        let before = switch.rows();
        let (row, uuid) = (|name: &str| Row::Name(name.into()), before.bridges[0].uuid.clone());

        switch.commit([vec![Op::DeletePort { bridge: row("br0"), port: row("v1") }]]);
        let rows = switch.rows();
        assert_eq!((rows.mirrors[0].output_port.clone(), rows.mirrors[0].select_src_port.len()), (None, 1));
        assert_eq!(rows.qos, before.qos);

        switch.commit([vec![Op::DeleteBridge(Row::Uuid(uuid))]]);
        let rows = switch.rows();
        assert_eq!(self::ports(&rows), ["br1", "other"]);
        assert_eq!((rows.mirrors.len(), rows.controllers.len()), (0, 0));
        assert_eq!((&rows.qos, &rows.queues), (&before.qos, &before.queues));
        let queue = Op::Destroy { table: Table::Queue, row: Row::Uuid(rows.queues[0].uuid.clone()) };
        switch.commit([vec![Op::Destroy { table: Table::Qos, row: Row::Uuid(rows.qos[0].uuid.clone()) }, queue]]);
        let rows = switch.rows();
        assert_eq!((rows.qos.len(), rows.queues.len()), (0, 0));
        assert_eq!((is_there("br0"), is_there("br1")), (false, true));
    });
}

#[test]
fn what_is_gone_already_is_deleted_and_what_was_made_anew_stays() {
    beside_a_switch("truths::what_is_gone_already_is_deleted_and_what_was_made_anew_stays", |switch| {
        wires(["v0"]);
        switch.commit([vec![bridge("br0"), port("br0", "v0")]]);
        let rows = switch.rows();
        let delete = || {
            let uuid = |row: &netsim_host::ovs::Uuid| Row::Uuid(row.clone());
            let port = Op::DeletePort { bridge: uuid(&rows.bridges[0].uuid), port: uuid(&rows.ports[1].uuid) };
            [vec![port, Op::DeleteBridge(uuid(&rows.bridges[0].uuid))]]
        };
        switch.commit(delete());
        switch.commit(delete());
        switch.commit([vec![bridge("br0"), port("br0", "v0")]]);
        switch.commit(delete());
        assert_eq!(ports(&switch.rows()), ["br0", "v0"]);
    });
}

#[test]
fn the_row_of_a_port_stays_when_its_device_goes_and_works_when_it_is_back() {
    beside_a_switch("truths::the_row_of_a_port_stays_when_its_device_goes_and_works_when_it_is_back", |switch| {
        wires(["v0"]);
        switch.commit([vec![bridge("br0"), port("br0", "v0")]]);
        let fault = || {
            // Any change makes the switch look around.
            let settings = vec![Setting::at("external_ids", "look", format!("{:?}", Instant::now()))];
            switch.commit([vec![Op::Set { table: Table::Bridge, row: Row::Name("br0".into()), settings }]]);
            let rows = switch.rows();
            rows.unopened().map(|(row, why)| format!("{}: {why}", row.name)).collect::<Vec<_>>()
        };
        assert_eq!(fault(), [""; 0]);
        let master = run("ip", &["link", "show", "dev", "v0"]).contains("master ovs-system");
        assert_eq!(master, datapath() == "system");
        run("ip", &["link", "del", "v0"]);
        let gone = match datapath() {
            "system" => "v0: could not open network device v0 (No such device)",
            _ => "v0: its device is gone",
        };
        assert_eq!(fault(), [gone]);
        wires(["v0"]);
        assert_eq!(fault(), [""; 0]);
    });
}

#[test]
fn everything_but_a_name_changes_in_place() {
    beside_a_switch("truths::everything_but_a_name_changes_in_place", |switch| {
        wires(["v0", "v1"]);
        switch.commit([vec![bridge("br0")], vec![port("br0", "v0")], vec![port("br0", "v1")]]);
        let before = switch.rows();
        let set = |table, row: &netsim_host::ovs::Uuid, settings: &[(&'static str, Value)]| {
            let settings = settings.iter().map(|(column, value)| Setting::of(column, value.clone())).collect();
            switch.commit([vec![Op::Set { table, row: Row::Uuid(row.clone()), settings }]]);
        };
        let (bridge, v0) = (&before.bridges[0].uuid, &before.ports[1].uuid);
        set(Table::Port, v0, &[("tag", Value::Integer(7))]);
        set(Table::Port, v0, &[("tag", Value::Set(Vec::new())), ("trunks", Value::Set(vec![Value::Integer(5)]))]);
        set(Table::Bridge, bridge, &[("fail_mode", Value::text("secure")), ("stp_enable", Value::Bool(true))]);
        set(Table::Bridge, bridge, &[("stp_enable", Value::Bool(false)), ("rstp_enable", Value::Bool(true))]);
        switch.commit([mirror("br0", "v0", "v1")]);
        let mirror = switch.rows().mirrors[0].uuid.clone();
        set(Table::Mirror, &mirror, &[("select_all", Value::Bool(true)), ("output_port", Value::Row(v0.clone()))]);
        let after = switch.rows();
        let ofports = |rows: &Rows| rows.interfaces.iter().map(|i| (i.uuid.clone(), i.ofport)).collect::<Vec<_>>();
        assert_eq!(ofports(&after), ofports(&before));
        assert_eq!((after.ports[1].tag, &after.ports[1].trunks[..]), (None, &[5][..]));
        assert_eq!(after.mirrors[0].output_port.as_ref(), Some(v0));
        assert_eq!(after.unopened().collect::<Vec<_>>(), []);
    });
}

#[test]
fn rows_outlive_the_switch_and_flows_do_not() {
    beside_a_switch("truths::rows_outlive_the_switch_and_flows_do_not", |switch| {
        wires(["v0"]);
        switch.commit([vec![bridge("br0"), port("br0", "v0")]]);
        let ovs = switch.client();
        ovs.replace_flows("br0", "priority=5,actions=drop").expect("they are right");
        switch.signal("ovs-vswitchd", Signal::SIGKILL);
        switch.start();
        assert_eq!(ports(&switch.rows()), ["br0", "v0"]);
        assert_eq!(ovs.flows("br0").expect("it answers"), ["priority=0 actions=NORMAL"]);
    });
}

/// Whether there is a device of that name where the switch runs.
fn is_there(device: &str) -> bool {
    run("ip", &["-br", "link"]).contains(&format!("\n{device} "))
}

#[test]
fn a_wiped_database_empties_a_running_switch() {
    beside_a_switch("truths::a_wiped_database_empties_a_running_switch", |switch| {
        switch.commit([vec![bridge("br0")]]);
        switch.signal("ovsdb-server", Signal::SIGKILL);
        std::fs::remove_file(switch.folder.join("conf.db")).expect("it is there");
        switch.start();
        assert_eq!(ports(&switch.rows()), [""; 0]);
        for _ in 0..500 {
            if !is_there("br0") {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("br0 is still there");
    });
}

/// A switch that is started anew looks at the devices of its datapath only when it opens that: with its first bridge. Taps it does not know again.
#[test]
fn devices_of_a_database_that_was_wiped_while_no_switch_ran_stay() {
    beside_a_switch("truths::devices_of_a_database_that_was_wiped_while_no_switch_ran_stay", |switch| {
        switch.commit([vec![bridge("br0"), port_of_kind("br0", "i0", "internal", &[])]]);
        switch.stop();
        std::fs::remove_file(switch.folder.join("conf.db")).expect("it is there");
        switch.start();
        assert_eq!(switch.client().ready(), Ok(()));
        assert_eq!(ports(&switch.rows()), [""; 0]);
        assert_eq!((is_there("br0"), is_there("i0")), (true, true));

        switch.commit([vec![bridge("br0")]]);
        let rows = switch.rows();
        assert_eq!(rows.unopened().collect::<Vec<_>>(), []);
        assert_eq!((is_there("br0"), is_there("i0")), (true, datapath() == "netdev"));
        switch.commit([vec![Op::DeleteBridge(Row::Uuid(rows.bridges[0].uuid.clone()))]]);
        assert_eq!((is_there("br0"), is_there("i0")), (false, datapath() == "netdev"));
        if datapath() == "netdev" {
            run("ip", &["link", "del", "i0"]);
        }
    });
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    beside_a_switch("truths::a_change_that_is_refused_changes_nothing", |switch| {
        wires(["v0", "v1"]);
        switch.commit([vec![bridge("br0")], vec![bridge("br1")], vec![port("br1", "v1")]]);
        let before = switch.rows();
        let tag = |tag| Op::AddPort {
            bridge: "br0".into(),
            name: "v0".into(),
            port: vec![Setting::of("tag", Value::Integer(tag))],
            interface: Vec::new(),
        };
        let refusal = |steps: Vec<Op>| {
            let error = switch.client().commit(&all([steps])).expect_err("something is wrong with it");
            assert_eq!(switch.rows(), before);
            format!("E{}: {error}", error.code)
        };
        assert_eq!(
            refusal(vec![tag(3), port("br0", "v1")]),
            "E146: change Open vSwitch: cannot create a port named v1 because a port named v1 already exists on bridge br1"
        );
        assert_eq!(
            refusal(vec![tag(5000)]),
            "E147: change Open vSwitch: constraint violation: 5000 is not in the valid range 0 to 4095 (inclusive)"
        );
        let gone = Row::Uuid(netsim_host::ovs::Uuid("6d6f1d2e-0000-4000-8000-000000000000".into()));
        let settings = vec![Setting::of("stp_enable", Value::Bool(true))];
        assert_eq!(
            refusal(vec![tag(3), Op::Set { table: Table::Bridge, row: gone, settings }]),
            "E147: change Open vSwitch: no row \"6d6f1d2e-0000-4000-8000-000000000000\" in table Bridge"
        );
        let settings = vec![Setting::of("nosuch", Value::Bool(true))];
        assert_eq!(
            refusal(vec![Op::Set { table: Table::Bridge, row: Row::Name("br0".into()), settings }]),
            "E145: change Open vSwitch: Bridge does not contain a column whose name matches \"nosuch\""
        );
    });
}

/// Whether a megabyte comes through from one namespace to the other by TCP.
fn tcp_passes() -> bool {
    const BYTES: usize = 1 << 20;
    let space = |name| NetnsId::Named(NetnsName::new(name).expect("a name"));
    let patience = Some(Duration::from_secs(2));
    std::thread::scope(|scope| {
        let listener =
            in_netns(&space("b"), || TcpListener::bind("10.9.0.2:5555")).expect("it is there").expect("it is free");
        scope.spawn(move || {
            let connect =
                || TcpStream::connect_timeout(&"10.9.0.2:5555".parse().expect("an address"), Duration::from_secs(2));
            let stream = in_netns(&space("a"), connect).expect("it is there");
            let sent = stream.and_then(|mut stream| {
                stream.set_write_timeout(patience)?;
                stream.write_all(&vec![7; BYTES])
            });
            drop(sent);
        });
        listener.set_nonblocking(true).expect("it is a socket");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(patience)).expect("it is a socket");
            return stream.read_to_end(&mut Vec::new()).is_ok_and(|read| read == BYTES);
        }
        false
    })
}

#[test]
fn tcp_passes_the_userspace_datapath_only_with_checksums_that_its_ends_filled_in() {
    let name = "truths::tcp_passes_the_userspace_datapath_only_with_checksums_that_its_ends_filled_in";
    if std::process::Command::new("ethtool").arg("--version").output().is_err() {
        return eprintln!("SKIPPED {name}: not installed: ethtool");
    }
    beside_a_switch(name, |switch| {
        let mut steps = vec![vec![bridge("br0")]];
        for (n, node) in ["a", "b"].into_iter().enumerate() {
            run("ip", &["netns", "add", node]);
            let wire =
                ["link", "add", &format!("s-{node}"), "up", "type", "veth", "peer", "name", "eth0", "netns", node];
            run("ip", &wire);
            run("ip", &["-n", node, "link", "set", "eth0", "up"]);
            run("ip", &["-n", node, "address", "add", &format!("10.9.0.{}/24", n + 1), "dev", "eth0"]);
            steps.push(vec![port("br0", &format!("s-{node}"))]);
        }
        switch.commit(steps);
        assert_eq!(tcp_passes(), datapath() == "system");
        for node in ["a", "b"] {
            run("ip", &["netns", "exec", node, "ethtool", "-K", "eth0", "tx", "off"]);
        }
        assert!(tcp_passes());
    });
}
