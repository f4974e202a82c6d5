//! What went wrong with an agent's stream, in words.

use netsim_core::names::HostId;

use crate::backend::HostError;
use crate::failure::{codes, failed, hinted, refused};
use crate::ovs;
use crate::ssh::{Ended, why};
use crate::wire::Broken;

/// What is known of how the stream's carrier ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing.
    Unknown,
    /// It was a process of ours.
    Process(Ended),
}

/// The error with the host that it is of, and what to do there.
pub(crate) fn on(host: &HostId, error: HostError) -> HostError {
    let hint = error.hint.map(|hint| ovs::hint_elsewhere(host, error.code, hint));
    HostError { doing: format!("{host}: {}", error.doing), hint, ..error }
}

/// The error that a broken stream is.
pub(crate) fn explained(broken: &Broken, ending: &Ending) -> HostError {
    const DOING: &str = "talk to the agent";
    match (broken, ending) {
        (Broken::Ended | Broken::Torn, Ending::Process(ended)) => why(ended),
        (Broken::Ended | Broken::Torn, Ending::Unknown) | (Broken::Told, _) => {
            hinted(refused(codes::LOST, DOING, broken.to_string()), AFTER_LOSS)
        }
        (Broken::Silent(_) | Broken::Slow, _) => hinted(refused(codes::SILENCE, DOING, broken.to_string()), AFTER_LOSS),
        (Broken::TooLong(_), _) => refused(codes::TOO_LARGE, DOING, broken.to_string()),
        (Broken::Garbage(_) | Broken::OutOfTurn, _) => {
            let hint = "see what `ssh HOST true` prints there: it must be nothing; a `~/.bashrc` may print only where `$-` has an `i`";
            hinted(refused(codes::GARBAGE, DOING, broken.to_string()), hint)
        }
        (Broken::System(errno), _) => failed(codes::LOST, DOING, *errno),
    }
}

/// The error that a stream is that broke after its agent had answered: however it ended, it was lost.
pub(super) fn lost(broken: &Broken, ending: &Ending) -> HostError {
    let error = explained(broken, ending);
    match broken {
        Broken::Ended | Broken::Torn if error.code != codes::SILENCE => {
            let HostError { message, .. } = error;
            hinted(refused(codes::LOST, "talk to the agent", message), AFTER_LOSS)
        }
        _ => error,
    }
}

/// What to do when an agent was lost.
pub(crate) const AFTER_LOSS: &str =
    "run the command again: the agent there brings back what was before, and what it could not is seen by its marks";
