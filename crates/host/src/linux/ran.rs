//! Programs that run in a node, once: an altname of the node's `lo` remembers each.

use std::process::{Command, Stdio};

use netsim_core::names::NetnsName;
use netsim_core::resource::{Aside, Ran};

use super::errors::{codes, system};
use crate::backend::HostError;
use crate::crash;

const ALTNAME: &str = "ran=";

/// How much of a failed program's output the error shows.
const LAST_LINES: usize = 5;

/// The note on a node's `lo` that says that a program has run.
pub(crate) fn note(ran: &Ran) -> String {
    format!("{ALTNAME}{}:{:016x}", ran.index, ran.digest)
}

/// The program that a note is about; its arguments are not in it.
pub(crate) fn noted(netns: &NetnsName, altname: &str) -> Option<Ran> {
    let (index, digest) = altname.strip_prefix(ALTNAME)?.split_once(':')?;
    Some(Ran {
        netns: netns.clone(),
        index: index.parse().ok()?,
        digest: u64::from_str_radix(digest, 16).ok()?,
        argv: Aside(Vec::new()),
    })
}

/// Runs the program in the namespace of the calling thread, without input, and waits for its end.
pub(crate) fn run(doing: &str, ran: &Ran) -> Result<(), HostError> {
    let error = |message: String, hint: Option<String>| HostError {
        code: codes::PROGRAM.0,
        doing: doing.to_owned(),
        message,
        errno: None,
        hint,
    };
    let Some((program, arguments)) = ran.argv.0.split_first() else {
        return Err(error("there is no program to run".into(), None));
    };
    crash::point();
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().map_err(|e| system(doing, &e))?;
    if output.status.success() {
        return Ok(());
    }
    let mut message = output.status.to_string();
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
            message += &format!("\n  {line}");
        }
    }
    Err(error(message, Some(format!("try it by hand: netsim exec {} -- {}", ran.netns, ran.argv.0.join(" ")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_back_as_its_program() {
        let netns = NetnsName::new("lab-a").expect("a name");
        let ran = Ran { netns: netns.clone(), index: 7, digest: 0xfeed, argv: Aside(vec!["true".into()]) };
        assert_eq!(note(&ran), "ran=7:000000000000feed");
        assert_eq!(noted(&netns, &note(&ran)), Some(ran));
        assert_eq!(noted(&netns, "sysctl=net.ipv4.ip_forward"), None);
    }
}
