//! What is stored of labs where netsim runs, read before any host is reached.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use netsim_core::names::LabName;
use netsim_host::lock::{self, LabLock};
use netsim_host::rootless;
use netsim_host::store::{self, Applied};

use crate::args::{BackendChoice, Global};
use crate::error::{Failure, codes};
use crate::hosts::{mode, sim_file};

/// Two places: one for the labs of this machine alone, and one for those with other hosts, which outlive a reboot of this one.
#[derive(Debug, Clone)]
pub struct Stores {
    far: Option<PathBuf>,
    near: Option<PathBuf>,
}

impl Stores {
    /// The places that the command line and the environment mean.
    pub fn of(global: &Global) -> Result<Self, Failure> {
        Ok(match global.backend {
            BackendChoice::Linux => Stores {
                far: state_folder().map(|folder| folder.join("labs")),
                near: rootless::state_from_outside(mode(global)),
            },
            BackendChoice::Sim => {
                let file = sim_file(global)?;
                Stores { far: Some(file.with_extension("far")), near: Some(file.with_extension("labs")) }
            }
        })
    }

    /// The labs that something is stored of.
    pub fn labs(&self) -> Result<BTreeSet<LabName>, Failure> {
        let mut labs = BTreeSet::new();
        for folder in self.folders() {
            labs.extend(store::labs(folder)?);
        }
        Ok(labs)
    }

    /// The labs with other hosts than this machine.
    pub fn far_labs(&self) -> Result<Vec<LabName>, Failure> {
        Ok(self.far.as_deref().map(store::labs).transpose()?.unwrap_or_default())
    }

    /// What was applied of a lab, if anything is stored.
    pub fn applied(&self, lab: &LabName) -> Result<Option<Applied>, Failure> {
        for folder in self.folders() {
            if let Some(applied) = store::load(folder, lab)? {
                return Ok(Some(applied));
            }
        }
        Ok(None)
    }

    /// The lock of what is stored here of a lab with other hosts.
    pub fn lock_far(&self, lab: &LabName, waiting: &mut dyn FnMut(Option<u32>)) -> Result<LabLock, Failure> {
        let Some(far) = &self.far else {
            let message = "there is no HOME to keep account of labs on other hosts in";
            return Err(Failure::hinted(codes::FILE, message, "set HOME or XDG_STATE_HOME"));
        };
        std::fs::create_dir_all(far).map_err(|e| Failure::file("make", far, &e))?;
        Ok(LabLock::take(far, lab, waiting)?)
    }

    /// The same, unless somebody else has it, or it cannot be had.
    pub fn try_lock_far(&self, lab: &LabName) -> Option<LabLock> {
        LabLock::try_take(self.far.as_deref()?, lab).ok()?.ok()
    }

    /// Removes what killed processes have left here of labs with other hosts, of which nothing is stored.
    pub fn sweep_far(&self) {
        self.far.iter().for_each(|far| lock::sweep(far));
    }

    /// When what is stored here of a lab with other hosts was written.
    pub fn written_far(&self, lab: &LabName) -> Option<SystemTime> {
        std::fs::metadata(store::path(self.far.as_deref()?, lab)).ok()?.modified().ok()
    }

    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.far.iter().chain(&self.near)
    }
}

/// Where this user's programs keep what outlives a reboot.
pub fn state_folder() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state"));
    Some(state.or_else(home)?.join("netsim"))
}
