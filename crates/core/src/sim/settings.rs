//! Queueing disciplines and knobs of the simulated devices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::space::{Dev, Kind, RootQdisc};
use super::{Errno, Owner, Sim, SimError, fail};
use crate::resource::{DeviceId, Knob, Qdisc, QdiscKind, Resource, Tuning};

/// The knobs of a device that are not as on a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Knobs(BTreeMap<Knob, String>);

impl Sim {
    pub(super) fn make_qdisc(&mut self, qdisc: &Qdisc, owner: Owner) -> Result<(), SimError> {
        let device = self.device_mut(&qdisc.device)?;
        if device.qdisc.is_some() {
            return fail(Errno::Exist, format!("{} has a qdisc", qdisc.device));
        }
        check(&qdisc.kind)?;
        device.qdisc = Some(RootQdisc { kind: qdisc.kind.clone(), by_hand: owner.is_none() });
        Ok(())
    }

    /// Changes or replaces what is there.
    pub(super) fn change_qdisc(&mut self, qdisc: &Qdisc, by_hand: bool) -> Result<(), SimError> {
        check(&qdisc.kind)?;
        let Some(root) = &mut self.device_mut(&qdisc.device)?.qdisc else {
            return fail(Errno::NoEnt, format!("{} has no qdisc", qdisc.device));
        };
        // A hand that changes it in place leaves its handle.
        *root = RootQdisc { kind: qdisc.kind.clone(), by_hand: by_hand && root.by_hand };
        Ok(())
    }

    /// Sets a knob; one that a lab sets is noted.
    pub(super) fn tune(&mut self, tuning: &Tuning, noted: bool) -> Result<(), SimError> {
        let device = self.device_mut(&tuning.device)?;
        if tuning.knob == Knob::XpsCpus && matches!(&device.kind, Kind::Veth { end, .. } if end.queues < 2) {
            return fail(Errno::NoEnt, format!("{} has one queue", tuning.device));
        }
        let knobs = &mut device.knobs.0;
        if *tuning.value == *default_value(&device.kind, tuning.knob) {
            knobs.remove(&tuning.knob);
        } else {
            knobs.insert(tuning.knob, tuning.value.to_string());
        }
        if noted {
            device.noted.insert(tuning.knob);
        }
        Ok(())
    }

    /// Sets a knob to what a new device has, and forgets that it was set.
    pub(super) fn untune(&mut self, id: &DeviceId, knob: Knob) -> Result<(), SimError> {
        let device = self.device_mut(id)?;
        device.knobs.0.remove(&knob);
        device.noted.remove(&knob);
        Ok(())
    }
}

/// What a kernel takes: a bucket that holds something, a queue that does (`tbf_change`).
fn check(kind: &QdiscKind) -> Result<(), SimError> {
    match kind {
        QdiscKind::Tbf(tbf) if tbf.rate == 0 || u128::from(tbf.rate) * u128::from(tbf.buffer) * 64 < 1_000_000_000 => {
            fail(Errno::Inval, "a bucket that holds nothing")
        }
        QdiscKind::Tbf(_) | QdiscKind::Netem(_) | QdiscKind::Other(_) => Ok(()),
    }
}

/// The knob of a device as it shows.
pub(super) fn tuning(id: &DeviceId, device: &Dev, knob: Knob) -> Resource {
    let set = |knob| device.knobs.0.get(&knob).map_or(default_value(&device.kind, knob), String::as_str);
    let value = match knob {
        // Who cuts TCP up has to sum it up too (`netdev_fix_features`).
        Knob::Tso if set(Knob::TxChecksum) == "off" => "off",
        Knob::RpsCpus | Knob::XpsCpus | Knob::TxChecksum | Knob::Gso | Knob::Gro | Knob::Tso => set(knob),
    };
    Resource::Tuning(Tuning { device: id.clone(), knob, value: value.into() })
}

/// What a new device has: a veth end puts nothing together (`veth_disable_gro`).
fn default_value(kind: &Kind, knob: Knob) -> &'static str {
    match (knob, kind) {
        (Knob::RpsCpus | Knob::XpsCpus, _) => "",
        (Knob::Gro, Kind::Veth { .. }) => "off",
        (Knob::TxChecksum | Knob::Gso | Knob::Gro | Knob::Tso, _) => "on",
    }
}

/// The qdisc of a device: one that a hand put there is only known to be there.
pub(super) fn qdisc(id: &DeviceId, device: &Dev) -> Option<Resource> {
    let root = device.qdisc.as_ref()?;
    let kind = match &root.kind {
        kind if !root.by_hand => kind.clone(),
        QdiscKind::Netem(_) => QdiscKind::Other("netem".into()),
        QdiscKind::Tbf(_) => QdiscKind::Other("tbf".into()),
        QdiscKind::Other(kind) => QdiscKind::Other(kind.clone()),
    };
    Some(Resource::Qdisc(Qdisc { device: id.clone(), kind }))
}
