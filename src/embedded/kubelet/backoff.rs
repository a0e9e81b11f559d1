//! How long a container that ended waits before its next run.

use std::time::Duration;

/// The kubelet's `MaxContainerBackOff` range: first wait and longest wait between two runs.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_secs(10);
const LAST_BACKOFF: Duration = Duration::from_secs(300);

/// A run of this length wipes the record of earlier crashes.
const GOOD_RUN: Duration = Duration::from_secs(600);

/// The wait before the next run: none, then 10 s, doubled up to 300 s.
#[derive(Default)]
pub(super) struct Backoff(Option<Duration>);

impl Backoff {
    /// The wait before the coming run; `None` when there is none.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let wait = self.0;
        let next = wait.map_or(FIRST_BACKOFF, |wait| (wait * 2).min(LAST_BACKOFF));
        self.0 = Some(next);
        wait
    }

    /// Notes how long the last run was.
    pub(super) fn forget_after(&mut self, run: Duration) {
        if run >= GOOD_RUN {
            self.0 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_free_and_the_wait_doubles_up_to_five_minutes() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8)
            .map(|_| backoff.next().map_or(0, |wait| wait.as_secs()))
            .collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        backoff.forget_after(GOOD_RUN);
        assert_eq!(backoff.next(), None);
    }
}
