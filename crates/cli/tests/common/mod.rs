//! netsim with a kernel in memory of a test's own: no rights, no traces.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::Expect;
use netsim_core::names::{IfName, Mac};
use netsim_core::resource::{Device, DeviceId, NetnsId, Resource, Single, SingleKind};
use netsim_host::sim::SimHost;

/// The shipped topologies.
pub const TOPOLOGIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");

/// Three nodes on a bridge.
pub const STAR: &str = "\
name: star
nodes:
  node[1-3]: {}
  sw: { kind: bridge, subnet: 10.0.1.0/24 }
links:
  - { endpoints: [\"node[1-3]\", sw] }
";

/// A directory and a machine in memory, gone at the end.
pub struct Sandbox {
    pub folder: PathBuf,
}

/// What a command said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Sandbox {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("netsim-cli-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("the name is new");
        Sandbox { folder }
    }

    /// Gives the machine a NIC that is up, as a hand would.
    pub fn plant_nic(&self, name: &str) {
        let id = DeviceId { netns: NetnsId::Host, name: IfName::new(name).expect("a name") };
        let nic = Single {
            id: id.clone(),
            mac: Some(Mac([2, 0, 0, 0, 0, 1])),
            mtu: Some(1500),
            link_local: false,
            full_name: None,
            kind: SingleKind::Dummy,
        };
        let machine = SimHost::new(self.folder.join("sim.json"));
        for resource in [Resource::Device(Device::Single(Box::new(nic))), Resource::Up(id)] {
            machine.with(|sim| sim.plant(&resource, None)).expect("the file is ours").expect("the name is free");
        }
    }

    /// Writes a file; commands run beside it.
    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).expect("the folder is ours");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).expect("the file was written")
    }

    /// netsim on the machine in memory, with these words as arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsim"));
        command
            .arg0("netsim")
            .args(["--backend", "sim"])
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command.env_remove("NO_COLOR").env("COLUMNS", "80").env("NETSIM_SIM", self.folder.join("sim.json"));
        command
    }

    /// Runs netsim; the words are parted by spaces.
    pub fn say(&self, words: &str) -> Said {
        said(self.command(&words.split(' ').collect::<Vec<_>>()).output().expect("netsim starts"))
    }

    /// Runs netsim; fails the test unless it ends with 0. Gives its standard output.
    pub fn ok(&self, words: &str) -> String {
        let said = self.say(words);
        assert_eq!(said.code, Some(0), "netsim {words}: {said:#?}");
        said.out
    }

    /// Runs netsim; fails the test unless it ends with 1 and nothing on standard output. Gives its standard error.
    pub fn fails(&self, words: &str) -> String {
        let said = self.say(words);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "netsim {words}: {said:#?}");
        said.err
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("netsim prints UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The shipped topologies, by file name.
pub fn topologies() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(Path::new(TOPOLOGIES))
        .expect("topologies are shipped")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

/// A sandbox with that lab's file.
pub fn star(name: &str) -> Sandbox {
    let sandbox = Sandbox::new(name);
    sandbox.file("star.yaml", STAR);
    sandbox
}

/// That a command said so.
pub fn check(said: &str, expected: Expect) {
    expected.assert_eq(said);
}
