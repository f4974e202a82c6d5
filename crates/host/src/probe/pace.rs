//! How fast to ask: as fast as the kernel takes packets without dropping any.
//!
//! A request for an unknown neighbour is flooded to every port of a switch, and a processor's queue has room for 1,000 packets
//! (`net.core.netdev_max_backlog`): on a switch of a thousand ports two requests at once are too many. The kernel counts what it drops.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Requests sent at once at most.
const MOST: usize = 64;
/// The least and the greatest wait between requests, where one at once is too many.
const GAPS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// The speed, and what it follows from.
#[derive(Debug)]
pub(super) struct Pace {
    /// Requests to send at once.
    pub(super) burst: usize,
    /// How long to wait then.
    pub(super) gap: Duration,
    /// How often packets were found to be dropped.
    pub(super) drops: u64,
    /// Requests sent since then, or since the speed grew.
    quiet: usize,
    counters: Option<File>,
    dropped: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        let counters = File::open("/proc/net/softnet_stat").ok();
        let dropped = counters.as_ref().map_or(0, dropped);
        Pace { burst: MOST, gap: Duration::ZERO, drops: 0, quiet: 0, counters, dropped }
    }

    /// Looks whether the kernel has dropped packets since it was last looked at, and adapts.
    pub(super) fn look(&mut self, sent: usize) {
        let now = self.counters.as_ref().map_or(0, dropped);
        let more = now != std::mem::replace(&mut self.dropped, now);
        self.adapt(more, sent);
    }

    /// Slower at once where packets were dropped; faster little by little where they were not.
    pub(super) fn adapt(&mut self, dropped: bool, sent: usize) {
        if dropped {
            self.drops += 1;
            self.quiet = 0;
            if self.burst > 1 {
                self.burst /= 2;
            } else {
                self.gap = (self.gap * 2).clamp(GAPS.0, GAPS.1);
            }
            return;
        }
        self.quiet += sent;
        if self.quiet < MOST {
            return;
        }
        self.quiet = 0;
        if self.gap > GAPS.0 {
            self.gap = self.gap * 3 / 4;
        } else if self.gap > Duration::ZERO {
            self.gap = Duration::ZERO;
        } else {
            self.burst = (self.burst + self.burst.div_ceil(2)).min(MOST);
        }
    }
}

/// Packets that all processors together have dropped for want of room: the second column, in hexadecimal (`softnet_seq_show`, net/core/net-procfs.c).
fn dropped(counters: &File) -> u64 {
    let mut text = [0; 64 * 1024];
    let length = counters.read_at(&mut text, 0).unwrap_or(0);
    sum_dropped(&String::from_utf8_lossy(&text[..length]))
}

fn sum_dropped(text: &str) -> u64 {
    text.lines().filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_of_all_processors_are_summed() {
        assert_eq!(sum_dropped("0000aaaa 00000010 00000000 0\n00000001 00000001 00000000 1\n"), 17);
        assert_eq!(sum_dropped(""), 0);
    }

    #[test]
    fn drops_slow_it_down_to_one_and_a_wait_and_quiet_makes_it_fast_again() {
        let mut pace = Pace { burst: MOST, gap: Duration::ZERO, drops: 0, quiet: 0, counters: None, dropped: 0 };
        for _ in 0..8 {
            pace.adapt(true, 1);
        }
        assert_eq!((pace.burst, pace.gap, pace.drops), (1, Duration::from_millis(2), 8));
        for _ in 0..100 {
            pace.adapt(true, 1);
        }
        assert_eq!((pace.burst, pace.gap), (1, GAPS.1));
        for _ in 0..MOST * 40 {
            pace.adapt(false, 1);
        }
        assert_eq!((pace.burst, pace.gap), (MOST, Duration::ZERO));
    }
}
