//! A lab that another netsim has removed: where none of its hosts knows it any more, it is forgotten here, too.

use netsim_host::run::on_all;
use netsim_host::{Host, store};

use super::Surveyed;
use crate::hosts::{Hosts, are_far};
use crate::screen::Screen;

/// Forgets what is stored here of a lab with other hosts if every one of them has been asked, and none has or knows anything of it; says so.
pub fn forget_if_gone(hosts: &Hosts, surveyed: &Surveyed, screen: &Screen) {
    let lab = &surveyed.lab;
    let has_other_hosts = hosts.stored().is_some_and(|applied| are_far(&applied.members()));
    if !has_other_hosts || !surveyed.down.is_empty() || surveyed.is_running() {
        return;
    }
    // Another netsim here may be about to make it: then it has the lock, or has been quicker than our look.
    let Some(lock) = hosts.stores().try_lock_far(lab) else { return };
    let asked = on_all(hosts.iter(), |_, host: &Host| host.labs());
    let is_unknown = asked.values().all(|timed| timed.value.as_ref().is_ok_and(|labs| !labs.contains(lab)));
    if is_unknown && store::remove(lock).is_ok() {
        screen.caution(&format!("none of its hosts knows lab {lab} any more: it is forgotten here, too\n"));
    }
}
