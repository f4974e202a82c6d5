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
}

impl SimHost {
    /// The kernel that is kept in this file; one after boot while there is none.
    pub fn new(file: PathBuf) -> Self {
        SimHost { file }
    }

    /// Looks at the kernel, and keeps what was done to it.
    pub fn with<T>(&self, work: impl FnOnce(&mut Sim) -> T) -> Result<T, HostError> {
        let _held = self.lock()?;
        let (mut sim, text) = self.load()?;
        let result = work(&mut sim);
        let now = serde_json::to_vec(&sim).expect("a kernel has text for keys and writes without I/O");
        if now != text {
            self.save(&now).map_err(|e| failed_io(codes::SIM_FILE, self.doing("write"), &e))?;
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
        self.with(|sim| sim.observe(scope))
    }

    async fn apply(&self, scope: &Scope, actions: &[Action], progress: &Progress) -> Result<Observed, StepError> {
        let result = self.with(|sim| {
            for (i, action) in actions.iter().enumerate() {
                if progress.stopped() {
                    return Err(StepError::Interrupted);
                }
                sim.do_one(&scope.lab, action).map_err(|e| {
                    let errno = Some(e.errno.number());
                    let error = HostError { code: codes::SIM, doing: doing(action), message: e.to_string(), errno, hint: None };
                    StepError::Failed { action: Some(i), error }
                })?;
                progress.add(1);
            }
            sim.settle();
            Ok(sim.observe(scope))
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
