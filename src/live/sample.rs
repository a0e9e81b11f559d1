//! One moment of the demo: every number the pages show, or `null` when it is not known.

use serde::Serialize;

/// Where the story of a spike stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing waits, the footprint is minimal.
    #[default]
    Idle,
    /// Jobs have arrived; nothing has scaled yet.
    Trigger,
    /// Replicas have been added; the backlog is being worked off.
    Response,
    /// The backlog is gone; replicas are being taken away.
    Recovery,
}

/// What KEDA says of the trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaler {
    /// The trigger is active: there is work.
    Active,
    /// The trigger is not active.
    Inactive,
}

/// One sample. Times are ms since the epoch, durations ms, rates jobs per second; `None` becomes `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// When it was taken.
    pub t: i64,
    /// Jobs waiting in the list that KEDA measures.
    pub depth: Option<u64>,
    /// Jobs that a worker holds.
    pub in_flight: Option<u64>,
    /// Jobs ever enqueued.
    pub enqueued: Option<u64>,
    /// Jobs ever acknowledged.
    pub processed: Option<u64>,
    /// Attempts that failed.
    pub failed: Option<u64>,
    /// Dead letters that lie there.
    pub dead: Option<u64>,
    /// Dead letters that a person ever discarded.
    pub discarded: Option<u64>,
    /// Acknowledgements of jobs that were done already.
    pub duplicates: Option<u64>,
    /// Jobs arriving, jobs/s.
    pub arrival_rate: Option<f64>,
    /// Jobs being finished, jobs/s.
    pub service_rate: Option<f64>,
    /// Time from enqueueing to the start of work, ms, median of the last ten seconds.
    pub wait_p50: Option<f64>,
    /// The same, 95th percentile.
    pub wait_p95: Option<f64>,
    /// The backlog as the external metrics API reports it.
    pub external_metric: Option<f64>,
    /// What KEDA says of the trigger.
    pub scaler: Option<Scaler>,
    /// Replicas the HPA wants.
    pub desired: Option<i64>,
    /// Replicas the Deployment asks for (`spec.replicas`).
    pub replicas: Option<i64>,
    /// Worker pods that are ready.
    pub ready: Option<u64>,
    /// Worker pods being started on their node.
    pub starting: Option<u64>,
    /// Worker pods not on a node yet.
    pub pending: Option<u64>,
    /// Worker pods asked to stop and not gone yet.
    pub terminating: Option<u64>,
    /// Time from a pod's creation to ready, median of the newest pods.
    pub cold_start: Option<i64>,
    /// What the workers use of CPU, thousandths of a core, as metrics-server measured it last.
    pub cpu: Option<f64>,
    /// Pods that the namespace's quota counts.
    pub quota_used: Option<i64>,
    /// Pods that the namespace's quota allows.
    pub quota_hard: Option<i64>,
    /// Browsers of the audience watching.
    pub viewers: u64,
    /// How long a frame waited until a viewer's stream took it, ms, p95 of the last seconds.
    pub lag: Option<u64>,
    /// When the HPA controller syncs next.
    pub next_hpa_sync: Option<i64>,
    /// When KEDA polls the trigger next.
    pub next_poll: Option<i64>,
    /// Until when the scale-down stabilization window holds the replicas.
    pub stabilization_until: Option<i64>,
    /// Whether the clock is estimated from what was observed, as it must be on a cluster that is not ours.
    pub clock_estimated: bool,
    /// Where the story stands.
    pub phase: Phase,
    /// Since when.
    pub phase_since: i64,
}

impl Sample {
    /// Whether anything is moving: then the next sample is due soon.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        let some = |number: Option<u64>| number.is_some_and(|number| number > 0);
        self.phase != Phase::Idle
            || some(self.depth)
            || some(self.in_flight)
            || some(self.starting)
            || some(self.pending)
            || some(self.terminating)
    }
}
