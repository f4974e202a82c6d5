//! The keeper: a process that holds a user's namespaces and does nothing else.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};

use super::place::Place;
use super::{HOST_RUN, KEEPER_ARGUMENT};
use crate::backend::HostError;
use crate::failure::{codes, failed, failed_io, hinted, refused};
use crate::rights;

/// Starts the keeper of this place and waits until its namespaces are ready. `lock` is the place's, held alone; the keeper holds it too until it is ready,
/// so that nobody starts a second one even if this process is killed.
pub(super) fn start(place: &Place, lock: &File) -> Result<(), HostError> {
    const DOING: &str = "start the keeper of the rootless namespaces";
    let fail = |e: io::Error| failed_io(codes::KEEPER, DOING, &e);
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|e| failed(codes::KEEPER, DOING, e))?;
    let mut command = Command::new("/proc/self/exe");
    command.arg0("netsim").arg(KEEPER_ARGUMENT).arg(place.path()).env_clear();
    command.stdin(lock.try_clone().map_err(fail)?).stdout(write).stderr(Stdio::null());
    let mut child = command.spawn().map_err(fail)?;
    // The command holds our copy of the pipe's writing end.
    drop(command);
    let mut report = Vec::new();
    File::from(read).read_to_end(&mut report).map_err(fail)?;
    match serde_json::from_slice::<Result<(), HostError>>(&report) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            child.wait().map_err(fail)?;
            Err(error)
        }
        Err(_) => {
            let status = child.wait().map_err(fail)?;
            Err(refused(codes::KEEPER, DOING, format!("it ended before it was ready ({status})")))
        }
    }
}

/// What the keeper's process does: makes the namespaces, says so, and waits to be ended.
pub(super) fn run(path: PathBuf) -> Result<std::convert::Infallible, HostError> {
    let (lock, report) = (standard(libc::STDIN_FILENO), standard(libc::STDOUT_FILENO));
    let place = Place::open_at(path, nix::unistd::geteuid().as_raw())?;
    let place = place.filter(|p| lock.as_ref().is_ok_and(|l| p.is_lock(l) == Ok(true)));
    let (Some(place), Ok(lock), Ok(mut report)) = (place, lock, report) else {
        let error = refused(codes::KEEPER, "run as a keeper", "this was not started by netsim itself");
        return Err(hinted(error, "use any other command: a keeper is started where one is needed"));
    };
    let ready = set_up(&place);
    drop((place, lock));
    if let Ok(alive) = &ready {
        let_go_of_all_but([alive, &report]);
    }
    let text = serde_json::to_vec(&ready.as_ref().map(|_| ())).expect("an error is plain data");
    let told = report.write_all(&text);
    drop(report);
    let _alive = ready?;
    told.map_err(|e| failed_io(codes::KEEPER, "say that the keeper is ready", &e))?;
    loop {
        nix::unistd::pause();
    }
}

/// A copy of a standard stream.
#[allow(unsafe_code)]
fn standard(fd: i32) -> io::Result<File> {
    // SAFETY: the call takes numbers; a closed descriptor is answered with EBADF.
    let copy = Errno::result(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
}

/// Makes the namespaces and registers this process as their keeper; gives the file that must stay open.
fn set_up(place: &Place) -> Result<File, HostError> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let why_not = |doing: &'static str| move |errno: Errno| rights::why_not(doing, errno, &read);
    let fail = |doing: &'static str| move |errno: Errno| failed(codes::KEEPER, doing, errno);

    // A session of its own: a Ctrl-C or a closed terminal of the user's is not for the keeper.
    nix::unistd::setsid().map_err(fail("leave the terminal's session"))?;
    nix::sys::prctl::set_name(c"netsim-keeper").map_err(fail("name the keeper"))?;
    std::env::set_current_dir("/").map_err(|e| failed_io(codes::KEEPER, "go to /", &e))?;
    umask(Mode::from_bits_truncate(0o022));

    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)
        .map_err(why_not("make a user namespace"))?;
    // Without CAP_SETGID outside, a group may be mapped only once setgroups is off (user_namespaces(7)).
    for (file, text) in
        [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))]
    {
        let written = fs::write(format!("/proc/self/{file}"), text);
        written.map_err(errno_of).map_err(why_not("map the user to root in a user namespace"))?;
    }
    mounts().map_err(why_not("mount a /run of its own in a user namespace"))?;
    loopback_up().map_err(why_not("bring up the loopback device in a user namespace"))?;
    place.register().map_err(fail("register the keeper"))
}

