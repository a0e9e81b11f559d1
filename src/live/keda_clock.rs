//! The KEDA clock: seconds to the next HPA sync, to the next poll, to the end of the stabilization window.
//!
//! With the embedded cluster the controllers publish their own times. On any other cluster the times are estimated:
//! the HPA's status changes at a sync, and the next one follows 15 s later (the HPA controller's
//! `--horizontal-pod-autoscaler-sync-period`). Estimates are marked as such.

use crate::cluster::view::View;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The HPA controller's default sync period.
const SYNC_PERIOD_MS: i64 = 15_000;
/// Nobody polls a queue less often than this; a time further away is from a clock that was set back since.
const LONGEST_POLL_MS: i64 = 30 * 60 * 1_000;

/// Next times by `namespace/name`, as the embedded controllers publish them; ms since the epoch.
pub type NextTimes = watch::Receiver<BTreeMap<String, i64>>;

/// Where the times come from.
#[derive(Clone)]
pub enum KedaClock {
    /// The embedded controllers tell.
    Told {
        /// Next sync of each HPA.
        syncs: NextTimes,
        /// Next poll of each ScaledObject.
        polls: NextTimes,
    },
    /// Estimated from the HPA's status changes.
    Estimated,
}

/// What the clock reads; ms since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// When the HPA syncs next.
    pub next_hpa_sync: Option<i64>,
    /// When KEDA polls next.
    pub next_poll: Option<i64>,
    /// Until when the stabilization window holds the replicas.
    pub stabilization_until: Option<i64>,
}

/// Reads the clock, remembering what the stabilization window needs.
pub struct Reader {
    clock: KedaClock,
    hpa: String,
    scaled_object: String,
    last_sync: Option<i64>,
    /// The last sync at which the metric still wanted at least the present replicas.
    last_wanted: Option<i64>,
}

impl Reader {
    /// A reader for the HPA of `scaled_object` in `namespace`.
    #[must_use]
    pub fn new(clock: KedaClock, namespace: &str, scaled_object: &str) -> Self {
        Self {
            clock,
            hpa: format!("{namespace}/keda-hpa-{scaled_object}"),
            scaled_object: format!("{namespace}/{scaled_object}"),
            last_sync: None,
            last_wanted: None,
        }
    }

    /// Whether the times are estimates.
    #[must_use]
    pub fn is_estimate(&self) -> bool {
        matches!(self.clock, KedaClock::Estimated)
    }

    /// The clock at `now` (ms), given what the cluster shows and the external metric.
    pub fn read(&mut self, now: i64, view: &View, metric: Option<f64>) -> Reading {
        let Some(hpa) = &view.hpa else {
            self.last_sync = None;
            self.last_wanted = None;
            return Reading::default();
        };
        let (next_hpa_sync, next_poll) = match &self.clock {
            KedaClock::Told { syncs, polls } => (
                syncs.borrow().get(&self.hpa).copied(),
                polls.borrow().get(&self.scaled_object).copied(),
            ),
            KedaClock::Estimated => (hpa.synced.map(|synced| next_after(synced, now)), None),
        };
        // No sync is further away than the period, unless the clock was set back since the time was told.
        let next_hpa_sync = next_hpa_sync.filter(|next| next - now <= SYNC_PERIOD_MS);
        let next_poll = next_poll.filter(|next| next - now <= LONGEST_POLL_MS);
        let synced = next_hpa_sync.map(|next| next - SYNC_PERIOD_MS);
        if synced != self.last_sync {
            self.last_sync = synced;
            let wanted = metric
                .zip(hpa.target)
                .map(|(metric, target)| (metric / target.max(1) as f64).ceil());
            let replicas = hpa.desired.unwrap_or(0).max(hpa.min) as f64;
            if wanted.is_some_and(|wanted| wanted >= replicas) {
                self.last_wanted = synced;
            }
        }
        let above_minimum = hpa.desired.is_some_and(|desired| desired > hpa.min);
        let until = self.last_wanted.map(|last| last + hpa.stabilization_window);
        Reading {
            next_hpa_sync,
            next_poll,
            stabilization_until: until.filter(|until| {
                let left = until - now;
                above_minimum && left > 0 && left <= hpa.stabilization_window
            }),
        }
    }
}

/// The first sync after `now` in the rhythm of `synced`.
fn next_after(synced: i64, now: i64) -> i64 {
    // Rounded down also when `synced` is in the future, as it is after the clock was set back.
    let periods = (now - synced).div_euclid(SYNC_PERIOD_MS) + 1;
    synced + periods * SYNC_PERIOD_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::view::HpaView;

    fn view(desired: i64, synced: i64) -> View {
        View {
            hpa: Some(HpaView {
                desired: Some(desired),
                min: 1,
                target: Some(100),
                stabilization_window: 30_000,
                synced: Some(synced),
            }),
            ..View::default()
        }
    }

    #[test]
    fn an_estimate_follows_the_rhythm_of_the_last_sync_seen() {
        let mut reader = Reader::new(KedaClock::Estimated, "n", "s");
        assert_eq!(
            reader.read(1_000, &view(1, 1_000), None).next_hpa_sync,
            Some(16_000)
        );
        assert_eq!(
            reader.read(40_000, &view(1, 1_000), None).next_hpa_sync,
            Some(46_000)
        );
        assert!(reader.is_estimate());
    }

    #[test]
    fn the_window_counts_from_the_last_sync_that_wanted_the_replicas() {
        let (_, polls) = watch::channel(BTreeMap::new());
        let (next, syncs) = watch::channel(BTreeMap::from([("n/keda-hpa-s".to_owned(), 15_000)]));
        let mut reader = Reader::new(KedaClock::Told { syncs, polls }, "n", "s");
        assert_eq!(
            reader
                .read(0, &view(37, 0), Some(3_700.0))
                .stabilization_until,
            Some(30_000)
        );
        next.send_replace(BTreeMap::from([("n/keda-hpa-s".to_owned(), 30_000)]));
        let reading = reader.read(15_000, &view(37, 0), Some(0.0));
        assert_eq!(
            reading.stabilization_until,
            Some(30_000),
            "this sync wanted less"
        );
        assert_eq!(
            reader
                .read(30_001, &view(22, 0), Some(0.0))
                .stabilization_until,
            None
        );
    }

    #[test]
    fn without_an_hpa_there_is_no_clock() {
        let mut reader = Reader::new(KedaClock::Estimated, "n", "s");
        assert_eq!(
            reader.read(1_000, &View::default(), None),
            Reading::default()
        );
    }

    #[test]
    fn a_clock_set_back_an_hour_makes_nobody_wait_an_hour() {
        const HOUR: i64 = 3_600_000;
        let mut estimated = Reader::new(KedaClock::Estimated, "n", "s");
        let seen = view(37, HOUR);
        estimated.read(HOUR, &seen, Some(3_700.0));
        let reading = estimated.read(1_000, &seen, Some(3_700.0));
        assert_eq!(reading.next_hpa_sync, Some(15_000), "in the same rhythm");
        let (_, polls) = watch::channel(BTreeMap::from([("n/s".to_owned(), HOUR + 5_000)]));
        let next = BTreeMap::from([("n/keda-hpa-s".to_owned(), HOUR + 15_000)]);
        let (_, syncs) = watch::channel(next);
        let mut told = Reader::new(KedaClock::Told { syncs, polls }, "n", "s");
        told.read(HOUR, &seen, Some(3_700.0));
        assert_eq!(told.read(1_000, &seen, None), Reading::default());
    }
}
