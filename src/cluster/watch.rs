//! What the cluster shows of the demo, followed by watches and kept as one [`View`].
//!
//! Several watchers (Deployments, Pods, HPAs, ScaledObjects, Events, ResourceQuotas of one namespace) are mapped into
//! one enum and merged into one stream; one task folds it into a `View` and publishes it through a `watch` channel, so
//! that a reader always sees the latest whole picture and never waits. When a watch fails, the view says so with the
//! reason and the time, and it goes on trying with back-off.

use super::Cluster;
use super::metrics_api::ExternalMetric;
use super::view::{Names, PodState, PodView, Rescale, View, hpa_view, pod_state};
use crate::clock::Clock;
use futures::stream::{BoxStream, StreamExt as _, select_all};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod, ResourceQuota};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

enum Seen {
    Deployment(watcher::Event<Deployment>),
    Pod(watcher::Event<Pod>),
    Hpa(watcher::Event<HorizontalPodAutoscaler>),
    ScaledObject(watcher::Event<DynamicObject>),
    Event(watcher::Event<Event>),
    Quota(watcher::Event<ResourceQuota>),
    Failed(&'static str, String),
}

/// Follows the demo named by `names` until `shutdown`.
#[must_use]
pub fn follow(
    cluster: &Cluster,
    names: Names,
    clock: Clock,
    shutdown: CancellationToken,
) -> watch::Receiver<Arc<View>> {
    let (publish, view) = watch::channel(Arc::new(View::default()));
    let mut seen = streams(cluster, &names);
    tokio::spawn(async move {
        let mut fold = Fold::new(names, clock);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                change = seen.next() => match change {
                    Some(change) => fold.take(change),
                    None => break,
                },
            }
            publish.send_if_modified(|current| {
                let differs = **current != fold.view;
                if differs {
                    *current = Arc::new(fold.view.clone());
                }
                differs
            });
        }
    });
    view
}

fn streams(
    cluster: &Cluster,
    names: &Names,
) -> futures::stream::SelectAll<BoxStream<'static, Seen>> {
    let client = || cluster.client.clone();
    let namespace = names.namespace.as_str();
    let scaled_objects = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("keda.sh", "v1alpha1", "ScaledObject"),
        "scaledobjects",
    );
    let rescales = watcher::Config::default().fields("reason=SuccessfulRescale");
    select_all([
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "deployments",
            Seen::Deployment,
        ),
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "pods",
            Seen::Pod,
        ),
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "horizontalpodautoscalers",
            Seen::Hpa,
        ),
        stream(
            Api::namespaced(client(), namespace),
            rescales,
            "events",
            Seen::Event,
        ),
        stream(
            Api::namespaced(client(), namespace),
            watcher::Config::default(),
            "resourcequotas",
            Seen::Quota,
        ),
        watcher(
            Api::<DynamicObject>::namespaced_with(client(), namespace, &scaled_objects),
            watcher::Config::default(),
        )
        .default_backoff()
        .map(|event| seen_or_failed(event, "scaledobjects", Seen::ScaledObject))
        .boxed(),
    ])
}

fn stream<K>(
    api: Api<K>,
    config: watcher::Config,
    what: &'static str,
    seen: fn(watcher::Event<K>) -> Seen,
) -> BoxStream<'static, Seen>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    watcher(api, config)
        .default_backoff()
        .map(move |event| seen_or_failed(event, what, seen))
        .boxed()
}

fn seen_or_failed<K>(
    event: Result<watcher::Event<K>, watcher::Error>,
    what: &'static str,
    seen: fn(watcher::Event<K>) -> Seen,
) -> Seen {
    event.map_or_else(|error| Seen::Failed(what, super::root_cause(&error)), seen)
}

/// Folds changes into the view.
struct Fold {
    names: Names,
    clock: Clock,
    view: View,
    /// Whose initial list is in.
    listed: BTreeSet<&'static str>,
    /// Which watches fail now, with the reason.
    failing: BTreeMap<&'static str, String>,
}

/// One step of a watch, flattened: what is there now, or what went.
enum Step<K> {
    Start,
    There(K),
    Gone(K),
    Listed,
}

