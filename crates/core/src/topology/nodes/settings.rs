//! The settings of a bridge of Open vSwitch by name (`other_config` of the table Bridge, ovs-vswitchd.conf.db(5)).

use crate::names::Mac;
use crate::suggest::any_of;

/// What a setting can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// `true` or `false`.
    Truth,
    /// A whole number from and up to these.
    Within(u64, u64),
    /// A multiple of the third number, from the first up to the second.
    Steps(u64, u64, u64),
    /// One of these.
    Words(&'static [&'static str]),
    /// An Ethernet address.
    Mac,
    /// 16 hexadecimal digits, or `0x` and some; not all zero.
    DatapathId,
    /// Text of at most so many bytes.
    Text(usize),
}

/// The settings, in the order of the manual, but for those that netsim sets itself. What Open vSwitch would force into a range without a word is held
/// to that range.
pub(super) const KNOWN: &[(&str, Setting)] = &[
    ("datapath-id", Setting::DatapathId),
    ("dp-desc", Setting::Text(255)),
    ("dp-sn", Setting::Text(31)),
    ("disable-in-band", Setting::Truth),
    ("in-band-queue", Setting::Within(0, u32::MAX as u64)),
    ("controller-queue-size", Setting::Within(1, 512)),
    ("stp-system-id", Setting::Mac),
    ("stp-priority", Setting::Within(0, 65_535)),
    ("stp-hello-time", Setting::Within(1, 10)),
    ("stp-max-age", Setting::Within(6, 40)),
    ("stp-forward-delay", Setting::Within(4, 30)),
    ("mcast-snooping-aging-time", Setting::Within(15, 3600)),
    ("mcast-snooping-table-size", Setting::Within(10, 1_000_000)),
    ("mcast-snooping-disable-flood-unregistered", Setting::Truth),
    ("rstp-address", Setting::Mac),
    ("rstp-priority", Setting::Steps(0, 61_440, 4096)),
    ("rstp-ageing-time", Setting::Within(10, 1_000_000)),
    ("rstp-force-protocol-version", Setting::Words(&["0", "2"])),
    ("rstp-max-age", Setting::Within(6, 40)),
    ("rstp-forward-delay", Setting::Within(4, 30)),
    ("rstp-transmit-hold-count", Setting::Within(1, 10)),
    ("forward-bpdu", Setting::Truth),
    ("mac-aging-time", Setting::Within(15, 3600)),
    ("mac-table-size", Setting::Within(10, 1_000_000)),
];

/// Settings that are not the file's, and what to write in place of them.
pub(super) const SAID_ELSEWHERE: &[(&str, &str)] =
    &[("hwaddr", "take it away; the bridge has an Ethernet address of its own, the same at every run")];

impl Setting {
    /// What to write in place of a value that it cannot be; none if it can.
    pub(super) fn wrong(self, value: &str) -> Option<String> {
        let number = || value.parse::<u64>().ok().filter(|n| n.to_string() == value);
        let (fits, hint) = match self {
            Setting::Truth => (matches!(value, "true" | "false"), "write `true` or `false`".to_owned()),
            Setting::Within(least, most) => (
                number().is_some_and(|n| (least..=most).contains(&n)),
                format!("write a whole number from {least} to {most}"),
            ),
            Setting::Steps(least, most, step) => (
                number().is_some_and(|n| (least..=most).contains(&n) && n % step == 0),
                format!("write a multiple of {step} from {least} to {most}"),
            ),
            Setting::Words(words) => (words.contains(&value), format!("write {}", any_of(words.iter().copied()))),
            Setting::Mac => {
                (value.parse::<Mac>().is_ok(), "write an Ethernet address, as 02:00:00:00:00:01".to_owned())
            }
            Setting::DatapathId => {
                let digits = value.strip_prefix("0x").unwrap_or(value);
                let long =
                    if digits.len() == value.len() { value.len() == 16 } else { (1..=16).contains(&digits.len()) };
                let hex = digits.bytes().all(|b| b.is_ascii_hexdigit()) && digits.bytes().any(|b| b != b'0');
                (long && hex, "write 16 hexadecimal digits, or 0x and some".to_owned())
            }
            Setting::Text(most) => {
                let plain = !value.is_empty() && value.len() <= most && !value.chars().any(char::is_control);
                (plain, format!("write a text of 1 to {most} bytes"))
            }
        };
        (!fits).then_some(hint)
    }
}
