//! What Open vSwitch's refusals are called, with what to do about them.

use std::time::Duration;

use netsim_core::names::HostId;
use netsim_core::resource::OvsKey;

use crate::backend::HostError;
use crate::failure::{hinted, refused};

/// The codes of everything of Open vSwitch; `docs/errors.md` lists them all.
pub mod codes {
    /// Its programs are not there.
    pub const NOT_INSTALLED: u16 = 140;
    /// Its daemons do not run.
    pub const NOT_RUNNING: u16 = 141;
    /// The database's socket is not ours to use.
    pub const DENIED: u16 = 142;
    /// `ovsdb-server` does not answer in time.
    pub const DATABASE_HANGS: u16 = 143;
    /// `ovs-vswitchd` does not do in time what the database says.
    pub const SWITCH_HANGS: u16 = 144;
    /// The database is not as this version knows it.
    pub const SCHEMA: u16 = 145;
    /// A bridge or port of that name is there.
    pub const TAKEN: u16 = 146;
    /// The database refuses a change.
    pub const REFUSED: u16 = 147;
    /// A change stands in the database, and the switch could not make it true.
    pub const NOT_OPENED: u16 = 148;
    /// The switch refuses flows.
    pub const FLOWS: u16 = 149;
}

/// What to do where the programs are not there.
const INSTALL: &str = "install Open vSwitch (Debian, Ubuntu: openvswitch-switch)";

/// What to do where the daemons do not run.
const START: &str =
    "start Open vSwitch (`systemctl start openvswitch-switch`), or say with `--db` where its database is";

/// What to do where we may not speak to them.
const RIGHTS: &str = "run netsim as root";
const RIGHTS_OF_SOCKET: &str = "run netsim as root, or as a user who may write to that socket";

const AGAIN: &str = "run apply again: it starts from what is there now";

const NEWER: &str = "use a newer Open vSwitch: 2.13 or later";

/// The hint of an error that an agent told, for who reads it elsewhere: options of the command line hold here alone.
pub(crate) fn hint_elsewhere(host: &HostId, code: u16, hint: String) -> String {
    match (code, &*hint) {
        (codes::NOT_RUNNING, START) => format!(
            "start Open vSwitch on {host} (`systemctl start openvswitch-switch`), or write with `ovsdb:` of that host where its database is"
        ),
        (codes::DENIED, RIGHTS | RIGHTS_OF_SOCKET) => {
            format!("log in to {host} as root, or give the host `sudo: true`")
        }
        (codes::NOT_INSTALLED, INSTALL) => {
            format!("install Open vSwitch on {host} (Debian, Ubuntu: openvswitch-switch)")
        }
        _ => hint,
    }
}

/// A program of Open vSwitch that is not on this machine.
pub(super) fn not_installed(doing: &str, program: &str) -> HostError {
    let error = refused(codes::NOT_INSTALLED, doing, format!("`{program}` is not installed"));
    hinted(error, INSTALL)
}

/// No daemon at any of these places.
pub(super) fn not_running(doing: &str, message: impl Into<String>) -> HostError {
    hinted(refused(codes::NOT_RUNNING, doing, message), START)
}

/// No address of a database.
pub(super) fn not_an_address(asked: &str) -> HostError {
    let message = format!("`{asked}` is no address of a database");
    let hint = "write unix:PATH, a path, tcp:ADDRESS:PORT or ssl:ADDRESS:PORT";
    hinted(refused(codes::NOT_RUNNING, "find Open vSwitch", message), hint)
}

/// A database that is not as this version knows it.
pub(super) fn schema(doing: &str, message: String) -> HostError {
    hinted(refused(codes::SCHEMA, doing, message), NEWER)
}

/// No answer in time.
pub(super) fn database_hangs(doing: &str, patience: Duration) -> HostError {
    let message = format!("`ovsdb-server` has not answered within {} s", patience.as_secs());
    hinted(refused(codes::DATABASE_HANGS, doing, message), "see what holds it up, then run the same again")
}

/// An answer of the database, and nothing done.
pub(super) fn switch_hangs(doing: &str, patience: Duration, current: i64, wanted: i64) -> HostError {
    let so_far = format!("it is at change {current} of {wanted}");
    let message =
        format!("`ovs-vswitchd` has not done within {} s what its database says: {so_far}", patience.as_secs());
    let hint = "see what holds it up, or restart Open vSwitch; `netsim destroy` works meanwhile, and it cleans up when it goes on";
    hinted(refused(codes::SWITCH_HANGS, doing, message), hint)
}

/// No answer of the switch in time to a question about flows.
pub(super) fn no_flows_in_time(doing: &str, patience: Duration) -> HostError {
    let message = format!("`ovs-vswitchd` has not answered within {} s", patience.as_secs());
    hinted(refused(codes::SWITCH_HANGS, doing, message), "see what holds it up, or restart Open vSwitch")
}

