//! What a bridge of Open vSwitch says of itself.

use super::super::OvsWritten;
use super::NodeOf;
use crate::spec::written::KindSpec;

impl NodeOf<'_, '_, '_> {
    /// The keys that only a bridge of Open vSwitch has.
    pub(super) fn ovs_keys(&mut self) -> OvsWritten {
        let ovs = self.kind == KindSpec::Ovs;
        let hint = "make it `kind: ovs`, or take the key away";
        OvsWritten {
            datapath: self.fitting_or("datapath", ovs, hint, |s| s.datapath.as_ref()).map(|p| *p.value),
            fail_mode: self.fitting_or("fail-mode", ovs, hint, |s| s.fail_mode.as_ref()).map(|p| *p.value),
            rstp: self.fitting_or("rstp", ovs, hint, |s| s.rstp.as_ref()).is_some_and(|p| *p.value),
            ..OvsWritten::default()
        }
    }
}
