//! The kernel in memory as a backend, kept in a file between one command and the next.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use netsim_core::plan::Action;
use netsim_core::sim::Sim;
use netsim_core::state::{Observed, Scope};

use crate::backend::{Backend, HostError, Progress, StepError};
use crate::failure::{codes, failed, failed_io, hinted, refused};
use crate::file_lock::{self, Kind, Patience};

/// A kernel in memory and the file that it is kept in.
#[derive(Debug, Clone)]
pub struct SimHost {
    file: PathBuf,
    /// Which of several machines it is, from 1.
    number: u8,
}

impl SimHost {
    /// The kernel that is kept in this file; one after boot while there is none.
    pub fn new(file: PathBuf) -> Self {
        SimHost { file, number: 1 }
    }

    /// The same as the n-th of several machines: as such it has its address in the underlay.
    #[must_use]
    pub fn numbered(self, number: u8) -> Self {
        SimHost { number, ..self }
    }

    /// Looks at the kernel, and keeps what was done to it.
    pub fn with<T>(&self, work: impl FnOnce(&mut Sim) -> T) -> Result<T, HostError> {
        let _held = self.lock()?;
        let (mut sim, text) = self.load()?;
        let result = work(&mut sim);
        let now = serde_json::to_vec(&sim).expect("a kernel has text for keys and writes without I/O");
        if now != text {
            // A machine with nothing on it needs no file.
            let kept = if sim == Sim::default() { self.remove() } else { self.save(&now) };
            kept.map_err(|e| failed_io(codes::SIM_FILE, self.doing("write"), &e))?;
        }
        Ok(result)
    }

    fn doing(&self, verb: &str) -> String {
        format!("{verb} the simulator's file {}", self.file.display())
    }

    fn folder(&self) -> &Path {
        self.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// A lock on the file's directory: it leaves nothing behind.
    fn lock(&self) -> Result<File, HostError> {
        let folder = File::open(self.folder()).map_err(|e| failed_io(codes::SIM_FILE, self.doing("lock"), &e))?;
        file_lock::lock(&folder, Kind::Exclusive, Patience::Endless)
            .map_err(|errno| failed(codes::SIM_FILE, self.doing("lock"), errno))?;
        Ok(folder)
    }

    fn load(&self) -> Result<(Sim, Vec<u8>), HostError> {
        let text = match fs::read(&self.file) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Sim::default(), Vec::new())),
            Err(e) => return Err(failed_io(codes::SIM_FILE, self.doing("read"), &e)),
        };
        let sim = serde_json::from_slice(&text).map_err(|e| {
            let error = refused(codes::SIM_FILE, self.doing("read"), e.to_string());
            hinted(error, "remove it to start with an empty machine")
        })?;
        Ok((sim, text))
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whole or not at all.
    fn save(&self, text: &[u8]) -> io::Result<()> {
        let new = self.file.with_extension("new");
        let written = File::create(&new).and_then(|mut f| f.write_all(text));
        written.and_then(|()| fs::rename(&new, &self.file)).inspect_err(|_| {
            let _ = fs::remove_file(&new);
        })
    }
}

impl Backend for SimHost {
    async fn observe(&self, scope: &Scope) -> Result<Observed, HostError> {
        self.with(|sim| sim.observe_nth(scope, self.number))
    }

    async fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let result = self.with(|sim| {
            for (i, action) in actions.iter().enumerate() {
                if progress.stopped() {
                    return Err(StepError::Interrupted);
                }
                sim.do_one(&scope.lab, action).map_err(|e| {
                    let errno = Some(e.errno.number());
                    let error =
                        HostError { code: codes::SIM, doing: doing(action), message: e.to_string(), errno, hint: None };
                    StepError::Failed { action: Some(i), error }
                })?;
                progress.add(1);
            }
            sim.settle();
            Ok(sim.observe_nth(scope, self.number))
        });
        result.map_err(|error| StepError::Failed { action: None, error })?
    }
}

fn doing(action: &Action) -> String {
    match action {
        Action::Create(r) => format!("create {}", r.key()),
        Action::Update { to, .. } => format!("change {}", to.key()),
        Action::Delete(r) => format!("delete {}", r.key()),
        Action::Borrow(loan) => format!("borrow {}", loan.set.key()),
        Action::GiveBack(loan) => format!("give back {}", loan.set.key()),
    }
}

#[cfg(test)]
mod tests {
    use netsim_core::names::{LabName, NetnsName, NodeName};
    use netsim_core::resource::{Netns, Resource};

    use super::*;
    use crate::store::tests::Temporary;

    fn netns(name: &str) -> Resource {
        let node = NodeName::new(name).expect("valid");
        Resource::Netns(Netns::new(NetnsName::new(name).expect("valid"), node))
    }

    fn apply(host: &SimHost, actions: &[Action]) -> Result<Observed, StepError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("there is room");
        let scope = Scope::lab(&LabName::new("a").expect("valid"));
        runtime.block_on(host.apply(&scope, actions, &Progress::default()))
    }

    #[test]
    fn a_kernel_is_kept_between_commands_and_its_file_goes_with_what_is_on_it() {
        let temporary = Temporary::new("sim");
        let file = temporary.0.join("sim.json");
        let seen = apply(&SimHost::new(file.clone()), &[Action::Create(netns("n1"))]).expect("allowed");
        assert_eq!(seen.ours, [netns("n1")].into_iter().collect());
        assert!(file.exists());
        let seen = apply(&SimHost::new(file.clone()), &[Action::Delete(netns("n1"))]).expect("allowed");
        assert!(seen.ours.is_empty());
        assert!(!file.exists());
    }

    #[test]
    fn what_was_done_before_a_failure_stays() {
        let temporary = Temporary::new("sim-failure");
        let host = SimHost::new(temporary.0.join("sim.json"));
        let twice = [Action::Create(netns("n1")), Action::Create(netns("n1"))];
        let Err(StepError::Failed { action: Some(1), error }) = apply(&host, &twice) else { panic!("it is there") };
        assert_eq!((error.doing.as_str(), error.errno), ("create network namespace n1", Some(libc::EEXIST)));
        let seen = apply(&host, &[]).expect("nothing to do");
        assert_eq!(seen.ours, [netns("n1")].into_iter().collect());
    }

    #[test]
    fn changes_at_once_are_all_kept() {
        let temporary = Temporary::new("sim-many");
        let host = SimHost::new(temporary.0.join("sim.json"));
        let names = || (0..8).map(|n| netns(&format!("n{n}")));
        std::thread::scope(|scope| {
            for netns in names() {
                let host = &host;
                scope.spawn(move || apply(host, &[Action::Create(netns)]).expect("allowed"));
            }
        });
        assert_eq!(apply(&host, &[]).expect("nothing to do").ours, names().collect());
    }

    #[test]
    fn a_file_that_is_no_kernel_is_told() {
        let temporary = Temporary::new("sim-bad");
        let host = SimHost::new(temporary.0.join("sim.json"));
        fs::write(&host.file, "{}").expect("there is room");
        assert_eq!(host.with(|_| ()).map_err(|e| e.code), Err(codes::SIM_FILE));
    }
}
