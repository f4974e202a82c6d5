//! A process that does something for a test, killed at every point of it.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use netsim_core::state::{HostState, Observed};

/// Says to a test what to do, and that it does it for another.
const ERRAND: &str = "NETSIM_TEST_ERRAND";

/// The test that does errands.
const SELF: &str = "killed::what_another_test_has_it_do";

/// To make all of it.
pub const MAKE: &str = "make";

/// To take all of it away.
pub const TAKE_AWAY: &str = "take away";

/// What this process was started to bring about, where all of it is `whole`; none where it was started for something else.
pub fn errand(whole: impl FnOnce() -> HostState) -> Option<HostState> {
    match std::env::var(ERRAND).as_deref() {
        Ok(MAKE) => Some(whole()),
        Ok(TAKE_AWAY) => Some(HostState::default()),
        Ok(_) | Err(_) => None,
    }
}

/// A process of its own that does this.
pub fn sent(errand: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test has a path"));
    command.args([SELF, "--exact", "--ignored", "--nocapture", "--test-threads=1"]).env(ERRAND, errand);
    command
}

/// Has it done by a process that is killed at its n-th point; false if it came to its end before.
fn killed_at(point: u32, errand: &str) -> bool {
    let output = sent(errand).env("NETSIM_CRASH_AT", point.to_string()).output().expect("it starts");
    if output.status.signal() == Some(9) {
        return true;
    }
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "not killed at {point}, and failed:\n{told}{complaints}");
    false
}

/// What errands are about.
pub struct Work<'w> {
    /// All of it.
    pub whole: HostState,
    /// Makes a state so, whatever there is.
    pub go_to: &'w dyn Fn(&HostState),
    pub observe: fn(&HostState) -> Observed,
    /// Fails the test unless the machine is as before the test.
    pub nothing_is_left: &'w dyn Fn(),
}

impl Work<'_> {
    /// Kills who does this, at every point of it; from each state it goes on to the whole, or to nothing. More states than `least` are seen.
    pub fn goes_on_or_away(&self, errand: &str, before: &HostState, least: usize) {
        let mut states: Vec<HostState> = Vec::new();
        let mut point = 1;
        loop {
            (self.go_to)(before);
            if !killed_at(point, errand) {
                break;
            }
            let seen = (self.observe)(&self.whole).ours;
            if !states.contains(&seen) {
                states.push(seen);
            }
            (self.go_to)(&self.whole);
            (self.go_to)(before);
            assert!(killed_at(point, errand), "point {point} came the first time");
            self.goes();
            point += 1;
        }
        eprintln!("killed at {} points to {errand}: {} distinct states", point - 1, states.len());
        assert!(states.len() > least, "only {} distinct states", states.len());
        self.goes();
    }

    fn goes(&self) {
        (self.go_to)(&HostState::default());
        (self.nothing_is_left)();
    }
}
