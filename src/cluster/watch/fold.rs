//! Folds what the watchers see into the view.
//!
//! A watch that breaks begins again with a list, and what it lists is mostly what we know. So a list blanks nothing: it
//! is read over the picture, and at its end what was not in it goes. When a pod appeared, when the HPA synced and which
//! rescales have been told outlast it.

use super::Seen;
use crate::clock::Clock;
use crate::cluster::metrics_api::ExternalMetric;
use crate::cluster::view::{Names, PodState, PodView, Rescale, View, hpa_view, pod_state};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event, Pod, ResourceQuota};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const DEPLOYMENTS: &str = "deployments";
const PODS: &str = "pods";
const HPAS: &str = "horizontalpodautoscalers";
const SCALED_OBJECTS: &str = "scaledobjects";
const EVENTS: &str = "events";
const QUOTAS: &str = "resourcequotas";

/// The kinds that are watched.
const WATCHED: [&str; 6] = [DEPLOYMENTS, PODS, HPAS, SCALED_OBJECTS, EVENTS, QUOTAS];

/// How many rescales are kept.
const RESCALES: usize = 20;

/// Folds changes into the view.
pub(super) struct Fold {
    names: Names,
    clock: Clock,
    view: View,
    /// Whose initial list is in.
    listed: BTreeSet<&'static str>,
    /// Who is being listed, with the names seen so far.
    listing: BTreeMap<&'static str, BTreeSet<String>>,
    /// The resource version of the HPA in the view.
    hpa_version: Option<String>,
    /// The rescale events that were seen, with their resource versions.
    events: BTreeMap<String, Option<String>>,
    /// Which watches fail now, with the reason.
    failing: BTreeMap<&'static str, String>,
    /// Why the API server does not answer, while it does not.
    lost: Option<String>,
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
    pub(super) fn new(names: Names, clock: Clock) -> Self {
        Self {
            names,
            clock,
            view: View::default(),
            listed: BTreeSet::new(),
            listing: BTreeMap::new(),
            hpa_version: None,
            events: BTreeMap::new(),
            failing: BTreeMap::new(),
            lost: None,
        }
    }

    /// Whether the API server was last said not to answer.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// The API server does not answer: whatever the watches last said may be old.
    pub(super) fn lost(&mut self, reason: String) {
        self.lost = Some(reason);
        self.judge();
    }

    /// The API server answers again, and every kind is being listed anew. Until its list is in, what we know of it is
    /// what we knew before.
    pub(super) fn found(&mut self) {
        self.lost = None;
        self.listing.clear();
        let reading = || "reading it again".to_owned();
        self.failing = WATCHED.into_iter().map(|what| (what, reading())).collect();
        self.judge();
    }

    /// The picture so far.
    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// Takes in what a watcher saw.
    pub(super) fn take(&mut self, seen: Seen) {
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
        // What a list has brought so far does not show that it will come to its end.
        if let Some(works) = works.filter(|works| !self.listing.contains_key(works)) {
            self.failing.remove(works);
        }
        self.judge();
    }

    /// Says whether the picture may be old, why, and since when.
    fn judge(&mut self) {
        let since = self
            .view
            .stale
            .as_ref()
            .map_or_else(|| self.clock.now_ms(), |stale| stale.1);
        let failing = self.failing.iter().next();
        let failing = failing.map(|(what, reason)| format!("watch {what}: {reason}"));
        let reason = self.lost.clone().or(failing);
        self.view.stale = reason.map(|reason| (reason, since));
    }

    /// A list begins. Whether the watch works shows when it ends.
    fn start(&mut self, what: &'static str) -> Option<&'static str> {
        self.listing.insert(what, BTreeSet::new());
        None
    }

    fn saw(&mut self, what: &'static str, name: &str) {
        if let Some(seen) = self.listing.get_mut(what) {
            seen.insert(name.to_owned());
        }
    }

    /// A list is in; returns the names in it. The picture is complete once the first list of every kind is in.
    fn listed(&mut self, what: &'static str) -> BTreeSet<String> {
        self.listed.insert(what);
        self.view.complete = self.listed.len() >= WATCHED.len();
        self.listing.remove(what).unwrap_or_default()
    }

    fn deployment(&mut self, step: Step<Deployment>) -> Option<&'static str> {
        match step {
            Step::Start => return self.start(DEPLOYMENTS),
            Step::Listed => {
                let seen = self.listed(DEPLOYMENTS);
                for name in [self.names.worker.clone(), self.names.redis.clone()] {
                    if !seen.contains(&name) {
                        self.deployment_gone(&name);
                    }
                }
            }
            Step::Gone(deployment) => self.deployment_gone(&deployment.name_any()),
            Step::There(deployment) => {
                let name = deployment.name_any();
                self.saw(DEPLOYMENTS, &name);
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
        }
        Some(DEPLOYMENTS)
    }

    fn deployment_gone(&mut self, name: &str) {
        if name == self.names.worker {
            self.view.worker = None;
        } else if name == self.names.redis {
            self.view.redis_ready = None;
        }
    }

    fn pod(&mut self, step: Step<Pod>) -> Option<&'static str> {
        match step {
            Step::Start => return self.start(PODS),
            Step::Listed => {
                let seen = self.listed(PODS);
                self.view.pods.retain(|name, _| seen.contains(name));
            }
            Step::Gone(pod) => {
                self.view.pods.remove(&pod.name_any());
            }
            Step::There(pod) => {
                self.saw(PODS, &pod.name_any());
                if self.is_worker(&pod) {
                    self.worker_pod(&pod);
                }
            }
        }
        Some(PODS)
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
        // One that a list brings was there before we looked, whenever that was.
        let seen_appearing = self.view.complete && !self.listing.contains_key(PODS);
        let entry = self
            .view
            .pods
            .entry(name.clone())
            .or_insert_with(|| PodView {
                name,
                state,
                since: now,
                appeared: seen_appearing.then_some(now),
                cold_start: None,
            });
        if entry.state != state {
            entry.state = state;
            entry.since = now;
        }
        if state == PodState::Ready && entry.cold_start.is_none() {
            // A clock that was set back in between has made the time unknown.
            entry.cold_start = entry
                .appeared
                .map(|appeared| now - appeared)
                .filter(|cold_start| *cold_start >= 0);
        }
    }