/// A port that the switch could not make.
pub(crate) fn not_opened(port: &str, why: &str) -> HostError {
    let error = refused(codes::NOT_OPENED, format!("open port {port} of Open vSwitch"), why);
    hinted(error, "look for its device (`ip link`), or into the log of `ovs-vswitchd`, then run apply again")
}

/// Something that a change is about has gone since it was seen.
pub(super) fn vanished(key: &OvsKey) -> HostError {
    let error = refused(codes::REFUSED, format!("change {key}"), "it is not there any more");
    hinted(error, AGAIN)
}

/// A complaint of `ovs-vsctl`, which then has changed nothing.
pub(super) fn of_vsctl(doing: &str, complaint: &str) -> HostError {
    let said = last_words(complaint, "ovs-vsctl: ");
    let (code, hint) = class(&said);
    let error = refused(code, doing, said);
    match hint {
        Some(hint) => hinted(error, hint),
        None => error,
    }
}

/// Texts of ovs-vsctl.c, db-ctl-base.c, ovsdb-data.c and ovsdb-idl.c, with LC_ALL=C.
fn class(said: &str) -> (u16, Option<&'static str>) {
    let has = |text: &str| said.contains(text);
    if has("database connection failed") {
        return match () {
            () if has("Permission denied") => (codes::DENIED, Some(RIGHTS_OF_SOCKET)),
            () => (codes::NOT_RUNNING, Some(START)),
        };
    }
    if has("does not contain a column") || has("\"unknown column\"") || has("unknown table") {
        return (codes::SCHEMA, Some(NEWER));
    }
    if has("already exists") {
        return (codes::TAKEN, Some("look at who made it (`ovs-vsctl show`), then run apply again"));
    }
    if has("no row \"") || has("no bridge named") || has("no port named") || has("referential integrity violation") {
        return (codes::REFUSED, Some(AGAIN));
    }
    (codes::REFUSED, None)
}

/// A complaint of `ovs-dpctl`.
pub(super) fn of_dpctl(doing: &str, complaint: &str) -> HostError {
    let said = last_words(complaint, "ovs-dpctl: ");
    match said.contains("Operation not permitted") {
        true => hinted(refused(codes::DENIED, doing, said), RIGHTS),
        false => refused(codes::REFUSED, doing, said),
    }
}

/// A complaint of `ovs-ofctl`.
pub(super) fn of_ofctl(doing: &str, complaint: &str) -> HostError {
    let said = last_words(complaint, "ovs-ofctl: ");
    let not_there =
        ["is not a bridge or a socket", "failed to connect to socket", "(Connection refused)", "No such file"];
    let too_old = ["version negotiation failed", "switch does not support any of the usable", "bundles need OpenFlow"];
    if too_old.iter().any(|t| complaint.contains(t)) {
        let error = refused(codes::FLOWS, doing, "the bridge's protocols are too old for these flows");
        return hinted(error, "add OpenFlow13 or OpenFlow14 to the bridge's `protocols`, or leave them out");
    }
    if said.contains("Permission denied") {
        return hinted(refused(codes::DENIED, doing, said), RIGHTS);
    }
    if not_there.iter().any(|t| said.contains(t)) {
        return not_running(doing, said);
    }
    refused(codes::FLOWS, doing, said)
}

/// The lines of a complaint that the program itself wrote, without its name and the log's lines.
fn last_words(complaint: &str, program: &str) -> String {
    let own: Vec<&str> = complaint.lines().filter_map(|l| l.strip_prefix(program)).collect();
    let lines = if own.is_empty() { complaint.lines().collect() } else { own };
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(complaint: &str, code: u16, message: &str) {
        let error = of_vsctl("change Open vSwitch", complaint);
        assert_eq!((error.code, &*error.message), (code, message));
    }

    #[test]
    fn a_complaint_is_told_without_the_programs_name_and_by_its_kind() {
        check(
            "ovs-vsctl: unix:/x: database connection failed (No such file or directory)\n",
            codes::NOT_RUNNING,
            "unix:/x: database connection failed (No such file or directory)",
        );
        check(
            "ovs-vsctl: unix:/x: database connection failed (Permission denied)\n",
            codes::DENIED,
            "unix:/x: database connection failed (Permission denied)",
        );
        check(
            "ovs-vsctl: Bridge does not contain a column whose name matches \"nosuch\"\n",
            codes::SCHEMA,
            "Bridge does not contain a column whose name matches \"nosuch\"",
        );
        check(
            "ovs-vsctl: cannot create a bridge named br0 because a bridge named br0 already exists\n",
            codes::TAKEN,
            "cannot create a bridge named br0 because a bridge named br0 already exists",
        );
        check(
            "2026-01-01T00:00:00Z|00001|x|WARN|y\novs-vsctl: constraint violation: 5000 is not in the valid range\n",
            codes::REFUSED,
            "constraint violation: 5000 is not in the valid range",
        );
    }
}
