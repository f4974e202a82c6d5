//! A client of a running Open vSwitch, by way of its own programs `ovs-vsctl` and `ovs-ofctl`.
//!
//! What Open vSwitch does, as tried on 3.1 with both datapaths (`crates/host/tests/ovs`); who plans for it relies on it:
//!
//! - A bridge that is deleted takes its ports, interfaces, mirrors and controllers along; QoS and Queue rows stay until they are destroyed. A port that is
//!   deleted is taken out of every mirror's selection and output; the mirror stays, with what is left.
//! - A port's name is unique in the whole database, a mirror's and a controller's is not: only their row says whose they are.
//! - The row of a port stays when its device goes. Under the kernel's datapath `error` then says so and `ofport` is -1; under the userspace datapath both stay
//!   as they were and only `ifindex` is 0. When the device is back it is a port again by itself, under the kernel's datapath with another `ofport`.
//! - A port's device has the master `ovs-system` under the kernel's datapath, and none under the userspace datapath, which puts it into promiscuous mode.
//! - Everything but names changes in place and leaves `ofport` as it is. But a mirror that comes, goes or changes leaves the flows that are
//!   under way in the datapath as they are, copies and all, until those expire or are purged; another `fail_mode`, and controllers that come or go, empty the bridge of its flows; another
//!   `datapath_type` remakes it with devices, flows and all, and where that cannot be opened the rows go on to show what was before: better a bridge made anew.
//! - A kind of QoS that there is not, an egress policer, policing that the kernel has no classifier for, an option that nobody reads: taken without a word.
//! - A row is there at once, with its `external_ids`; its device when `ovs-vswitchd` has done its part: `cur_cfg` has come up to `next_cfg`.
//! - Half a pair of patch ports has an `error` until the other half is there; it has no device.
//! - A bridge's local port and internal ports are devices in the network namespace of `ovs-vswitchd`: taps under the userspace datapath, which `RTM_DELLINK`
//!   deletes, and devices that only `ovs-vswitchd` or `ovs-dpctl del-if` deletes under the kernel's. They can be moved to another namespace, and go from there with their row.
//!   Under the kernel's datapath one that is renamed is lost to its bridge.
//! - Flows are not in the database: they are gone when `ovs-vswitchd` has been started anew, which adds one that makes a `standalone` bridge a plain switch.
//! - A database that is wiped under a running `ovs-vswitchd` empties that. What was deleted while none ran keeps its devices: taps for good, those of the kernel's
//!   datapath until a bridge of that is made.
//! - Deleting a port takes 13 ms under the userspace datapath, in whatever order and with whatever else (a packet socket is closed), and 2 ms under the kernel's.
//! - Through the userspace datapath no TCP passes unless both of its ends fill in their checksums themselves (`ethtool -K eth0 tx off` in the nodes).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::backend::HostError;
use crate::crash;

mod call;
mod changes;
mod errors;
mod find;
mod flows;
mod json;
mod marks;
mod quote;
mod rows;
mod state;
mod transaction;
mod tunnels;

use call::Ended;
pub use changes::script;
pub(crate) use changes::{Removal, building, is_of_ovs, note_flows, removal};
pub use errors::codes;
pub(crate) use errors::{hint_elsewhere, not_opened};
pub use flows::digest;
pub use rows::{
    BridgeRow, ControllerRow, InterfaceRow, Map, MirrorRow, PortRow, QosRow, QueueRow, Rows, SwitchRow, Uuid,
};
pub(crate) use state::{add, labs, switched, unopened};
pub use transaction::{Op, Row, Setting, Table, Transaction, Value};

/// How long a call may take, and a second for each so many changes on top: a port of the userspace datapath takes 13 ms to delete, several times that on a
/// machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);
const CHANGES_A_SECOND: usize = 20;

/// The one datapath that `ovs-vswitchd` has in a kernel, for all bridges (`ovs-dpctl show`).
const DATAPATH: &str = "system@ovs-system";

const LOOKING: &str = "look at Open vSwitch";
const CHANGING: &str = "change Open vSwitch";

/// How long a switch may be away from its database.
const RETURNING: Duration = Duration::from_secs(3);

/// How long to wait before the switch is asked again how far it is.
const PAUSE: Duration = Duration::from_millis(50);

/// A running Open vSwitch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ovs {
    database: String,
    folder: PathBuf,
    patience: Duration,
}

impl Ovs {
    /// The one at this database (`unix:PATH`, a path, `tcp:ADDRESS:PORT`), else the one that `OVS_RUNDIR` leads to, else one at the usual places.
    pub fn find(database: Option<&str>) -> Result<Ovs, HostError> {
        let run_dir = std::env::var_os("OVS_RUNDIR").filter(|v| !v.is_empty()).map(PathBuf::from);
        let found = find::find(database, run_dir.as_deref(), &find::USUAL)?;
        Ok(Ovs { database: found.database, folder: found.folder, patience: PATIENCE })
    }

