//! Which machine this is, so that two ways that lead to one are told from two machines.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// What is new with each boot of a kernel (random(4)).
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// The network namespace of this process (namespaces(7)).
const NETWORK: &str = "/proc/self/ns/net";

/// The machine whose network this process works on: its kernel since it was booted, and the number of its network namespace, which no two
/// have at a time. None where `/proc` does not tell.
pub fn this() -> Option<String> {
    let boot = fs::read_to_string(BOOT).ok()?;
    let network = fs::metadata(NETWORK).ok()?.ino();
    Some(format!("{}/{network}", boot.trim()))
}

#[cfg(test)]
mod tests {
    use super::this;

    #[test]
    fn a_machine_is_one_however_often_it_is_asked() {
        let machine = this().expect("/proc is there");
        assert!(machine.len() > 36 && this() == Some(machine.clone()), "{machine}");
    }
}