    fn hpa(&mut self, step: Step<HorizontalPodAutoscaler>) -> Option<&'static str> {
        let ours = format!("keda-hpa-{}", self.names.scaled_object);
        match step {
            Step::Start => return self.start(HPAS),
            Step::Listed => {
                if !self.listed(HPAS).contains(&ours) {
                    self.hpa_gone();
                }
            }
            Step::Gone(hpa) if hpa.name_any() == ours => self.hpa_gone(),
            Step::There(hpa) if hpa.name_any() == ours => {
                self.saw(HPAS, &ours);
                let version = hpa.resource_version();
                // Listed again as it was: no sync happened.
                if self.view.hpa.is_none() || self.hpa_version != version {
                    self.hpa_version = version;
                    let synced = hpa.status.is_some().then(|| self.clock.now_ms());
                    self.view.hpa = Some(hpa_view(hpa, synced));
                }
            }
            Step::Gone(_) | Step::There(_) => {}
        }
        Some(HPAS)
    }

    fn hpa_gone(&mut self) {
        self.view.hpa = None;
        self.hpa_version = None;
    }

    fn scaled_object(&mut self, step: Step<DynamicObject>) -> Option<&'static str> {
        let ours = self.names.scaled_object.clone();
        match step {
            Step::Start => return self.start(SCALED_OBJECTS),
            Step::Listed => {
                if !self.listed(SCALED_OBJECTS).contains(&ours) {
                    self.scaled_object_gone();
                }
            }
            Step::Gone(object) if object.name_any() == ours => self.scaled_object_gone(),
            Step::There(object) if object.name_any() == ours => {
                self.saw(SCALED_OBJECTS, &ours);
                self.read_scaled_object(&object.data["status"]);
            }
            Step::Gone(_) | Step::There(_) => {}
        }
        Some(SCALED_OBJECTS)
    }

    fn scaled_object_gone(&mut self) {
        self.view.scaled_object = None;
        self.view.metric = None;
    }

    fn read_scaled_object(&mut self, status: &Value) {
        let condition = |kind: &str| {
            let mut all = status["conditions"].as_array().into_iter().flatten();
            let found = all.find(|condition| condition["type"] == kind);
            found.and_then(|condition| condition["status"].as_str())
        };
        self.view.scaled_object = Some(match condition("Active") {
            Some("True") => Some(true),
            Some("False") => Some(false),
            _ if condition("Ready") == Some("True") => any_trigger_active(status),
            _ => None,
        });
        let metric = status["externalMetricNames"].get(0).and_then(Value::as_str);
        self.view.metric = metric.map(|metric| ExternalMetric {
            namespace: self.names.namespace.clone(),
            metric: metric.to_owned(),
            scaled_object: self.names.scaled_object.clone(),
        });
    }

    /// Rescales of before we looked are in the initial list; only those that come later are news.
    fn event(&mut self, step: Step<Event>) -> Option<&'static str> {
        match step {
            Step::Start => return self.start(EVENTS),
            Step::Listed => {
                let seen = self.listed(EVENTS);
                self.events.retain(|name, _| seen.contains(name));
            }
            Step::Gone(event) => {
                self.events.remove(&event.name_any());
            }
            Step::There(event) => {
                let (name, version) = (event.name_any(), event.resource_version());
                self.saw(EVENTS, &name);
                let told = self.events.insert(name, version.clone());
                if self.view.complete && told != Some(version) {
                    self.rescale(event.message.unwrap_or_default());
                }
            }
        }
        Some(EVENTS)
    }

    fn rescale(&mut self, message: String) {
        let rescales = &mut self.view.rescales;
        rescales.push(Rescale {
            at: self.clock.now_ms(),
            message,
        });
        let surplus = rescales.len().saturating_sub(RESCALES);
        rescales.drain(..surplus);
    }

    /// The namespace's quota. Of several the one that changed last counts.
    fn quota(&mut self, step: Step<ResourceQuota>) -> Option<&'static str> {
        match step {
            Step::Start => return self.start(QUOTAS),
            Step::Listed => {
                if self.listed(QUOTAS).is_empty() {
                    self.view.quota = None;
                }
            }
            Step::Gone(_) => self.view.quota = None,
            Step::There(quota) => {
                self.saw(QUOTAS, &quota.name_any());
                let status = quota.status.unwrap_or_default();
                self.view.quota = pods(status.used).zip(pods(status.hard));
            }
        }
        Some(QUOTAS)
    }
}

/// The pods among a quota's amounts.
fn pods(amounts: Option<BTreeMap<String, Quantity>>) -> Option<i64> {
    amounts?.get("pods")?.0.parse().ok()
}

/// What KEDA noted of each trigger when it last looked at it. The condition `Active` may be unknown although it did: the
/// reconcile in whose middle it looked ends by writing the condition as it was before.
fn any_trigger_active(status: &Value) -> Option<bool> {
    let triggers = status["triggersActivity"].as_object()?.values();
    triggers
        .filter_map(|trigger| trigger["isActive"].as_bool())
        .reduce(|one, other| one || other)
}

#[cfg(test)]
mod tests;
