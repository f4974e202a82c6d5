//! How rows of Open vSwitch's database say whose they are, and what they remember for netsim.

use netsim_core::names::LabName;

use super::rows::Map;
use super::transaction::Setting;

/// The lab, in `external_ids` of every row of ours.
pub(super) const LAB: &str = "netsim-lab";

/// The node that a bridge is.
pub(super) const NODE: &str = "netsim-node";

/// The port that a quality of service is for: its row does not say.
pub(super) const PORT: &str = "netsim-port";

/// The flows that a bridge was given: a hash of the file, and one of what was read back then.
pub(super) const FLOWS: &str = "netsim-flows";

/// The mark of a lab's row.
pub(super) fn of(lab: &LabName) -> Setting {
    Setting::at("external_ids", LAB, lab.as_str())
}

/// Whose row it is, where that is a lab.
pub(super) fn lab(external_ids: &Map) -> Option<LabName> {
    LabName::new(external_ids.get(LAB)?).ok()
}

/// Whether it is a row of this lab.
pub(super) fn is_of(lab: &LabName, external_ids: &Map) -> bool {
    external_ids.get(LAB).is_some_and(|text| text == lab.as_str())
}

/// What a bridge remembers of its flows: the file, and what was read back; nothing yet of what is about to be loaded.
pub(super) fn flows(file: u64, read_back: Option<u64>) -> Setting {
    let read_back = read_back.map(|digest| format!("{digest:016x}")).unwrap_or_default();
    Setting::at("external_ids", FLOWS, format!("{file:016x}:{read_back}"))
}

/// The file that a bridge has its flows from, by its hash, with the hash of what was read back then; none if it has none of ours.
pub(super) fn noted_flows(external_ids: &Map) -> Option<(u64, Option<u64>)> {
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let (file, read_back) = external_ids.get(FLOWS)?.split_once(':').unwrap_or_default();
    // A note that a hand has spoilt is none of any file.
    Some((number(file).unwrap_or(0), number(read_back)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ovs::Value;

    #[test]
    fn a_note_of_flows_reads_back_and_a_spoilt_one_is_of_no_file() {
        let read = |text: &str| noted_flows(&[(FLOWS.to_owned(), text.to_owned())].into());
        for (file, read_back) in [(7, Some(9)), (u64::MAX, None)] {
            let Value::Text(text) = flows(file, read_back).value else { panic!("a text") };
            assert_eq!(read(&text), Some((file, read_back)));
        }
        assert_eq!(read("by hand"), Some((0, None)));
        assert_eq!(noted_flows(&Map::new()), None);
    }
}
