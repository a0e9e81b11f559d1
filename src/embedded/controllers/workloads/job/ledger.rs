//! What a Job's controller remembers of pods that have ended: each is counted once, whether its object stays or goes.

use super::super::pod;
use crate::embedded::store;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;

/// The wait after the first failure, and the longest: `DefaultJobPodFailureBackOff` and `MaxJobPodFailureBackOff`.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The count of one Job.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    counted: HashSet<String>,
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    /// Failures since the last success.
    in_a_row: u32,
    last_failure_ms: i64,
}

impl Ledger {
    /// Continues from what the status of `job` says.
    pub(super) fn of(job: &Value) -> Self {
        let count = |field: &str| job["status"][field].as_i64().unwrap_or(0);
        Self {
            succeeded: count("succeeded"),
            failed: count("failed"),
            ..Self::default()
        }
    }

    /// Counts `pod` if it has ended. One that is being deleted has failed, unless it succeeded first.
    pub(super) fn count(&mut self, pod: &Value, now_ms: i64) {
        if pod::is_finished(pod) || store::is_deleting(pod) {
            self.count_gone(pod, now_ms);
        }
    }

    /// Counts `pod`, which is gone.
    pub(super) fn count_gone(&mut self, pod: &Value, now_ms: i64) {
        if !self.counted.insert(store::uid(pod).to_owned()) {
            return;
        }
        if pod["status"]["phase"] == "Succeeded" {
            self.succeeded += 1;
            self.in_a_row = 0;
        } else {
            self.failed += 1;
            self.in_a_row += 1;
            self.last_failure_ms = now_ms;
        }
    }

    /// How long to wait before the next pod.
    pub(super) fn wait(&self, now_ms: i64) -> Duration {
        let Some(doublings) = self.in_a_row.checked_sub(1) else {
            return Duration::ZERO;
        };
        let wait = FIRST_WAIT
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(LONGEST_WAIT);
        let waited = u64::try_from(now_ms - self.last_failure_ms).unwrap_or(0);
        wait.saturating_sub(Duration::from_millis(waited))
    }
}
