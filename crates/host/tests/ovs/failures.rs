//! An Open vSwitch that does not do what it should.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use netsim_host::backend::HostError;
use netsim_host::ovs::{Op, Ovs, Row, codes};
use nix::sys::signal::Signal;

use super::{all, beside_a_switch, bridge, port, run, wires};

#[track_caller]
fn check(result: Result<(), HostError>, code: u16, told: &str) {
    let error = result.expect_err("something is wrong");
    assert_eq!((error.code, &*error.to_string()), (code, told));
}

#[test]
fn a_hung_switch_is_told_and_what_it_has_can_be_deleted() {
    beside_a_switch("failures::a_hung_switch_is_told_and_what_it_has_can_be_deleted", |switch| {
        wires(["v0"]);
        switch.commit([vec![bridge("br0"), port("br0", "v0")]]);
        let impatient = switch.client().with_patience(Duration::from_secs(1));
        let at = switch.rows().switch.wanted;
        switch.signal("ovs-vswitchd", Signal::SIGSTOP);
        let hangs = |doing: &str, wanted: i64| {
            format!(
                "{doing}: `ovs-vswitchd` has not done within 1 s what its database says: it is at change {at} of {wanted}"
            )
        };
        let change = || all([vec![bridge("br1")]]);
        check(impatient.commit(&change()), codes::SWITCH_HANGS, &hangs("change Open vSwitch", at + 1));
        check(impatient.ready(), codes::SWITCH_HANGS, &hangs("look at Open vSwitch", at + 1));
        check(
            impatient.flows("br0").map(drop),
            codes::SWITCH_HANGS,
            "read the flows of br0: `ovs-vswitchd` has not answered within 1 s",
        );
        let rows = impatient.rows().expect("the database answers");
        let bridges = rows.bridges.iter().map(|b| vec![Op::DeleteBridge(Row::Uuid(b.uuid.clone()))]);
        impatient.commit_unheard(&all(bridges)).expect("the database takes it");
        assert_eq!(switch.rows().ports, []);
        switch.signal("ovs-vswitchd", Signal::SIGCONT);
        assert_eq!(switch.client().ready(), Ok(()));
        let devices = run("ip", &["-br", "link"]);
        assert!(!devices.contains("\nbr0 ") && !devices.contains("\nbr1 "), "{devices}");
    });
}

#[test]
fn a_hung_database_is_told() {
    beside_a_switch("failures::a_hung_database_is_told", |switch| {
        let impatient = switch.client().with_patience(Duration::from_secs(1));
        switch.signal("ovsdb-server", Signal::SIGSTOP);
        let told = |doing: &str| format!("{doing}: `ovsdb-server` has not answered within 1 s");
        check(impatient.rows().map(drop), codes::DATABASE_HANGS, &told("look at Open vSwitch"));
        check(impatient.ready(), codes::DATABASE_HANGS, &told("look at Open vSwitch"));
        let change = all([vec![bridge("br0")]]);
        check(impatient.commit(&change), codes::DATABASE_HANGS, &told("change Open vSwitch"));
        switch.signal("ovsdb-server", Signal::SIGCONT);
        assert_eq!(switch.client().ready(), Ok(()));
        assert_eq!(switch.rows().bridges, []);
    });
}

#[test]
fn daemons_that_do_not_run_are_told() {
    beside_a_switch("failures::daemons_that_do_not_run_are_told", |switch| {
        let ovs = switch.client();
        switch.signal("ovs-vswitchd", Signal::SIGKILL);
        let told = "look at Open vSwitch: its database is there, but no `ovs-vswitchd` runs";
        check(ovs.ready(), codes::NOT_RUNNING, told);
        switch.signal("ovsdb-server", Signal::SIGKILL);
        let failed = |why: &str| {
            format!("look at Open vSwitch: unix:/run/openvswitch/db.sock: database connection failed ({why})")
        };
        check(ovs.rows().map(drop), codes::NOT_RUNNING, &failed("Connection refused"));
        check(ovs.ready(), codes::NOT_RUNNING, &failed("Connection refused"));
        std::fs::remove_file("/run/openvswitch/db.sock").expect("it is there");
        check(ovs.rows().map(drop), codes::NOT_RUNNING, &failed("No such file or directory"));
        check(
            ovs.flows("br0").map(drop),
            codes::NOT_RUNNING,
            "read the flows of br0: connecting to unix:/run/openvswitch/br0.mgmt (No such file or directory)",
        );
        switch.start();
        assert_eq!(ovs.ready(), Ok(()));
    });
}

