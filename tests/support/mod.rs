//! A machine of a test's own: user, network, mount and process namespaces with an empty /run, gone when the test ends.
#![allow(clippy::print_stderr, reason = "a test says aloud what it skipped and counted")]
#![allow(dead_code, reason = "each test binary uses its part")]

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod again;
pub mod capture;
pub mod switch;
pub mod traffic;

/// The binary under test.
pub const NETSIM: &str = env!("CARGO_BIN_EXE_netsim");

/// Runs `body` on a machine of its own, in a child of this test; says SKIPPED where the system forbids one.
/// `name` is the test's own name, by which the child finds its way back here.
pub fn on_a_machine_of_its_own(name: &str, body: impl FnOnce(&Machine)) {
    again::in_namespaces_of_its_own(name, || body(&Machine::set_up()));
}

/// The same with the rights of the machine's own root, for what nobody else may do.
pub fn on_a_machine_of_roots_own(name: &str, body: impl FnOnce(&Machine)) {
    again::in_namespaces_of_roots_own(name, || body(&Machine::set_up()));
}

/// An empty /tmp; only the repository and what was built of it stay where they are, if that is there.
fn own_tmp() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let kept = [repository.as_path(), Path::new(NETSIM).parent().expect("a file is in a folder")];
    let kept = kept.map(|path| path.canonicalize().expect("it is there")).map(|path| (File::open(&path), path));
    run("mount", &["-t", "tmpfs", "tmpfs", "/tmp"]);
    for (folder, path) in kept.into_iter().filter(|(_, path)| path.starts_with("/tmp") && !path.exists()) {
        let folder = folder.expect("a folder can be opened");
        std::fs::create_dir_all(&path).expect("a fresh tmpfs is writable");
        let hidden = format!("/proc/{}/fd/{}", std::process::id(), folder.as_raw_fd());
        run("mount", &["--no-canonicalize", "--bind", &hidden, path.to_str().expect("a UTF-8 path")]);
    }
}

/// The machine that a test runs on.
pub struct Machine {
    folder: PathBuf,
    /// What netsim finds in its environment beside all else.
    environment: Vec<(&'static str, String)>,
}

impl Machine {
    fn set_up() -> Machine {
        run("mount", &["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]);
        own_tmp();
        run("ip", &["link", "set", "lo", "up"]);
        let folder = PathBuf::from("/tmp/lab");
        std::fs::create_dir(&folder).expect("a fresh tmpfs is writable");
        Machine { folder, environment: Vec::new() }
    }

    /// Writes a topology and gives its path.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("a fresh tmpfs is writable");
        path
    }

    /// netsim as root of this machine, with these arguments.
    pub fn netsim<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(NETSIM);
        command.arg("--root").args(args).current_dir(&self.folder).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs netsim; fails the test unless it succeeds. Gives its standard output.
    pub fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let mut command = self.netsim(args);
        let output = command.output().expect("netsim starts");
        assert!(output.status.success(), "{command:?}: {}\n{}", output.status, both(&output));
        String::from_utf8(output.stdout).expect("netsim prints UTF-8")
    }

    /// Runs netsim; fails the test unless it fails with 1. Gives what it printed.
    pub fn fails<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let mut command = self.netsim(args);
        let output = command.output().expect("netsim starts");
        assert_eq!(output.status.code(), Some(1), "{command:?}\n{}", both(&output));
        both(&output)
    }

    /// Runs netsim to be killed at its n-th point; false if it came to its end before that.
    pub fn killed_at(&self, point: u32, args: &[&str]) -> bool {
        let mut command = self.netsim(args);
        let output = command.env("NETSIM_CRASH_AT", point.to_string()).output().expect("netsim starts");
        if output.status.signal() == Some(9) {
            return true;
        }
        assert!(output.status.success(), "{args:?} not killed at {point}, and failed:\n{}", both(&output));
        false
    }

    /// Fails the test unless nothing is left to do for the file.
    #[track_caller]
    pub fn is_whole(&self, file: impl AsRef<OsStr>) {
        let args = ["plan".as_ref(), file.as_ref(), "--steps".as_ref(), "--detailed-exitcode".as_ref()];
        let output = self.netsim::<&OsStr>(args).output().expect("netsim starts");
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    }