    /// The same, with so much patience; whole seconds, one at least.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Ovs {
        Ovs { patience, ..self }
    }

    /// How long a call may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Everything that stands in the database, at one moment.
    pub fn rows(&self) -> Result<Rows, HostError> {
        let output = self.ask(LOOKING, rows::question())?;
        rows::answer(&output).map_err(|e| errors::schema(LOOKING, format!("what it says cannot be read: {e}")))
    }

    /// Waits until a switch is there that has done all that the database asks for, and looks whether the database has all columns: what is
    /// to be called before anything is touched.
    pub fn ready(&self) -> Result<(), HostError> {
        self.catches_up(LOOKING, self.patience)?;
        self.attends()
    }

    /// Everything that stands in the database of a switch that is [`Ovs::ready`], or becomes so within so long.
    pub fn rows_when_ready(&self, within: Duration) -> Result<Rows, HostError> {
        // At the same time: most of it is waiting for other processes.
        let (rows, attends) = std::thread::scope(|scope| {
            let attends = scope.spawn(|| self.attends());
            (self.rows(), attends.join().expect("asking does not panic"))
        });
        let rows = rows?;
        attends?;
        if rows.switch.current >= rows.switch.wanted {
            return Ok(rows);
        }
        self.catches_up(LOOKING, within)?;
        self.rows()
    }

    /// Waits until the switch has made a change true that changes nothing, for one that hangs and one that has nothing to do look alike.
    pub fn knock(&self) -> Result<(), HostError> {
        // A row that nothing refers to is not kept.
        let settings = vec![Setting::of("target", Value::text("netsim"))];
        let mut nothing = Transaction::default();
        nothing.step([Op::Create { id: "nobody".into(), table: Table::Controller, settings }]);
        self.commit(&nothing)
    }

    /// Whether a switch is at work that has done, or does within so long, what the database asks for.
    pub fn hears(&self, within: Duration) -> bool {
        let asked = self.clone().with_patience(within);
        asked.switch_runs().unwrap_or(false) && asked.catches_up(LOOKING, within).is_ok()
    }

    /// Looks that a switch is at work, and that its database has all columns. `ovs-vsctl` reads a column that an older database lacks as empty, and refuses
    /// only to set it.
    fn attends(&self) -> Result<(), HostError> {
        let begun = Instant::now();
        while !self.switch_runs()? {
            // One whose database has been started anew comes back to it by itself (lib/reconnect.c: after a second, at first).
            if begun.elapsed() < self.patience.min(RETURNING) {
                std::thread::sleep(PAUSE);
                continue;
            }
            return Err(errors::not_running(LOOKING, "its database is there, but no `ovs-vswitchd` runs"));
        }
        let question = ["get-schema", &self.database, "Open_vSwitch"].map(OsString::from);
        let schema = match call::run(LOOKING, "ovsdb-client", &question, None, self.patience)? {
            Ended::Well(schema) => schema,
            Ended::Badly(complaint) => return Err(errors::of_vsctl(LOOKING, &complaint)),
            Ended::TimedOut => return Err(errors::database_hangs(LOOKING, self.patience)),
        };
        match rows::lacks(&schema) {
            Ok(None) => Ok(()),
            Ok(Some(missing)) => Err(errors::schema(LOOKING, format!("its database lacks {missing}"))),
            Err(why) => Err(errors::schema(LOOKING, format!("its database's schema cannot be read: {why}"))),
        }
    }

    /// Whether a switch is at work on the database: it holds this lock as long as it lives (`bridge_init`, vswitchd/bridge.c).
    fn switch_runs(&self) -> Result<bool, HostError> {
        let question = ["lock", &self.database, "ovs_vswitchd"].map(OsString::from);
        let answer = call::first_answer(LOOKING, "ovsdb-client", &question, self.patience)?;
        Ok(!answer.contains("\"locked\":true"))
    }

    /// Makes all changes, and waits until the switch has made them true. An error says that nothing was changed; but with [`codes::DATABASE_HANGS`] that is not known,
    /// and with [`codes::SWITCH_HANGS`] the change stands in the database, and comes true when the switch goes on.
    ///
    /// What the switch itself could not do it says afterwards only: see [`Rows::unopened`].
    pub fn commit(&self, changes: &Transaction) -> Result<(), HostError> {
        let mut calls = changes.calls(call::room_for_arguments());
        let last = calls.pop();
        for call in calls {
            self.change(CHANGING, Some("--no-wait"), call, changes.len())?;
        }
        match last {
            Some(call) => self.change(CHANGING, None, call, changes.len()),
            None => Ok(()),
        }
    }

    /// Makes all changes in the database and does not wait for the switch: for deletions while it hangs or does not run.
    pub fn commit_unheard(&self, changes: &Transaction) -> Result<(), HostError> {
        for call in changes.calls(call::room_for_arguments()) {
            self.change(CHANGING, Some("--no-wait"), call, changes.len())?;
        }
        Ok(())
    }

    fn change(&self, doing: &str, option: Option<&str>, call: Vec<OsString>, changes: usize) -> Result<(), HostError> {
        let seconds = u64::try_from(changes / CHANGES_A_SECOND).unwrap_or(u64::MAX);
        let patience = self.patience.saturating_add(Duration::from_secs(seconds));
        let arguments: Vec<OsString> = option.map(OsString::from).into_iter().chain(call).collect();
        crash::point();
        match self.vsctl(doing, arguments, patience)? {
            Ended::Well(_) => Ok(()),
            Ended::Badly(complaint) => Err(errors::of_vsctl(doing, &complaint)),
            Ended::TimedOut => Err(self.why_so_long(doing, patience)),
        }
    }

    /// Which of the two daemons it is that a change waited for in vain.
    fn why_so_long(&self, doing: &str, patience: Duration) -> HostError {
        match self.progress(doing) {
            Ok((current, wanted)) if current < wanted => errors::switch_hangs(doing, patience, current, wanted),
            Ok(_) => errors::database_hangs(doing, patience),
            Err(error) => error,
        }
    }

    /// Waits so long at most until the switch has done what the database asks for.
    fn catches_up(&self, doing: &str, within: Duration) -> Result<(), HostError> {
        let begun = Instant::now();
        loop {
            let (current, wanted) = self.progress(doing)?;
            if current >= wanted {
                return Ok(());
            }
            if begun.elapsed() >= within {
                return Err(errors::switch_hangs(doing, within, current, wanted));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The configuration that the switch has made true, and the one that is asked for.
    fn progress(&self, doing: &str) -> Result<(i64, i64), HostError> {
        let question = ["--", "get", "Open_vSwitch", ".", "cur_cfg", "next_cfg"].map(OsString::from);
        let output = self.ask(doing, question.to_vec())?;
        let numbers: Vec<i64> = output.lines().filter_map(|line| line.trim().parse().ok()).collect();
        match numbers[..] {
            [current, wanted] => Ok((current, wanted)),
            _ => Err(errors::schema(doing, format!("two numbers expected, and it says: {output}"))),
        }
    }

    fn ask(&self, doing: &str, question: Vec<OsString>) -> Result<String, HostError> {
        let arguments = std::iter::once(OsString::from("--no-wait")).chain(question).collect();
        match self.vsctl(doing, arguments, self.patience)? {
            Ended::Well(output) => Ok(output),
            Ended::Badly(complaint) => Err(errors::of_vsctl(doing, &complaint)),
            Ended::TimedOut => Err(errors::database_hangs(doing, self.patience)),
        }
    }

    fn vsctl(&self, doing: &str, arguments: Vec<OsString>, patience: Duration) -> Result<Ended, HostError> {
        let head = [format!("--db={}", self.database), "--no-syslog".to_owned()].map(OsString::from);
        let arguments: Vec<OsString> = head.into_iter().chain(arguments).collect();
        call::run(doing, "ovs-vsctl", &arguments, None, patience)
    }
}

/// Takes a device out of the kernel's datapath, and so away, that no row stands for any more: the switch does not know it, and the kernel deletes none.
pub(crate) fn drop_device(name: &str) -> Result<(), HostError> {
    let doing = format!("delete device {name} of Open vSwitch's datapath");
    crash::point();
    match call::run(&doing, "ovs-dpctl", &["del-if", DATAPATH, name].map(OsString::from), None, PATIENCE)? {
        Ended::Well(_) => Ok(()),
        // The device is gone by now, or the datapath with all that was in it.
        Ended::Badly(complaint) if complaint.contains("No such device") => Ok(()),
        Ended::Badly(complaint) => Err(errors::of_dpctl(&doing, &complaint)),
        Ended::TimedOut => Err(errors::of_dpctl(&doing, "no answer in time")),
    }
}

impl Rows {
    /// What the switch could not make a port, with the reason. To be asked when the switch has caught up with the database.
    pub fn unopened(&self) -> impl Iterator<Item = (&InterfaceRow, &str)> {
        self.interfaces.iter().filter_map(|row| Some((row, row.fault()?)))
    }
}

impl InterfaceRow {
    /// An error if the switch could not make it a port.
    pub fn opened(&self) -> Result<(), HostError> {
        self.fault().map_or(Ok(()), |why| Err(not_opened(&self.name, why)))
    }

    /// Why it is no port of the switch; none if it is one.
    pub fn fault(&self) -> Option<&str> {
        let of_a_device = matches!(&*self.kind, "" | "system");
        match (&self.error, self.ofport, self.ifindex) {
            (Some(error), _, _) => Some(error),
            (None, Some(-1) | None, _) => Some("the switch has not made it a port; its log says why"),
            (None, Some(_), Some(0)) if of_a_device => Some("its device is gone"),
            (None, Some(_), _) => None,
        }
    }
}