impl<K> From<watcher::Event<K>> for Step<K> {
    fn from(event: watcher::Event<K>) -> Self {
        match event {
            watcher::Event::Init => Self::Start,
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                Self::There(object)
            }
            watcher::Event::Delete(object) => Self::Gone(object),
            watcher::Event::InitDone => Self::Listed,
        }
    }
}

impl Fold {
    fn new(names: Names, clock: Clock) -> Self {
        Self {
            names,
            clock,
            view: View::default(),
            listed: BTreeSet::new(),
            failing: BTreeMap::new(),
        }
    }

    fn take(&mut self, seen: Seen) {
        let works = match seen {
            Seen::Failed(what, reason) => {
                self.failing.insert(what, reason);
                None
            }
            Seen::Deployment(event) => self.deployment(event.into()),
            Seen::Pod(event) => self.pod(event.into()),
            Seen::Hpa(event) => self.hpa(event.into()),
            Seen::ScaledObject(event) => self.scaled_object(event.into()),
            Seen::Event(event) => self.event(event.into()),
            Seen::Quota(event) => self.quota(event.into()),
        };
        if let Some(works) = works {
            self.failing.remove(works);
        }
        let since = self
            .view
            .stale
            .as_ref()
            .map_or_else(|| self.clock.now_ms(), |stale| stale.1);
        self.view.stale = self
            .failing
            .iter()
            .next()
            .map(|(what, reason)| (format!("watch {what}: {reason}"), since));
    }

