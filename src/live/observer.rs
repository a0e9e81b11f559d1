//! The observer: reads every source, writes one sample a tick, and tells the hub.
//!
//! It wakes when a source has something new, but at most five times a second, and at least once a second; so a page at
//! rest costs next to nothing and a spike shows within a fifth of a second.

use super::hub::{Hub, SourceHealth};
use super::keda_clock::Reader;
use super::rates::Rate;
use super::run::{Recorder, Run, Runs};
use super::sample::{Sample, Scaler};
use super::source::{QUEUE_EVERY, QueueSource, Reading};
use super::story::{MilestoneKind, Story};
use crate::clock::Clock;
use crate::cluster::view::{PodState, View};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A reading older than this is not shown: three missed rounds of the queue, one and a half of the metric.
const FRESH_MS: i64 = 1_500;
/// The slowest rhythm of samples.
const AT_REST: Duration = Duration::from_secs(1);
/// How many of the newest pods the cold start is the median of.
const COLD_STARTS: usize = 24;

/// What the observer reads.
pub struct Sources {
    /// What the cluster shows.
    pub view: watch::Receiver<Arc<View>>,
    /// What the queue says.
    pub queue: QueueSource,
    /// What the external metrics API says.
    pub metric: watch::Receiver<Reading<f64>>,
    /// The KEDA clock.
    pub clock_reader: Reader,
    /// Whether the queue is in a Redis of the demo's own, so that a demo without one is not whole.
    pub redis_is_ours: bool,
}

/// Observes until `shutdown`, and keeps the runs it sees.
pub async fn run(
    mut sources: Sources,
    hub: Hub,
    runs: Runs,
    clock: Clock,
    shutdown: CancellationToken,
) {
    let mut observer = Observer {
        hub,
        story: Story::default(),
        recorder: Recorder::default(),
        arrivals: Rate::default(),
        services: Rate::default(),
        deployment: Deployment::Unknown,
        redis_is_ours: sources.redis_is_ours,
    };
    loop {
        let (moving, ended) = observer.tick(&mut sources, clock.now_ms());
        keep(&runs, ended).await;
        // The floor first, so that a chatty source cannot make more than five samples a second.
        let wait = async {
            tokio::time::sleep(QUEUE_EVERY).await;
            if !moving {
                let _ = tokio::time::timeout(AT_REST - QUEUE_EVERY, news(&mut sources)).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = wait => {}
        }
    }
    let half = observer.recorder.interrupt(observer.story.milestones());
    keep(&runs, half).await;
}

/// Writes a run away, beside the threads that serve the room.
async fn keep(runs: &Runs, run: Option<Run>) {
    let Some(run) = run else { return };
    let runs = runs.clone();
    let saved = tokio::task::spawn_blocking(move || runs.save(run)).await;
    if let Ok(Err(error)) = saved {
        tracing::warn!(%error, "the run is not on disk, and will be gone with the server");
    }
}

/// Completes when the cluster or the depth of the queue changes.
async fn news(sources: &mut Sources) {
    let enqueued = |reading: &Reading<crate::queue::stats::Stats>| {
        reading
            .result
            .as_ref()
            .ok()
            .map(|stats| (stats.enqueued, stats.depth))
    };
    let before = enqueued(&sources.queue.stats.borrow_and_update());
    tokio::select! {
        _ = sources.view.changed() => {}
        _ = sources.queue.stats.wait_for(|reading| enqueued(reading) != before) => {}
    }
}

/// Where the demo stands, as the page's buttons need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deployment {
    Unknown,
    Absent,
    Deploying,
    Deployed,
    Removing,
}

impl Deployment {
    fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::Deploying => "deploying",
            Self::Deployed => "deployed",
            Self::Removing => "removing",
        }
    }

    /// The state that the view shows. Half a demo is on its way up or down; which, the past tells: what was whole, or
    /// going, is going.
    fn next(self, view: &View, redis_is_ours: bool) -> Self {
        if !view.complete || view.stale.is_some() {
            return Self::Unknown;
        }
        let worker_ready = view.worker.map(|(_, _, ready)| ready >= 1);
        // With a minimum of zero a worker at rest has no replicas, and the demo is whole all the same.
        let worker_whole = view
            .worker
            .is_some_and(|(wanted, _, ready)| ready >= wanted.min(1));
        let redis_ready = view
            .redis_ready
            .or((!redis_is_ours && view.worker.is_some()).then_some(true));
        match (worker_ready, redis_ready) {
            (None, None) if view.pods.is_empty() => Self::Absent,
            (Some(_), Some(true)) if worker_whole && view.scaled_object.is_some() => Self::Deployed,
            _ if matches!(self, Self::Deployed | Self::Removing) && view.worker.is_none() => {
                Self::Removing
            }
            _ if self == Self::Removing => Self::Removing,
            _ => Self::Deploying,
        }
    }
}

