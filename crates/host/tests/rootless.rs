//! The keeper, in real processes: this program is its own `netsim`, for a keeper is the same program run again.
//!
//! Every test is done as the user who runs it and, where that is root, as `nobody` too.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use netsim_host::rootless::{self, Mode, Standing};

/// What a test does with a user's home.
type Test = fn(&Home);

const TESTS: &[(&str, Test)] = &[
    ("a_process_is_root_in_namespaces_of_its_own_afterwards", root_in_its_own),
    ("a_keeper_holds_on_to_nothing_of_its_starter", holds_nothing),
    ("the_directory_and_the_files_stay_as_they_were", files_stay),
    ("what_stood_in_run_is_found_there_still", run_is_found),
    ("starts_at_once_make_one_keeper", one_keeper),
    ("a_lab_is_found_again_by_a_later_process", found_again),
    ("the_last_to_leave_ends_the_keeper_and_leaves_nothing", nothing_left),
    ("a_keeper_with_a_process_at_work_is_not_ended", not_ended_under_work),
    ("a_keeper_that_ended_unasked_is_told_and_replaced", told_as_lost),
    ("a_keeper_number_that_nobody_vouches_for_is_not_believed", not_believed),
    ("a_keeper_started_by_hand_refuses", started_by_hand),
    ("from_inside_the_same_namespaces_are_found", from_inside),
    ("the_setting_that_forbids_user_namespaces_is_named", setting_is_named),
    ("root_without_rights_is_refused", root_refused),
];

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_ref().and_then(|a| a.to_str()) {
        Some(rootless::KEEPER_ARGUMENT) => {
            let error = rootless::keep(arguments);
            eprintln!("E{} {error}", error.code);
            std::process::exit(1);
        }
        Some("do") => act(&arguments.map(|a| a.into_string().expect("UTF-8")).collect::<Vec<_>>()),
        Some("--list") => {}
        filter => run_tests(filter.filter(|f| !f.starts_with('-'))),
    }
}

fn run_tests(filter: Option<&str>) {
    let root = nix::unistd::geteuid().is_root();
    let users: &[Option<u32>] = if root { &[None, Some(65534)] } else { &[None] };
    let mut done = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| filter.is_none_or(|f| name.contains(f))) {
        for user in users {
            println!("test {name} as {} ...", user.map_or("oneself".to_owned(), |u| format!("user {u}")));
            test(&Home::new(*user));
            done += 1;
        }
    }
    println!("\ntest result: ok. {done} passed");
}

/// What the program does as `netsim` would: enter, act, and leave if told so.
fn act(steps: &[String]) {
    let mode = if steps[0] == "as-root" { Mode::Root } else { Mode::Rootless };
    let standing = match rootless::enter(mode) {
        Ok(standing) => standing,
        Err(error) => {
            println!("E{} {error}", error.code);
            std::process::exit(1);
        }
    };
    let Standing::Rootless(stay) = &standing else { panic!("rootless was asked for") };
    let netns = |name: &str| Path::new("/run/netns").join(name);
    for step in steps {
        // A step is a name, or a name and what it is about.
        match step.split_once('=').unwrap_or((step, "")) {
            ("keeper", "") => println!("{}", stay.keeper()),
            ("lost", "") => println!("{:?}", stay.lost),
            ("uid", "") => println!("{}", nix::unistd::geteuid()),
            ("net", "") => println!("{}", fs::metadata("/proc/self/ns/net").expect("mounted").ino()),
            ("devices", "") => println!("{}", devices()),
            ("cwd", "") => println!("{}", std::env::current_dir().expect("there").display()),
            ("cat", path) => println!("{}", fs::read_to_string(path).unwrap_or_else(|e| e.to_string())),
            ("list", path) => println!("{:?}", names(path)),
            ("make", lab) => fs::write(netns(lab), "").expect("root may"),
            ("unmake", lab) => fs::remove_file(netns(lab)).expect("it is there"),
            ("netns", "") => println!("{:?}", names("/run/netns")),
            ("say", text) => println!("{text}"),
            ("wait", "") => drop(std::io::stdin().read_line(&mut String::new())),
            ("again", "") => {
                let status = Command::new("/proc/self/exe").args(["do", "keeper", "net"]).status().expect("it runs");
                assert!(status.success());
            }
            ("leave", "") => return standing.leave().expect("it can leave"),
            other => panic!("unknown step {other:?}"),
        }
        std::io::stdout().flush().expect("a pipe");
    }
}