    /// Notes an initial list; the picture is complete once all six are in.
    fn listed(&mut self, what: &'static str) -> Option<&'static str> {
        self.listed.insert(what);
        self.view.complete = self.listed.len() >= 6;
        Some(what)
    }

    fn deployment(&mut self, step: Step<Deployment>) -> Option<&'static str> {
        const WHAT: &str = "deployments";
        let name_of =
            |deployment: &Deployment| deployment.metadata.name.clone().unwrap_or_default();
        match step {
            Step::Start => {
                self.view.worker = None;
                self.view.redis_ready = None;
                return None;
            }
            Step::Listed => return self.listed(WHAT),
            Step::Gone(deployment) if name_of(&deployment) == self.names.worker => {
                self.view.worker = None;
            }
            Step::Gone(deployment) if name_of(&deployment) == self.names.redis => {
                self.view.redis_ready = None;
            }
            Step::There(deployment) => {
                let name = name_of(&deployment);
                let wanted = deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1);
                let status = deployment.status.unwrap_or_default();
                let ready = status.ready_replicas.unwrap_or(0);
                if name == self.names.worker {
                    let total = status.replicas.unwrap_or(0);
                    self.view.worker = Some((wanted.into(), total.into(), ready.into()));
                } else if name == self.names.redis {
                    self.view.redis_ready = Some(ready >= 1);
                }
            }
            Step::Gone(_) => {}
        }
        Some(WHAT)
    }

    fn pod(&mut self, step: Step<Pod>) -> Option<&'static str> {
        const WHAT: &str = "pods";
        match step {
            Step::Start => {
                self.view.pods.clear();
                return None;
            }
            Step::Listed => return self.listed(WHAT),
            Step::Gone(pod) => {
                self.view
                    .pods
                    .remove(&pod.metadata.name.unwrap_or_default());
            }
            Step::There(pod) if self.is_worker(&pod) => self.worker_pod(&pod),
            Step::There(_) => {}
        }
        Some(WHAT)
    }

    /// A pod of the worker Deployment is named after it: `queue-worker-<hash>-<suffix>`.
    fn is_worker(&self, pod: &Pod) -> bool {
        pod.metadata.generate_name.as_deref().is_some_and(|prefix| {
            prefix
                .strip_prefix(&self.names.worker)
                .is_some_and(|rest| rest.starts_with('-') && rest.matches('-').count() == 2)
        })
    }

    fn worker_pod(&mut self, pod: &Pod) {
        let now = self.clock.now_ms();
        let name = pod.metadata.name.clone().unwrap_or_default();
        let state = pod_state(pod);
        let complete = self.view.complete;
        let entry = self
            .view
            .pods
            .entry(name.clone())
            .or_insert_with(|| PodView {
                name,
                state,
                since: now,
                appeared: complete.then_some(now),
                cold_start: None,
            });
        if entry.state != state {
            entry.state = state;
            entry.since = now;
        }
        if state == PodState::Ready && entry.cold_start.is_none() {
            entry.cold_start = entry.appeared.map(|appeared| now - appeared);
        }
    }

    fn hpa(&mut self, step: Step<HorizontalPodAutoscaler>) -> Option<&'static str> {
        const WHAT: &str = "horizontalpodautoscalers";
        let ours = format!("keda-hpa-{}", self.names.scaled_object);
        match step {
            Step::Start => {
                self.view.hpa = None;
                return None;
            }
            Step::Listed => return self.listed(WHAT),
            Step::Gone(hpa) if hpa.metadata.name.as_ref() == Some(&ours) => self.view.hpa = None,
            Step::There(hpa) if hpa.metadata.name.as_ref() == Some(&ours) => {
                let synced = hpa.status.is_some().then(|| self.clock.now_ms());
                self.view.hpa = Some(hpa_view(hpa, synced));
            }
            Step::Gone(_) | Step::There(_) => {}
        }
        Some(WHAT)
    }

    fn scaled_object(&mut self, step: Step<DynamicObject>) -> Option<&'static str> {
        const WHAT: &str = "scaledobjects";
        match step {
            Step::Start => {
                self.view.scaled_object = None;
                self.view.metric = None;
                return None;
            }
            Step::Listed => return self.listed(WHAT),
            Step::Gone(object)
                if object.metadata.name.as_ref() == Some(&self.names.scaled_object) =>
            {
                self.view.scaled_object = None;
                self.view.metric = None;
            }
            Step::There(object)
                if object.metadata.name.as_ref() == Some(&self.names.scaled_object) =>
            {
                let status = &object.data["status"];
                let conditions = status["conditions"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice);
                let active = conditions
                    .iter()
                    .find(|condition| condition["type"] == "Active");
                self.view.scaled_object =
                    Some(active.and_then(|active| match active["status"].as_str() {
                        Some("True") => Some(true),
                        Some("False") => Some(false),
                        _ => None,
                    }));
                let metric = status["externalMetricNames"].get(0).and_then(Value::as_str);
                self.view.metric = metric.map(|metric| ExternalMetric {
                    namespace: self.names.namespace.clone(),
                    metric: metric.to_owned(),
                    scaled_object: self.names.scaled_object.clone(),
                });
            }
            Step::Gone(_) | Step::There(_) => {}
        }
        Some(WHAT)
    }

    /// Rescales of before we looked are in the initial list; only those that come later are news.
    fn event(&mut self, step: Step<Event>) -> Option<&'static str> {
        const WHAT: &str = "events";
        match step {
            Step::Start => return None,
            Step::Listed => return self.listed(WHAT),
            Step::There(event) if self.view.complete => {
                let rescales = &mut self.view.rescales;
                rescales.push(Rescale {
                    at: self.clock.now_ms(),
                    message: event.message.unwrap_or_default(),
                });
                let surplus = rescales.len().saturating_sub(20);
                rescales.drain(..surplus);
            }
            Step::There(_) | Step::Gone(_) => {}
        }
        Some(WHAT)
    }

    fn quota(&mut self, step: Step<ResourceQuota>) -> Option<&'static str> {
        const WHAT: &str = "resourcequotas";
        match step {
            Step::Start => {
                self.view.quota = None;
                return None;
            }
            Step::Listed => return self.listed(WHAT),
            Step::Gone(_) => self.view.quota = None,
            Step::There(quota) => {
                let status = quota.status.unwrap_or_default();
                let pods = |map: Option<BTreeMap<String, _>>| {
                    map.and_then(|map| {
                        map.get("pods").map(
                            |quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity| {
                                quantity.0.clone()
                            },
                        )
                    })
                    .and_then(|text| text.parse::<i64>().ok())
                };
                self.view.quota = pods(status.used).zip(pods(status.hard));
            }
        }
        Some(WHAT)
    }
}
