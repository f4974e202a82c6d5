//! What runs on the other side before the agent does: one constant for a POSIX shell.

use super::{AgentPath, Database, Rights};
use crate::own::Own;

/// The script says so in a line of its own where the agent's program is not there, and then reads it.
pub(super) const ABSENT: &[u8] = b"netsim-agent absent";

/// Exit status: the program cannot be put there.
pub(super) const NOT_COPIED: i32 = 91;
/// Exit status: what was copied is not what was sent.
pub(super) const NOT_WHOLE: i32 = 92;
/// Exit status: there is no program at the given path.
pub(super) const NOT_THERE: i32 = 93;

/// Starts the agent from the private cache, after putting it there if need be. `HASH`, `SIZE` and `SUDO` stand for digits and a constant.
const COPIED: &str = r#"
umask 077
set -- $SSH_CONNECTION
top="$HOME/.cache/netsim"
dir="$top/HASH"
if [ ! -x "$dir/netsim" ]; then
  echo "netsim-agent absent"
  find "$top" -name "copy.*" -mmin +60 -exec rm -f {} + 2>/dev/null
  mkdir -p "$dir" && chmod 700 "$top" "$dir" && new=$(mktemp "$dir/copy.XXXXXX") || exit 91
  head -c SIZE >"$new" || { rm -f "$new"; exit 91; }
  sum=$(sha256sum <"$new") || { rm -f "$new"; exit 91; }
  [ "${sum%% *}" = HASH ] || { rm -f "$new"; exit 92; }
  chmod 700 "$new" && mv -f "$new" "$dir/netsim" || { rm -f "$new"; exit 91; }
fi
exec SUDO"$dir/netsim" "#;

/// Starts the agent at a given path.
const IN_PLACE: &str = r#"
set -- $SSH_CONNECTION
[ -x "PATH" ] || exit 93
exec SUDO"PATH" "#;

/// The command line that starts the program there with these words, which must be of letters, digits and `-`, for the Open vSwitch at this database.
///
/// The user's own shell there, whichever it is, sees one text in single quotes.
pub(super) fn command(program: Program<'_>, rights: Rights, words: &[&str], database: Option<&Database>) -> String {
    let plain = |w: &str| w.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    assert!(words.iter().all(|w| plain(w)), "a shell reads them");
    let script = match program {
        Program::Copied(own) => COPIED.replace("HASH", own.hash()).replace("SIZE", &own.size().to_string()),
        Program::At(path) => IN_PLACE.replace("PATH", path.as_str()),
    };
    let sudo = match rights {
        Rights::Own => "",
        Rights::Sudo => "sudo -n ",
    };
    // Of the connection's four words, those of sshd(8), the third is the address by which this machine was reached. sudo would keep them to itself.
    let database = database.map_or_else(String::new, |at| format!(" --db \"{}\"", at.as_str()));
    let script = script.replace("SUDO", sudo) + &words.join(" ") + &database + r#" ${3:+--reached "$3"}"#;
    format!("exec sh -c '{}'", script.trim_start())
}

/// Which program is the agent there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Program<'a> {
    /// A copy of this one.
    Copied(&'a Own),
    /// What is there.
    At(&'a AgentPath),
}
