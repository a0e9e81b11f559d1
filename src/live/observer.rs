//! The observer: reads every source, writes one sample a tick, and tells the hub.
//!
//! It wakes when a source has something new, but at most five times a second, and at least once a second; so a page at
//! rest costs next to nothing and a spike shows within a fifth of a second.
//!
//! The time of samples is the wall clock's, since pages show times of day. When that is put forward, or the machine
//! slept, the history has a gap. When it is set back, everything remembered is moved back with it: the history stays in
//! order, and "8 s after the trigger" stays 8 s.

mod deployment;
mod light;

use super::cpu;
use super::hub::Hub;
use super::keda_clock::Reader;
use super::outage::Outages;
use super::rates::Rate;
use super::run::{Recorder, Run, Runs};
use super::sample::{Sample, Scaler};
use super::source::{QUEUE_EVERY, QueueSource, Reading};
use super::story::{MilestoneKind, Story};
use crate::clock::Clock;
use crate::cluster::pod_metrics::PodCpu;
use crate::cluster::view::{PodState, PodView, View};
use crate::queue::stats::Stats;
use deployment::Deployment;
use light::Told;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A reading older than this is not shown: its next round, the longest that may take, and a little.
const QUEUE_FRESH: Duration = Duration::from_millis(1_500);
const METRIC_FRESH: Duration = Duration::from_millis(2_500);
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
    /// What the pods use of CPU, if the cluster says.
    pub cpu: watch::Receiver<Reading<Option<PodCpu>>>,
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
        outages: Outages::default(),
        cpu_is_served: false,
        last: None,
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

/// Completes when the cluster or the depth of the queue changes, or a source goes away or comes back.
async fn news(sources: &mut Sources) {
    let enqueued = |reading: &Reading<Stats>| {
        reading
            .result
            .as_ref()
            .ok()
            .map(|stats| (stats.enqueued, stats.depth))
    };
    let before = enqueued(&sources.queue.stats.borrow_and_update());
    let answers = sources.metric.borrow_and_update().result.is_ok();
    tokio::select! {
        _ = sources.view.changed() => {}
        _ = sources.queue.stats.wait_for(|reading| enqueued(reading) != before) => {}
        _ = sources.metric.wait_for(|reading| reading.result.is_ok() != answers) => {}
    }
}

struct Observer {
    hub: Hub,
    story: Story,
    recorder: Recorder,
    arrivals: Rate,
    services: Rate,
    /// Where the demo stood when that was last known.
    deployment: Deployment,
    redis_is_ours: bool,
    outages: Outages,
    /// Whether the cluster had an API for it when that was last known.
    cpu_is_served: bool,
    /// When the last sample was taken, by the wall clock and by one that nobody can set.
    last: Option<(i64, Instant)>,
}

impl Observer {
    /// Takes and publishes one sample; returns whether anything moves, and the run that it ended.
    fn tick(&mut self, sources: &mut Sources, now: i64) -> (bool, Option<Run>) {
        self.follow_clock(now);
        let view = Arc::clone(&sources.view.borrow_and_update());
        let reading = sources.queue.stats.borrow_and_update().clone();
        let (queue, queue_since) = (reading.current(QUEUE_FRESH), reading.since);
        let reading = sources.metric.borrow().clone();
        let (metric, metric_since) = (reading.current(METRIC_FRESH).copied(), reading.since);
        let metric_value = metric.as_ref().ok().copied();
        let mut sample = Sample {
            t: now,
            external_metric: metric_value,
            viewers: self.hub.viewers(),
            lag: self.hub.lag(),
            clock_estimated: sources.clock_reader.is_estimate(),
            ..Sample::default()
        };
        self.fill_queue(&mut sample, queue.as_ref().ok().copied());
        let shown = view.complete && view.stale.is_none();
        if shown {
            fill_cluster(&mut sample, &view);
            let reading = sources.clock_reader.read(now, &view, metric_value);
            sample.next_hpa_sync = reading.next_hpa_sync;
            sample.next_poll = reading.next_poll;
            sample.stabilization_until = reading.stabilization_until;
        }
        let cpu = sources.cpu.borrow().clone();
        let pod_cpu = match cpu.current(cpu::FRESH) {
            Ok(Some(pods)) if shown => pods.clone(),
            _ => PodCpu::new(),
        };
        sample.cpu = workers_cpu(&view, &pod_cpu);
        self.tell_deployment(&view, now);
        let min = view.hpa.as_ref().map_or(1, |hpa| hpa.min);
        let reason = view.rescales.last().map(|rescale| rescale.message.as_str());
        let milestones = self.story.advance(&sample, min, reason);
        (sample.phase, sample.phase_since) = self.story.phase();
        self.tell_health(
            &view,
            (queue.err(), queue_since),
            (metric.err(), metric_since),
            &cpu,
            now,
        );
        self.hub.pods(if shown {
            pods(&view, &pod_cpu)
        } else {
            Value::Null
        });
        let moving = sample.is_moving();
        let ended = self.recorder.advance(&sample, self.story.milestones());
        self.hub.sample(sample);
        for milestone in milestones {
            self.hub.milestone(milestone);
        }
        (moving, ended)
    }