#[test]
fn a_socket_that_is_not_ours_to_use_is_told() {
    beside_a_switch("failures::a_socket_that_is_not_ours_to_use_is_told", |switch| {
        let socket = switch.folder.join("db.sock");
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o000)).expect("it is ours");
        #[allow(unsafe_code)]
        // SAFETY: it takes numbers only; programs that this process starts cannot override file modes any more.
        let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, 1, 0, 0, 0) };
        assert_eq!(dropped, 0);
        let told =
            "look at Open vSwitch: unix:/run/openvswitch/db.sock: database connection failed (Permission denied)";
        check(switch.client().rows().map(drop), codes::DENIED, told);
        check(switch.client().ready(), codes::DENIED, told);
    });
}

#[test]
fn a_device_that_is_not_there_is_told_once_the_switch_has_looked_for_it() {
    beside_a_switch("failures::a_device_that_is_not_there_is_told_once_the_switch_has_looked_for_it", |switch| {
        wires(["v0", "taken"]);
        switch.commit([
            vec![bridge("br0")],
            vec![port("br0", "nobody")],
            vec![port("br0", "v0")],
            vec![bridge("taken")],
        ]);
        let rows = switch.rows();
        let told: Vec<HostError> = rows.interfaces.iter().filter_map(|row| row.opened().err()).collect();
        let [nobody, taken] = &told[..] else { panic!("{told:?}") };
        let message = "open port nobody of Open vSwitch: could not open network device nobody (No such device)";
        assert_eq!((nobody.code, &*nobody.to_string()), (codes::NOT_OPENED, message));
        assert!(taken.to_string().starts_with("open port taken of Open vSwitch: "), "{taken}");
    });
}

#[test]
fn a_database_of_an_older_version_is_told() {
    beside_a_switch("failures::a_database_of_an_older_version_is_told", |switch| {
        switch.stop();
        let schema = switch.folder.join("vswitch.ovsschema");
        let text = std::fs::read_to_string("/usr/share/openvswitch/vswitch.ovsschema").expect("it is installed");
        let mut json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let columns = json["tables"]["Bridge"]["columns"].as_object_mut().expect("a table has columns");
        columns.remove("rstp_enable").expect("it has this one");
        std::fs::write(&schema, json.to_string()).expect("it is ours");
        let database = switch.folder.join("conf.db");
        std::fs::remove_file(&database).expect("it is there");
        let [database, schema] = [&database, &schema].map(|p| p.to_str().expect("UTF-8"));
        run("ovsdb-tool", &["create", database, schema]);
        switch.start();
        check(switch.client().ready(), codes::SCHEMA, "look at Open vSwitch: its database lacks Bridge.rstp_enable");
    });
}

#[test]
fn it_is_found_at_the_usual_places() {
    beside_a_switch("failures::it_is_found_at_the_usual_places", |switch| {
        let rows = Ovs::find(None).and_then(|ovs| ovs.rows());
        assert_eq!(rows, Ok(switch.rows()));
        std::fs::remove_file(switch.folder.join("db.sock")).expect("it is there");
        let told = "find Open vSwitch: no database at any of /var/run/openvswitch/db.sock, /run/openvswitch/db.sock, \
                    /usr/local/var/run/openvswitch/db.sock";
        check(Ovs::find(None).map(drop), codes::NOT_RUNNING, told);
    });
}