struct Observer {
    hub: Hub,
    story: Story,
    recorder: Recorder,
    arrivals: Rate,
    services: Rate,
    deployment: Deployment,
    redis_is_ours: bool,
}

impl Observer {
    /// Takes and publishes one sample; returns whether anything moves, and the run that it ended.
    fn tick(&mut self, sources: &mut Sources, now: i64) -> (bool, Option<Run>) {
        let view = Arc::clone(&sources.view.borrow_and_update());
        let queue = sources.queue.stats.borrow_and_update().clone();
        let metric = sources.metric.borrow().clone();
        let metric_value = metric.fresh(now, FRESH_MS + 1_000).copied();
        let mut sample = Sample {
            t: now,
            external_metric: metric_value,
            viewers: self.hub.viewers(),
            lag: self.hub.lag(),
            clock_estimated: sources.clock_reader.is_estimate(),
            ..Sample::default()
        };
        self.fill_queue(&mut sample, &queue);
        if view.complete && view.stale.is_none() {
            fill_cluster(&mut sample, &view);
            let reading = sources.clock_reader.read(now, &view, metric_value);
            sample.next_hpa_sync = reading.next_hpa_sync;
            sample.next_poll = reading.next_poll;
            sample.stabilization_until = reading.stabilization_until;
        }
        self.tell_deployment(&view, now);
        let min = view.hpa.as_ref().map_or(1, |hpa| hpa.min);
        let reason = view.rescales.last().map(|rescale| rescale.message.as_str());
        let milestones = self.story.advance(&sample, min, reason);
        (sample.phase, sample.phase_since) = self.story.phase();
        self.hub
            .health(&health(&view, &queue, &metric, self.deployment));
        let pods: Vec<_> = view.pods.values().collect();
        self.hub.pods(json!(pods));
        let moving = sample.is_moving();
        let ended = self.recorder.advance(&sample, self.story.milestones());
        self.hub.sample(sample);
        for milestone in milestones {
            self.hub.milestone(milestone);
        }
        (moving, ended)
    }

    fn fill_queue(&mut self, sample: &mut Sample, queue: &Reading<crate::queue::stats::Stats>) {
        let now = sample.t;
        if let Some(stats) = queue.fresh(now, FRESH_MS) {
            sample.depth = Some(stats.depth);
            sample.in_flight = Some(stats.in_flight);
            sample.enqueued = Some(stats.enqueued);
            sample.processed = Some(stats.processed);
            sample.failed = Some(stats.failed);
            sample.dead = Some(stats.dead);
            sample.discarded = Some(stats.discarded);
            sample.duplicates = Some(stats.duplicates);
            sample.wait_p50 = stats.wait_p50_ms;
            sample.wait_p95 = stats.wait_p95_ms;
        }
        sample.arrival_rate = self.arrivals.update(now, sample.enqueued);
        sample.service_rate = self.services.update(now, sample.processed);
    }

    fn tell_deployment(&mut self, view: &View, now: i64) {
        let next = self.deployment.next(view, self.redis_is_ours);
        if next == Deployment::Absent && self.deployment == Deployment::Removing {
            let told = self.story.tell(
                now,
                MilestoneKind::Removed,
                "Queue demo is gone".to_owned(),
                String::new(),
            );
            self.hub.milestone(told);
        }
        self.deployment = next;
        self.hub.deployment(&json!({
            "state": next.word(),
            "redis_ready": view.redis_ready.unwrap_or(!self.redis_is_ours),
            "worker_ready": view.worker.is_some_and(|(_, _, ready)| ready >= 1),
        }));
    }
}

