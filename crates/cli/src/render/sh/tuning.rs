//! Settings of devices as commands of ethtool(8) and writes to /sys.

use netsim_core::resource::{Knob, Tuning};

use super::{altname, inside, name, quoted};

pub fn create(tuning: &Tuning) -> Vec<String> {
    vec![write(tuning, &tuning.value), note(tuning, "add")]
}

pub fn update(to: &Tuning) -> Vec<String> {
    vec![write(to, &to.value)]
}

/// Back to what a new device has.
pub fn delete(tuning: &Tuning) -> Vec<String> {
    let fresh = if tuning.knob.takes_cpus() { "" } else { "on" };
    vec![write(tuning, fresh), note(tuning, "del")]
}

/// The note on the device that the setting is ours.
fn note(tuning: &Tuning, verb: &str) -> String {
    altname(&tuning.device, verb, &format!("tuned={}:{}", tuning.device.name, tuning.knob))
}

fn write(tuning: &Tuning, value: &str) -> String {
    let (on, dev) = (inside(&tuning.device.netns), name(&tuning.device.name));
    let queues = |files: &str| {
        let each = format!("for queue in /sys/class/net/\"$1\"/queues/{files}; do echo \"$2\" > \"$queue\"; done");
        format!("{on}sh -c {} sh {dev} {}", quoted(&each), mask(value))
    };
    let offload = |feature: &str| format!("{on}ethtool -K {dev} {feature} {value}");
    match tuning.knob {
        Knob::RpsCpus => queues("rx-*/rps_cpus"),
        Knob::XpsCpus => queues("tx-*/xps_cpus"),
        Knob::TxChecksum => offload("tx-checksum-ip-generic"),
        Knob::Gso => offload("tx-generic-segmentation"),
        Knob::Gro => offload("rx-gro"),
        Knob::Tso => offload("tso"),
    }
}

/// A list of CPUs as the kernel takes it: in hexadecimal, 32 to a group.
fn mask(cpus: &str) -> String {
    let number = |text: &str| text.parse::<usize>().ok();
    let ranges = cpus.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(number(first)?..=number(last)?)
    });
    let mut groups = vec![0_u32];
    for cpu in ranges.flatten() {
        if groups.len() <= cpu / 32 {
            groups.resize(cpu / 32 + 1, 0);
        }
        groups[cpu / 32] |= 1 << (cpu % 32);
    }
    let (last, rest) = groups.split_last().expect("there is one at least");
    rest.iter().rev().fold(format!("{last:x}"), |out, group| format!("{out},{group:08x}"))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn cpus_are_a_mask_in_groups_of_32() {
        assert_eq!(
            ["", "0", "0-3,8", "32", "0,95"].map(mask),
            ["0", "1", "10f", "1,00000000", "80000000,00000000,00000001"]
        );
    }
}
