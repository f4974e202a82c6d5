//! Flows: put into a bridge all at once, and read back in a form that changes only when they do.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use netsim_core::names::stable_hash;

use super::call::{self, Ended};
use super::{Ovs, PAUSE, codes, errors};
use crate::backend::HostError;
use crate::crash;
use crate::failure::{self, failed_io};

/// Whatever the bridge's `protocols` are, one of these is among them; bundles need 1.3 at least (ovs-ofctl(8)).
const VERSIONS: &str = "--protocols=OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15";

/// How long a switch that has just been started may take until its bridges answer.
const STARTING: Duration = Duration::from_secs(3);

impl Ovs {
    /// Makes these flows, as ovs-ofctl(8) writes them, one a line, the only ones of a bridge: all at once or, on an error, not at all.
    pub fn replace_flows(&self, bridge: &str, flows: &str) -> Result<(), HostError> {
        let doing = format!("set the flows of {bridge}");
        let command = ["--bundle", "replace-flows", &self.management(bridge), "-"].map(OsString::from);
        crash::point();
        self.ofctl(&doing, &command, Some(flows)).map(drop)
    }

    /// The flows of a bridge, one a line, sorted, without counters and times: the same until somebody changes them. A port in them is called by its name,
    /// or by its number where no port has that: then it is not the port that it was. Empty again when the switch has been
    /// started anew, but for the one that `standalone` bridges have by default.
    pub fn flows(&self, bridge: &str) -> Result<Vec<String>, HostError> {
        let doing = format!("read the flows of {bridge}");
        let command = ["--no-stats", "--names", "dump-flows", &self.management(bridge)].map(OsString::from);
        Ok(canonical(&self.ofctl(&doing, &command, None)?))
    }

    /// Lets the switch look anew at what it does with packets that are under way: a mirror that comes, goes or changes it heeds for new flows only.
    pub fn purge(&self) -> Result<(), HostError> {
        let doing = "let Open vSwitch look at its flows anew";
        let name = self.folder.join("ovs-vswitchd.pid");
        let pid = std::fs::read_to_string(&name)
            .map_err(|e| failed_io(failure::codes::RUN, format!("{doing}: read {}", name.display()), &e))?;
        let control = self.folder.join(format!("ovs-vswitchd.{}.ctl", pid.trim()));
        let mut target = OsString::from("--target=");
        target.push(control);
        crash::point();
        match call::run(doing, "ovs-appctl", &[target, "revalidator/purge".into()], None, self.patience)? {
            Ended::Well(_) => Ok(()),
            Ended::Badly(complaint) => Err(errors::of_ofctl(doing, &complaint)),
            Ended::TimedOut => Err(errors::no_flows_in_time(doing, self.patience)),
        }
    }

    /// The socket that the switch has for a bridge.
    fn management(&self, bridge: &str) -> String {
        format!("unix:{}", self.folder.join(format!("{bridge}.mgmt")).display())
    }

    fn ofctl(&self, doing: &str, command: &[OsString], input: Option<&str>) -> Result<String, HostError> {
        let arguments: Vec<OsString> = std::iter::once(OsString::from(VERSIONS)).chain(command.to_vec()).collect();
        let begun = Instant::now();
        loop {
            let error = match call::run(doing, "ovs-ofctl", &arguments, input, self.patience)? {
                Ended::Well(output) => return Ok(output),
                Ended::Badly(complaint) => errors::of_ofctl(doing, &complaint),
                Ended::TimedOut => errors::no_flows_in_time(doing, self.patience),
            };
            let may_come = error.code == codes::NOT_RUNNING && begun.elapsed() < STARTING;
            if !may_come || !self.switch_runs()? {
                return Err(error);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// A number that stands for flows as they are read back, or for any other lines.
pub fn digest(lines: &[String]) -> u64 {
    stable_hash(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn canonical(output: &str) -> Vec<String> {
    let flow = |line: &&str| line.contains("actions=");
    let mut flows: Vec<String> = output.lines().filter(flow).map(|line| line.trim().to_owned()).collect();
    flows.sort();
    flows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_read_back_sorted_and_without_headings() {
        let output = "NXST_FLOW reply (xid=0x4):\n priority=5,tcp actions=output:1\n cookie=0x7, actions=NORMAL\n";
        assert_eq!(canonical(output), ["cookie=0x7, actions=NORMAL", "priority=5,tcp actions=output:1"]);
    }
}
