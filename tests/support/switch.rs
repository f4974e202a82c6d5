//! An Open vSwitch of a test's own, and what is in it by other eyes than netsim's.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Machine, again, both, run};

const BED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bed/ovs");

/// Where the daemons have their sockets.
const FOLDER: &str = "/tmp/ovs";

/// An Open vSwitch beside a machine; it ends with the test.
pub struct Switch {
    pub folder: PathBuf,
}

/// Runs `body` on a machine of its own with an Open vSwitch of its own, where netsim finds it; says SKIPPED where there can be none. `name` is the
/// test's own name. `${datapath}` in a file is the kernel's datapath where there is one, else that of user space.
pub fn beside_a_switch(name: &str, body: impl FnOnce(&Machine, &Switch)) {
    let why_not = run(BED, &["--why-not"]);
    if !why_not.is_empty() {
        return eprintln!("SKIPPED {name}: {}", why_not.trim());
    }
    again::in_namespaces_of_its_own(name, || {
        let mut machine = Machine::set_up();
        machine.environment.push(("OVS_RUNDIR", FOLDER.to_owned()));
        machine.environment.push(("datapath", datapath().to_owned()));
        let switch = Switch { folder: FOLDER.into() };
        switch.start();
        body(&machine, &switch);
        switch.stop();
    });
}

/// `system` where the kernel has Open vSwitch's datapath, else `netdev`. The bed has loaded the module where there is one.
pub fn datapath() -> &'static str {
    let modules = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    if modules.lines().any(|module| module.starts_with("openvswitch ")) { "system" } else { "netdev" }
}

impl Switch {
    /// Starts what does not run of the two daemons.
    pub fn start(&self) {
        run(BED, &["start", FOLDER]);
    }

    /// Ends both.
    pub fn stop(&self) {
        run(BED, &["stop", FOLDER]);
    }

    /// Sends a signal to a daemon.
    pub fn signal(&self, daemon: &str, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.join(daemon).with_extension("pid")).expect("it runs");
        run("kill", &[signal, pid.trim()]);
    }

    /// Takes all that is in the database away under a switch that goes on.
    pub fn wipe(&self) {
        let pid = std::fs::read_to_string(self.folder.join("ovsdb-server.pid")).expect("it runs");
        self.signal("ovsdb-server", "-TERM");
        while PathBuf::from(format!("/proc/{}/exe", pid.trim())).exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.start_empty();
    }

    /// Takes all that is in the database away while no switch runs, and starts one: that knows nothing of the devices that there are.
    pub fn wipe_unseen(&self) {
        self.stop();
        self.start_empty();
    }

    fn start_empty(&self) {
        std::fs::remove_file(self.folder.join("conf.db")).expect("it is there");
        self.start();
    }

    /// Takes away what such a switch leaves behind of its own: the device of its datapath.
    pub fn forget_datapath(&self) {
        let own = [
            ("ovs-netdev", "ip", ["link", "del", "ovs-netdev"]),
            ("ovs-system", "ovs-dpctl", ["--timeout=60", "del-dp", "ovs-system"]),
        ];
        for (device, program, words) in own {
            if run("ip", &["-br", "link"]).contains(device) {
                run(program, &words);
            }
        }
    }

    /// The address of the database, as `--db` takes it.
    pub fn database(&self) -> String {
        format!("unix:{}", self.folder.join("db.sock").display())
    }

    /// One call of ovs-vsctl, in words parted by spaces; fails the test unless it succeeds.
    #[track_caller]
    pub fn vsctl(&self, words: &str) -> String {
        let database = format!("--db={}", self.database());
        let arguments: Vec<&str> = ["--timeout=60", &database].into_iter().chain(words.split(' ')).collect();
        let output = Command::new("ovs-vsctl").args(&arguments).output().expect("ovs-vsctl starts");
        assert!(output.status.success(), "ovs-vsctl {words}: {}", both(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until the switch has done all that the database asks for: a change that changes nothing tells, for nothing refers to the new row.
    pub fn catches_up(&self) {
        self.vsctl("-- --id=@nobody create Controller target=\"nobody\"");
    }

    /// What stands in the database, without the database's own names for rows and without what the switch says of itself: the same for the same lab.
    pub fn seen(&self) -> String {
        let tables = [
            "name,datapath_type,fail_mode,stp_enable,rstp_enable,protocols,external_ids,other_config list Bridge",
            "name,tag,trunks,vlan_mode,external_ids,other_config list Port",
            "name,type,options,mac,ingress_policing_rate,ingress_policing_burst,external_ids list Interface",
            "name,select_all,external_ids list Mirror",
            "type,external_ids,other_config list QoS",
            "external_ids,other_config list Queue",
            "target,external_ids list Controller",
        ];
        // One call: to start a program takes long on a kernel that is a process.
        let questions = tables.map(|table| format!("--columns={table}")).join(" -- ");
        let said = self.vsctl(&format!("--format=json {questions}"));
        let table = |(table, said): (&str, &str)| {
            let said: serde_json::Value = serde_json::from_str(said).expect("a table a line");
            let rows = said["data"].as_array().expect("a table has rows");
            let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            rows.sort();
            format!("-- {table}\n{}\n", rows.join("\n"))
        };
        assert_eq!(said.lines().count(), tables.len(), "{said}");
        tables.into_iter().zip(said.lines()).map(table).collect()
    }

    /// Fails the test unless the database is empty, and no device is there that a switch had made.
    #[track_caller]
    pub fn has_nothing_left(&self) {
        let tables = ["Bridge", "Port", "Interface", "Mirror", "QoS", "Queue", "Controller"];
        assert_eq!(self.vsctl(&tables.map(|table| format!("list {table}")).join(" -- ")), "", "rows are left");
        let devices = run("ip", &["-br", "link"]);
        assert!(!devices.contains("ovs-netdev") && !devices.contains("ovs-system"), "{devices}");
    }
}
