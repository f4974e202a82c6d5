//! A program in a node of another host, as a word that no shell reads anything into.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;

use netsim_core::names::HostId;
use netsim_core::resource::NetnsId;
use serde::{Deserialize, Serialize};

use crate::backend::HostError;
use crate::enter;
use crate::failure::{codes, refused};
use crate::remote::on;

/// Most bytes of one argument that Linux hands to a program (MAX_ARG_STRLEN, linux/binfmts.h), less what the rest of the command line takes.
const LONGEST_WORD: usize = (128 << 10) - 1024;

/// What to run, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The host, as whoever asks calls it.
    pub host: HostId,
    /// The node's namespace.
    pub netns: NetnsId,
    /// The program and its arguments; none: the user's shell.
    pub argv: Vec<OsString>,
    /// What it finds in its environment besides what is there.
    pub env: Vec<(String, OsString)>,
}

impl Entry {
    /// The entry as a word of `0-9a-f`.
    pub(crate) fn word(&self) -> Result<String, HostError> {
        let text = serde_json::to_vec(self).expect("an entry writes without I/O");
        if 2 * text.len() > LONGEST_WORD {
            let message = format!("{} bytes of arguments, more than {}", text.len(), LONGEST_WORD / 2);
            return Err(refused(codes::TOO_LARGE, "run a program in a node of another host", message));
        }
        Ok(text.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The entry that a word stands for.
    pub fn read(word: &str) -> Result<Entry, HostError> {
        let bad =
            || refused(codes::OUT_OF_TURN, "run a program in a node", "this is not what a netsim elsewhere asks for");
        let digits = word.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|p| p.len() == 2 && !p.starts_with('+'))?;
            u8::from_str_radix(pair, 16).ok()
        });
        let text: Vec<u8> = digits.collect::<Option<_>>().ok_or_else(bad)?;
        serde_json::from_slice(&text).map_err(|_| bad())
    }

    /// Runs the program with our own standard streams; gives its exit status as a shell would, 128 and more for a signal.
    ///
    /// With a terminal this process becomes the program, so that the terminal is its own; then it comes back only with what went wrong.
    pub fn run(self) -> Result<u8, HostError> {
        let env: Vec<(&str, OsString)> = self.env.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let argv = if self.argv.is_empty() { vec![enter::shell()] } else { self.argv };
        if io::stdin().is_terminal() {
            return Err(on(&self.host, enter::exec_in(&self.netns, &argv, &env)));
        }
        let status = enter::attend_in(&self.netns, &argv, &env).map_err(|error| on(&self.host, error))?;
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn entry(argument: Vec<u8>) -> Entry {
        let argv = vec!["echo".into(), OsString::from_vec(argument)];
        Entry { host: HostId::local(), netns: NetnsId::Host, argv, env: vec![("PS1".into(), "a/b# ".into())] }
    }

    #[test]
    fn any_argument_is_a_word_of_hexadecimal_digits_and_comes_back_as_it_was() {
        for argument in [&b"; rm -rf /"[..], b"$(reboot)`x`'\"\\", b"a\nb", b"\xff\xfe", b""] {
            let entry = entry(argument.to_vec());
            let word = entry.word().expect("short");
            assert!(word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{word}");
            assert_eq!(Entry::read(&word), Ok(entry));
        }
    }

    #[test]
    fn what_is_no_entry_or_too_long_is_refused() {
        for word in ["", "7", "zz", "7b7d", "+1", "é"] {
            assert_eq!(Entry::read(word).map_err(|e| e.code), Err(codes::OUT_OF_TURN), "{word}");
        }
        assert_eq!(entry(vec![b'x'; 70_000]).word().map_err(|e| e.code), Err(codes::TOO_LARGE));
    }
}