/// Names and flags of the devices: `lo up`.
fn devices() -> String {
    let all = nix::ifaddrs::getifaddrs().expect("netlink answers");
    let mut all: Vec<String> = all
        .filter(|a| {
            a.address.as_ref().is_none_or(|s| {
                nix::sys::socket::SockaddrLike::family(s) == Some(nix::sys::socket::AddressFamily::Packet)
            })
        })
        .map(|a| {
            format!(
                "{} {}",
                a.interface_name,
                if a.flags.contains(nix::net::if_::InterfaceFlags::IFF_UP) { "up" } else { "down" }
            )
        })
        .collect();
    all.sort();
    all.dedup();
    all.join(", ")
}

fn names(dir: impl AsRef<Path>) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(dir).expect("there").map(|e| e.expect("readable").file_name()).collect();
    names.sort();
    names
}

/// A user with a runtime directory and a copy of this program; whatever keeper is left there is ended with it.
struct Home {
    dir: PathBuf,
    user: Option<u32>,
}

impl Home {
    fn new(user: Option<u32>) -> Home {
        let dir = std::env::temp_dir().join(format!("netsim-rootless-{}", std::process::id()));
        for dir in [&dir, &dir.join("run")] {
            fs::create_dir(dir).expect("the name is new");
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).expect("it is ours");
            chown(dir, user, user).expect("root may");
        }
        fs::copy("/proc/self/exe", dir.join("program")).expect("there is room");
        Home { dir, user }
    }

    /// The runtime directory.
    fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir).env("XDG_RUNTIME_DIR", self.run());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    fn netsim(&self, steps: &[&str]) -> Command {
        let mut command = self.command(self.dir.join("program"));
        command.arg("do").args(steps);
        command
    }

    /// What the steps print, a line each.
    fn does(&self, steps: &[&str]) -> Vec<String> {
        let output = self.netsim(steps).stderr(Stdio::inherit()).output().expect("it runs");
        assert!(output.status.success(), "{steps:?}: {}", String::from_utf8_lossy(&output.stdout));
        lines(&output)
    }

    /// The steps up to a line `ready`; the process goes on when its input is closed.
    fn starts(&self, steps: &[&str]) -> Child {
        let mut child = self.netsim(steps).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            assert_ne!(output.read_line(&mut line).expect("readable"), 0, "{steps:?} ended too early");
        }
        child
    }

    fn keeper(&self) -> Option<i32> {
        let text = fs::read_to_string(self.run().join("netsim/keeper")).ok()?;
        let pid: i32 = text.split(' ').next()?.parse().ok()?;
        (comm(pid).as_deref() == Some("netsim-keeper\n")).then_some(pid)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper() {
            kill(keeper);
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn comm(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm")).ok()
}

fn kill(pid: i32) {
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL).expect("it is ours");
    while comm(pid.as_raw()).is_some() && !ended(pid.as_raw()) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Gone, or waiting for whoever adopted it to take note.
fn ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z') || state.starts_with('X'))
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn root_in_its_own(home: &Home) {
    let outside = fs::metadata("/proc/self/ns/net").expect("mounted").ino().to_string();
    let told = home.does(&["uid", "devices", "netns", "lost", "net"]);
    assert_eq!(told[..4], ["0", "lo up", "[]", "None"]);
    assert_ne!(told[4], outside);
}

fn holds_nothing(home: &Home) {
    home.does(&["make=a"]);
    let keeper = home.keeper().expect("it lives");
    assert_eq!(comm(keeper).as_deref(), Some("netsim-keeper\n"));
    let open = |fd: OsString| fs::read_link(format!("/proc/{keeper}/fd/{}", fd.display())).expect("same user");
    let mut open: Vec<PathBuf> = names(format!("/proc/{keeper}/fd")).into_iter().map(open).collect();
    open.sort();
    let null = PathBuf::from("/dev/null");
    assert_eq!(open, [null.clone(), null.clone(), null, home.run().join("netsim/keeper")]);
    assert_eq!(fs::read_link(format!("/proc/{keeper}/cwd")).expect("same user"), Path::new("/"));
    let stat = fs::read_to_string(format!("/proc/{keeper}/stat")).expect("it lives");
    let session = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(3)).map(str::to_owned);
    assert_eq!(session, Some(keeper.to_string()));
}

fn files_stay(home: &Home) {
    fs::write(home.dir.join("lab.yaml"), "name: a").expect("ours");
    assert_eq!(home.does(&["cwd", "cat=lab.yaml", "leave"]), [&*home.dir.to_string_lossy(), "name: a"]);
}

fn run_is_found(home: &Home) {
    let Some(entry) =
        names("/run").into_iter().find(|n| n != "netns" && n != "netsim" && Path::new("/run").join(n).is_dir())
    else {
        return println!("skipped: there is no directory in /run here");
    };
    let path = Path::new("/run").join(&entry);
    let output = home.netsim(&["cwd", "leave"]).current_dir(&path).output().expect("it runs");
    assert_eq!(lines(&output), [Path::new(rootless::HOST_RUN).join(&entry).to_string_lossy()]);
    assert_eq!(home.does(&[&format!("list={}", path.display()), "leave"]), [format!("{:?}", names(&path))]);
}

fn one_keeper(home: &Home) {
    let starting: Vec<Child> =
        (0..8).map(|_| home.netsim(&["keeper", "make=x"]).stdout(Stdio::piped()).spawn().expect("it runs")).collect();
    let told: Vec<_> = starting.into_iter().map(|c| lines(&c.wait_with_output().expect("it ends"))).collect();
    let keeper = home.keeper().expect("it lives").to_string();
    assert_eq!(told, vec![vec![keeper]; 8]);
}

fn found_again(home: &Home) {
    home.does(&["make=a", "leave"]);
    assert_eq!(home.does(&["make=b", "netns", "lost", "leave"]), ["[\"a\", \"b\"]", "None"]);
}

fn nothing_left(home: &Home) {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounted");
    home.does(&["make=a", "leave"]);
    let keeper = home.keeper().expect("it lives while a lab is there");
    home.does(&["unmake=a", "leave"]);
    assert!(ended(keeper));
    assert_eq!(names(home.run()), [""; 0]);
    assert_eq!(fs::read_to_string("/proc/self/mounts").expect("mounted"), mounts);
}

fn not_ended_under_work(home: &Home) {
    let mut at_work = home.starts(&["say=ready", "wait", "make=a", "unmake=a", "leave"]);
    home.does(&["leave"]);
    assert!(home.keeper().is_some());
    drop(at_work.stdin.take());
    assert!(at_work.wait().expect("it ends").success());
    assert_eq!(names(home.run()), [""; 0]);
}

fn told_as_lost(home: &Home) {
    home.does(&["make=a"]);
    let keeper = home.keeper().expect("it lives");
    kill(keeper);
    assert_eq!(home.does(&["netns", "lost", "leave"]), ["[]".to_owned(), format!("Some({keeper})")]);
    assert_eq!(names(home.run()), [""; 0]);
}

fn not_believed(home: &Home) {
    let mut other = home.command("sleep").arg("1000").spawn().expect("it runs");
    let place = home.run().join("netsim");
    fs::create_dir(&place).expect("new");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).expect("ours");
    fs::write(place.join("keeper"), format!("{} 1\n", other.id())).expect("ours");
    for path in [&place, &place.join("keeper")] {
        chown(path, home.user, home.user).expect("root may");
    }
    assert_eq!(home.does(&["lost", "leave"]), [format!("Some({})", other.id())]);
    assert_eq!(other.try_wait().expect("ours"), None);
    other.kill().expect("ours");
    other.wait().expect("ours");
}