    /// Follows a wall clock that was set back.
    fn follow_clock(&mut self, now: i64) {
        let moment = Instant::now();
        let Some((then, at)) = self.last.replace((now, moment)) else {
            return;
        };
        if now > then {
            return;
        }
        let passed = i64::try_from((moment - at).as_millis()).unwrap_or(i64::MAX);
        // The last sample lies as long before this one as it should, and at least a millisecond.
        let by = now - then - passed.max(1);
        tracing::warn!(
            "the clock was set back by {} ms; the history moves along",
            -by
        );
        self.hub.shift(by);
        self.story.shift(by);
        self.recorder.shift(by);
    }

    fn tell_health(
        &mut self,
        view: &View,
        queue: Told,
        metric: Told,
        cpu: &Reading<Option<PodCpu>>,
        now: i64,
    ) {
        if let Ok(answer) = &cpu.result {
            self.cpu_is_served = answer.is_some();
        }
        let cpu = (cpu.current(cpu::FRESH).err(), cpu.since);
        let lights = [
            light::of_cluster(view),
            light::of_demo("redis", queue, self.deployment, self.redis_is_ours),
            light::of_demo("metrics", metric, self.deployment, true),
        ];
        let extra = self.cpu_is_served.then(|| light::of_cpu(cpu));
        let lights: Vec<_> = lights.into_iter().chain(extra).collect();
        for light in &lights {
            self.outages.note(light, now);
        }
        self.hub.health(&lights);
    }

    fn fill_queue(&mut self, sample: &mut Sample, queue: Option<&Stats>) {
        let now = sample.t;
        if let Some(stats) = queue {
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
        let shown = self.deployment.next(view, self.redis_is_ours);
        // What was known outlasts a cluster that does not answer for a while.
        let next = if shown == Deployment::Unknown {
            self.deployment
        } else {
            shown
        };
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
            "state": shown.word(),
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

/// The sum over the pods that are there now, whole thousandths of a core as `kubectl top` rounds them: up. `None` while
/// none of them has been measured.
fn workers_cpu(view: &View, cpu: &PodCpu) -> Option<f64> {
    let measured: Vec<f64> = view
        .pods
        .keys()
        .filter_map(|name| cpu.get(name).copied())
        .collect();
    (!measured.is_empty()).then(|| measured.iter().sum::<f64>().ceil())
}

/// The pods as the pages get them; what one uses is only there when it is known.
fn pods(view: &View, cpu: &PodCpu) -> Value {
    let told = |name: &String, pod: &PodView| {
        let mut pod = json!(pod);
        if let Some(millicores) = cpu.get(name) {
            pod["cpu"] = json!(millicores.ceil());
        }
        pod
    };
    view.pods
        .iter()
        .map(|(name, pod)| told(name, pod))
        .collect()
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

#[cfg(test)]
mod tests;