    /// Applies a topology and checks it. Where the machine lacks something that it needs, netsim has to say so before anything is touched; that is
    /// said aloud, and false.
    pub fn applies(&self, file: &Path) -> bool {
        let output = self.netsim([Path::new("apply"), file, Path::new("--check")]).output().expect("netsim starts");
        let said = both(&output);
        if output.status.success() {
            return true;
        }
        let lacks = |line: &&str| line.contains("[E071]") || line.contains("[E074]");
        let why = said.lines().find(lacks).unwrap_or_else(|| panic!("{}: {said}", file.display()));
        assert!(why.contains("[E074]") || why.contains("needed by"), "{said}");
        self.has_nothing_left();
        eprintln!("SKIPPED {}: {}", file.file_stem().unwrap_or_default().to_string_lossy(), why.trim());
        false
    }

    /// The names in /run/netns.
    pub fn namespaces(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir("/run/netns")
            .map(|d| d.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    /// What the kernel has, by other eyes than netsim's: each namespace's devices, addresses and routes, as iproute2 says.
    pub fn seen(&self) -> String {
        let mut seen = String::new();
        let mut places = vec![Vec::new()];
        places.extend(self.namespaces().into_iter().map(|n| vec!["-n".to_owned(), n]));
        for place in places {
            seen += &format!("-- {}\n", place.last().map_or("host", |n| n));
            let questions: [&[&str]; 4] =
                [&["link"], &["addr"], &["route", "show", "table", "all"], &["-6", "route", "show", "table", "all"]];
            for what in questions {
                let output = Command::new("ip").args(&place).args(what).output().expect("iproute2 is there");
                // A kernel finds out later, in a work queue, whether a device has a carrier.
                let states = [" state UP", " state UNKNOWN", " state DOWN", " state LOWERLAYERDOWN", "NO-CARRIER,"];
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                seen += &states.iter().fold(said, |said, state| said.replace(state, ""));
                seen += &String::from_utf8_lossy(&output.stderr);
            }
        }
        // As late it makes this route of its own.
        let seen: String = seen.split_inclusive('\n').filter(|line| !line.starts_with("multicast ff00::/8 ")).collect();
        seen.replace(" tentative", "")
    }

    /// Fails the test unless nothing of any lab is left: namespaces, devices, mounts, files, processes.
    pub fn has_nothing_left(&self) {
        assert_eq!(self.namespaces(), Vec::<String>::new());
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("proc is mounted");
        let of_ours = |line: &&str| line.split(' ').nth(4).is_some_and(|at| at.starts_with("/run/"));
        assert_eq!(mounts.lines().filter(of_ours).collect::<Vec<_>>(), Vec::<&str>::new());
        let files = walk(Path::new("/run"));
        assert_eq!(files, Vec::<PathBuf>::new());
        let devices = Command::new("ip").args(["-br", "link"]).output().expect("iproute2 is there");
        let devices = String::from_utf8_lossy(&devices.stdout).into_owned();
        let alien: Vec<&str> = devices.lines().filter(|l| !l.starts_with("lo ") && !born(l)).collect();
        assert_eq!(alien, Vec::<&str>::new());
        let others: Vec<String> = std::fs::read_dir("/proc")
            .expect("proc is mounted")
            .flatten()
            .filter_map(|e| e.file_name().to_string_lossy().parse::<u32>().ok())
            .filter(|pid| *pid != 1 && *pid != std::process::id())
            .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok())
            .filter(|comm| comm.trim() == "netsim")
            .collect();
        assert_eq!(others, Vec::<String>::new());
    }
}

/// Devices that a kernel puts into every new namespace.
fn born(line: &str) -> bool {
    ["tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"]
        .iter()
        .any(|n| line.starts_with(n))
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// The shipped topologies, without those of Open vSwitch, which has tests of its own.
pub fn shipped() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../topologies");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("they are shipped").flatten().map(|e| e.path()).collect();
    let for_one_kernel = |text: String| !text.contains("kind: ovs") && !text.contains("\nhosts:\n");
    files.retain(|file| for_one_kernel(std::fs::read_to_string(file).expect("readable")));
    files.sort();
    files
}

/// Standard output and standard error together.
pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a program; fails the test unless it succeeds. Gives its standard output.
pub fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", both(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