fn started_by_hand(home: &Home) {
    let mut command = home.command(home.dir.join("program"));
    let output = command.arg(rootless::KEEPER_ARGUMENT).arg(home.run().join("netsim")).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("E123 "), "{output:?}");
}

fn from_inside(home: &Home) {
    let told = home.does(&["make=a", "keeper", "net", "again"]);
    assert_eq!(told[..2], told[2..]);
}

fn setting_is_named(home: &Home) {
    // In a user namespace of its own a process may lower that namespace's limit.
    let mut command = home.command("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c"]);
    command.args(["echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"", "sh"]);
    let output = command.arg(home.dir.join("program")).args(["do", "uid"]).output().expect("it runs");
    let expected = "E120 make a user namespace: the setting user.max_user_namespaces is 0, which forbids them";
    assert_eq!(lines(&output), [expected], "{output:?}");
    assert_eq!(names(home.run()), [""; 0]);
}

fn root_refused(home: &Home) {
    if home.user.is_none() && nix::unistd::geteuid().is_root() {
        return println!("skipped: root has its rights");
    }
    let output = home.netsim(&["as-root"]).output().expect("it runs");
    let told = lines(&output).join(" ");
    assert!(told.starts_with("E121 work on this machine as root: missing CAP_NET_ADMIN, CAP_SYS_ADMIN"), "{told}");
}
