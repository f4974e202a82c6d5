//! A progress bar for what takes long.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use netsim_host::backend::Progress;

use crate::screen::Screen;

/// What is done sooner needs no bar.
const SOON: Duration = Duration::from_millis(300);
const BETWEEN: Duration = Duration::from_millis(50);

/// Does the work, and draws on a terminal how far it has come.
pub fn measured<T>(actions: usize, all: &[&Progress], screen: &Screen, work: impl FnOnce() -> T) -> T {
    if !screen.moves() {
        return work();
    }
    std::thread::scope(|scope| {
        let (finish, finished) = mpsc::channel::<()>();
        scope.spawn(move || {
            if finished.recv_timeout(SOON) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = bar(actions);
            while finished.recv_timeout(BETWEEN) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(all.iter().map(|progress| progress.done() as u64).sum());
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(finish);
        result
    })
}

fn bar(actions: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} steps  {elapsed}").expect("a constant");
    ProgressBar::with_draw_target(Some(actions as u64), ProgressDrawTarget::stderr()).with_style(style)
}