/// Gives the namespaces a `/run` of their own. What stood in the old one is still found under its name there, through links; the old one whole is at [`HOST_RUN`].
fn mounts() -> Result<(), Errno> {
    const NONE: Option<&str> = None;
    // What the machine mounts later is seen here too; what is mounted here stays here.
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SLAVE, NONE)?;
    let old = open_tree(c"/run")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), flags, Some("mode=0755"))?;
    // As `ip netns` has it: namespaces unmounted here go from the copies of these mounts that programs inside have.
    mount(NONE, "/run", NONE, MsFlags::MS_SHARED, NONE)?;
    fs::create_dir(HOST_RUN).map_err(errno_of)?;
    move_mount(&old, HOST_RUN)?;
    let here = Path::new(HOST_RUN).file_name().expect("a constant");
    for entry in fs::read_dir(HOST_RUN).map_err(errno_of)?.flatten() {
        let name = entry.file_name();
        if name != "netns" && name != "netsim" {
            symlink(Path::new(here).join(&name), Path::new("/run").join(&name)).map_err(errno_of)?;
        }
    }
    fs::create_dir("/run/netns").map_err(errno_of)
}

fn errno_of(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// A copy of the mounts at a path and below, attached nowhere (open_tree(2), Linux 5.2).
#[allow(unsafe_code)]
fn open_tree(path: &std::ffi::CStr) -> Result<OwnedFd, Errno> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as libc::c_uint;
    // SAFETY: the path is a C string that outlives the call.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    let fd = i32::try_from(Errno::result(fd)?).expect("a descriptor is an int");
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches mounts at a path (move_mount(2), Linux 5.2).
#[allow(unsafe_code)]
fn move_mount(tree: &OwnedFd, to: &str) -> Result<(), Errno> {
    let to = std::ffi::CString::new(to).expect("a constant without NUL");
    // SAFETY: both paths are C strings that outlive the call, and the descriptor is open.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    Errno::result(moved).map(|_| ())
}

nix::ioctl_write_ptr_bad!(set_interface_flags, libc::SIOCSIFFLAGS, libc::ifreq);

/// Sets `lo` up: 127.0.0.1 and ::1 come with that.
#[allow(unsafe_code)]
fn loopback_up() -> Result<(), Errno> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut name = [0; libc::IFNAMSIZ];
    for (to, from) in name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    let ifr_ifru = libc::__c_anonymous_ifr_ifru { ifru_flags: libc::IFF_UP as libc::c_short };
    let request = libc::ifreq { ifr_name: name, ifr_ifru };
    // SAFETY: the request is a whole ifreq with the flags set, as SIOCSIFFLAGS reads it (netdevice(7)).
    unsafe { set_interface_flags(socket.as_raw_fd(), &raw const request) }.map(|_| ())
}

/// Lets go of everything of whoever started the keeper.
#[allow(unsafe_code)]
fn let_go_of_all_but(files: [&File; 2]) {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stdin(&null);
        let _ = nix::unistd::dup2_stdout(&null);
        let _ = nix::unistd::dup2_stderr(&null);
    }
    let mut kept = files.map(|f| f.as_fd().as_raw_fd());
    kept.sort_unstable();
    for (first, last) in [(3, kept[0] - 1), (kept[0] + 1, kept[1] - 1), (kept[1] + 1, i32::MAX)] {
        if first <= last {
            // SAFETY: nothing in this process uses a descriptor between these any more: it only reports and waits from here on.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}