fn fill_cluster(sample: &mut Sample, view: &View) {
    let count = |state: PodState| {
        u64::try_from(view.pods.values().filter(|pod| pod.state == state).count())
            .unwrap_or(u64::MAX)
    };
    if let Some((wanted, _, _)) = view.worker {
        sample.replicas = Some(wanted);
        sample.ready = Some(count(PodState::Ready));
        sample.starting = Some(count(PodState::Starting));
        sample.pending = Some(count(PodState::Pending));
        sample.terminating = Some(count(PodState::Terminating));
    }
    sample.desired = view.hpa.as_ref().and_then(|hpa| hpa.desired);
    sample.scaler = view.scaled_object.flatten().map(|active| {
        if active {
            Scaler::Active
        } else {
            Scaler::Inactive
        }
    });
    sample.cold_start = cold_start(view);
    if let Some((used, hard)) = view.quota {
        sample.quota_used = Some(used);
        sample.quota_hard = Some(hard);
    }
}

/// The median cold start of the newest pods, ms.
fn cold_start(view: &View) -> Option<i64> {
    let mut newest: Vec<_> = view
        .pods
        .values()
        .filter_map(|pod| Some((pod.appeared?, pod.cold_start?)))
        .collect();
    newest.sort_unstable_by_key(|(appeared, _)| std::cmp::Reverse(*appeared));
    newest.truncate(COLD_STARTS);
    let mut times: Vec<_> = newest.into_iter().map(|(_, time)| time).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// The sources' lights. A demo that is not deployed has no queue and no metric, and that is no fault.
fn health(
    view: &View,
    queue: &Reading<crate::queue::stats::Stats>,
    metric: &Reading<f64>,
    deployment: Deployment,
) -> [SourceHealth; 3] {
    let cluster = match (&view.stale, view.complete) {
        (Some((reason, since)), _) => (false, reason.clone(), *since),
        (None, false) => (
            false,
            "reading the cluster for the first time".to_owned(),
            0,
        ),
        (None, true) => (true, String::new(), 0),
    };
    let reading = |name, error: Option<&String>, since: i64| SourceHealth {
        name,
        ok: error.is_none(),
        reason: match error {
            Some(_) if deployment == Deployment::Absent => {
                "the queue demo is not deployed".to_owned()
            }
            Some(reason) => reason.clone(),
            None => String::new(),
        },
        since,
    };
    [
        SourceHealth {
            name: "cluster",
            ok: cluster.0,
            reason: cluster.1,
            since: cluster.2,
        },
        reading("redis", queue.result.as_ref().err(), queue.since),
        reading("metrics", metric.result.as_ref().err(), metric.since),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::view::PodView;

    fn view(worker: Option<(i64, i64, i64)>, redis_ready: Option<bool>, scaled: bool) -> View {
        View {
            complete: true,
            worker,
            redis_ready,
            scaled_object: scaled.then_some(Some(false)),
            ..View::default()
        }
    }

    #[test]
    fn half_a_demo_is_on_its_way_up_unless_it_was_whole() {
        let half = view(None, Some(false), false);
        assert_eq!(Deployment::Absent.next(&half, true), Deployment::Deploying);
        assert_eq!(Deployment::Deployed.next(&half, true), Deployment::Removing);
        assert_eq!(Deployment::Removing.next(&half, true), Deployment::Removing);
    }

    #[test]
    fn a_demo_scaled_to_zero_is_whole() {
        let asleep = view(Some((0, 0, 0)), Some(true), true);
        assert_eq!(
            Deployment::Deploying.next(&asleep, true),
            Deployment::Deployed
        );
    }

    #[test]
    fn a_cluster_that_does_not_answer_makes_its_state_unknown() {
        let mut stale = view(Some((1, 1, 1)), Some(true), true);
        stale.stale = Some(("gone".to_owned(), 0));
        assert_eq!(Deployment::Deployed.next(&stale, true), Deployment::Unknown);
    }

    #[test]
    fn the_cold_start_is_the_median_of_pods_we_saw_appear() {
        let pod = |appeared, cold_start| PodView {
            name: format!("pod-{cold_start:?}"),
            state: PodState::Ready,
            since: 0,
            appeared,
            cold_start,
        };
        let pods = [
            pod(None, Some(9)),
            pod(Some(1), Some(1_000)),
            pod(Some(2), Some(1_600)),
            pod(Some(3), Some(2_000)),
        ];
        let view = View {
            pods: pods
                .into_iter()
                .map(|pod| (pod.name.clone(), pod))
                .collect(),
            ..View::default()
        };
        assert_eq!(cold_start(&view), Some(1_600));
    }
}
