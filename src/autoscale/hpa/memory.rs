//! What the HPA controller remembers of one HPA between syncs: past recommendations and past scale events.
//!
//! It lives in the controller's process only: deleting the HPA or restarting the controller clears it, and then every
//! stabilization window starts empty. Both lists reuse an outdated entry before they grow, and *which* entry they reuse
//! is part of the behaviour, since entries are compared by age later.

use super::spec::{Behavior, Rules};

/// One HPA's memory. Starts empty.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    recommendations: Vec<Recommendation>,
    added: Vec<Change>,
    removed: Vec<Change>,
}

#[derive(Clone, Copy, Debug)]
struct Recommendation {
    replicas: i32,
    at_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    replicas: i32,
    at_ms: i64,
    /// Once set it stays: an event that was outdated under a shorter period may be overwritten even when the period
    /// is made longer afterwards.
    outdated: bool,
}

impl Memory {
    /// On the first sync the present size counts as a recommendation, so that a new HPA does not scale down at once.
    pub(super) fn begin(&mut self, current: i32, now_ms: i64) {
        if self.recommendations.is_empty() {
            self.recommendations.push(Recommendation {
                replicas: current,
                at_ms: now_ms,
            });
        }
    }

    /// Without a `behavior` block: the highest of `desired` and all recommendations that are not older than the
    /// window.
    pub(super) fn highest_recent(&mut self, desired: i32, window_ms: i64, now_ms: i64) -> i32 {
        let cutoff = now_ms - window_ms;
        let recent = self
            .recommendations
            .iter()
            .filter(|past| past.at_ms >= cutoff);
        let highest = recent.map(|past| past.replicas).fold(desired, i32::max);
        self.record(desired, now_ms, cutoff);
        highest
    }

    /// With a `behavior` block: `current` moved as little as the recommendations inside both windows allow.
    pub(super) fn stabilized(
        &mut self,
        desired: i32,
        current: i32,
        behavior: &Behavior,
        now_ms: i64,
    ) -> i32 {
        let up_cutoff = now_ms - behavior.up.window_ms;
        let down_cutoff = now_ms - behavior.down.window_ms;
        let newer = |cutoff: i64| {
            let recent = self.recommendations.iter();
            recent
                .filter(move |past| past.at_ms > cutoff)
                .map(|past| past.replicas)
        };
        let lowest = newer(up_cutoff).fold(desired, i32::min);
        let highest = newer(down_cutoff).fold(desired, i32::max);
        self.record(desired, now_ms, up_cutoff.min(down_cutoff));
        // In this order: when the limits contradict each other, the upper one wins.
        current.max(lowest).min(highest)
    }

    /// Records the unstabilized recommendation over the last entry older than `cutoff`, if there is one.
    fn record(&mut self, replicas: i32, at_ms: i64, cutoff: i64) {
        let entry = Recommendation { replicas, at_ms };
        match self
            .recommendations
            .iter_mut()
            .rev()
            .find(|past| past.at_ms < cutoff)
        {
            Some(outdated) => *outdated = entry,
            None => self.recommendations.push(entry),
        }
    }

    /// Replicas at the start of the period that ends now, by undoing the scale events inside it.
    pub(super) fn replicas_at_start(&self, current: i32, period_ms: i64, now_ms: i64) -> i64 {
        let within = |events: &[Change]| -> i64 {
            let recent = events
                .iter()
                .filter(|event| event.at_ms > now_ms - period_ms);
            recent.map(|event| i64::from(event.replicas)).sum()
        };
        i64::from(current) - within(&self.added) + within(&self.removed)
    }

    /// Remembers a rescale that was carried out.
    pub(super) fn rescaled(&mut self, from: i32, to: i32, behavior: &Behavior, now_ms: i64) {
        let (events, rules) = if to > from {
            (&mut self.added, &behavior.up)
        } else {
            (&mut self.removed, &behavior.down)
        };
        let cutoff = now_ms - longest_period(rules);
        for event in events.iter_mut().filter(|event| event.at_ms < cutoff) {
            event.outdated = true;
        }
        let entry = Change {
            replicas: to.saturating_sub(from).saturating_abs(),
            at_ms: now_ms,
            outdated: false,
        };
        match events.iter_mut().rev().find(|event| event.outdated) {
            Some(outdated) => *outdated = entry,
            None => events.push(entry),
        }
    }
}

fn longest_period(rules: &Rules) -> i64 {
    let periods = rules.policies.iter().map(|policy| policy.period_ms);
    periods.max().unwrap_or(0)
}
