//! The first line of a stream: whether an agent speaks, and whether it is one that is understood.

use serde::Deserialize;

use super::trouble::{Ending, explained};
use crate::agent::PROTOCOL;
use crate::agent::messages::{First, Hello};
use crate::backend::HostError;
use crate::failure::{codes, hinted, refused};
use crate::wire::Broken;

/// What an agent has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// This very program: the SHA-256 of its file.
    Build(String),
    /// Of the same version.
    Version,
}

/// The one part of a first line that every version has.
#[derive(Deserialize)]
struct AnyFirst {
    #[serde(rename = "netsim-agent")]
    agent: AnyHello,
}

#[derive(Deserialize)]
struct AnyHello {
    protocol: u32,
}

/// Reads an agent's first line, and gives the machine that it works on; fails unless it is one to work with.
pub(crate) fn greeted(line: &[u8], expected: &Expected) -> Result<Option<String>, HostError> {
    let AnyFirst { agent: AnyHello { protocol } } = serde_json::from_slice(line).map_err(|_| strange(line))?;
    if protocol != PROTOCOL {
        return Err(other(format!("it speaks version {protocol} of the agent's language, this netsim {PROTOCOL}")));
    }
    let First::NetsimAgent(hello) = serde_json::from_slice(line).map_err(|_| strange(line))?;
    let Hello { version, build, machine, refused: why, .. } = hello;
    match expected {
        Expected::Build(wanted) if build != *wanted => {
            return Err(other(format!("its program is not a copy of this one: its SHA-256 is {}…", shortened(&build))));
        }
        Expected::Version if version != VERSION => {
            return Err(other(format!("it is netsim {}, this one is {VERSION}", shortened(&version))));
        }
        Expected::Build(_) | Expected::Version => {}
    }
    match why {
        None => Ok(machine),
        Some(error) if error.code == codes::RIGHTS => {
            let hint = "log in as root, or give the host `sudo: true`";
            Err(HostError { code: codes::HOST_RIGHTS, hint: Some(hint.to_owned()), ..error })
        }
        Some(error) => Err(error),
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// That an agent is one of another version.
fn other(message: String) -> HostError {
    let hint = "leave `--agent` out, so that this netsim copies itself there, or install the same version";
    hinted(refused(codes::AGENT_VERSION, "talk to the agent", message), hint)
}

/// That what was said is not an agent's first line.
fn strange(line: &[u8]) -> HostError {
    explained(&Broken::garbage(line), &Ending::Unknown)
}

fn shortened(text: &str) -> String {
    text.chars().take(16).collect()
}
