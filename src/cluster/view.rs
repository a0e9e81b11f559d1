//! The demo as the cluster shows it: plain data, read out of API objects.

use super::metrics_api::ExternalMetric;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;
use std::collections::BTreeMap;

/// Names of what the demo consists of; all in one namespace.
#[derive(Clone, Debug)]
pub struct Names {
    /// The namespace.
    pub namespace: String,
    /// The scaled Deployment.
    pub worker: String,
    /// The Deployment that holds the queue.
    pub redis: String,
    /// The ScaledObject; its HPA is `keda-hpa-<this>`.
    pub scaled_object: String,
}

/// The state of one worker pod, as the audience sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PodState {
    /// Created, not yet on a node.
    Pending,
    /// On its node, containers being created or not ready yet.
    Starting,
    /// Ready.
    Ready,
    /// Asked to stop.
    Terminating,
    /// Crashed, or cannot start.
    Failed,
}

/// One worker pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodView {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: PodState,
    /// When we saw it enter that state, ms since the epoch.
    pub since: i64,
    /// When we saw it appear; `None` when it was there before we looked.
    #[serde(skip)]
    pub appeared: Option<i64>,
    /// How long it took from appearing to ready, ms; `None` when not known.
    #[serde(skip)]
    pub cold_start: Option<i64>,
}

/// What the HPA says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HpaView {
    /// `status.desiredReplicas`
    pub desired: Option<i64>,
    /// `spec.minReplicas`
    pub min: i64,
    /// The metric's target average, in jobs.
    pub target: Option<i64>,
    /// `spec.behavior.scaleDown.stabilizationWindowSeconds`, in ms.
    pub stabilization_window: i64,
    /// When its status last changed, ms since the epoch: a sync happened then.
    pub synced: Option<i64>,
}

/// A rescale, with the HPA's own reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// When we saw it, ms since the epoch.
    pub at: i64,
    /// The event's message: `New size: 25; reason: …`.
    pub message: String,
}

/// Everything the cluster shows of the demo. `None` means that there is no such object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Whether the first lists are in: before that, an absent object means nothing.
    pub complete: bool,
    /// Why the picture may be old, and since when (ms since the epoch).
    pub stale: Option<(String, i64)>,
    /// The worker Deployment: (wanted, total, ready) replicas.
    pub worker: Option<(i64, i64, i64)>,
    /// Whether the queue's Deployment is ready.
    pub redis_ready: Option<bool>,
    /// The HPA that KEDA made.
    pub hpa: Option<HpaView>,
    /// Whether the ScaledObject is active; `None` inside when KEDA has not said yet.
    pub scaled_object: Option<Option<bool>>,
    /// The ScaledObject's first external metric.
    pub metric: Option<ExternalMetric>,
    /// The worker pods by name.
    pub pods: BTreeMap<String, PodView>,
    /// Pods used and allowed by the namespace's quota.
    pub quota: Option<(i64, i64)>,
    /// The rescales seen since we looked, oldest first; the last twenty.
    pub rescales: Vec<Rescale>,
}

pub(super) fn hpa_view(hpa: HorizontalPodAutoscaler, synced: Option<i64>) -> HpaView {
    let spec = hpa.spec;
    let target = spec
        .metrics
        .iter()
        .flatten()
        .find_map(|metric| metric.external.as_ref()?.target.average_value.as_ref())
        .and_then(|quantity| quantity.0.parse().ok());
    let window = spec
        .behavior
        .and_then(|behavior| behavior.scale_down)
        .and_then(|down| down.stabilization_window_seconds)
        // The HPA controller's --horizontal-pod-autoscaler-downscale-stabilization.
        .unwrap_or(300);
    // The API server gives a new HPA `desiredReplicas: 0`; what is wanted is known once the controller has looked, and
    // then it has put conditions there too.
    let looked_at = hpa.status.filter(|status| {
        let conditions = status.conditions.as_deref();
        conditions.is_some_and(|conditions| !conditions.is_empty())
    });
    HpaView {
        desired: looked_at.map(|status| status.desired_replicas.into()),
        min: spec.min_replicas.unwrap_or(1).into(),
        target,
        stabilization_window: i64::from(window) * 1_000,
        synced,
    }
}

pub(super) fn pod_state(pod: &Pod) -> PodState {
    if pod.metadata.deletion_timestamp.is_some() {
        return PodState::Terminating;
    }
    let Some(status) = &pod.status else {
        return PodState::Pending;
    };
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let cannot_start = containers.iter().any(|container| {
        let waiting = container
            .state
            .as_ref()
            .and_then(|state| state.waiting.as_ref());
        let reason = waiting
            .and_then(|waiting| waiting.reason.as_deref())
            .unwrap_or_default();
        reason.ends_with("Error") || reason.ends_with("BackOff") || reason == "ErrImagePull"
    });
    let phase = status.phase.as_deref().unwrap_or_default();
    if cannot_start || phase == "Failed" {
        return PodState::Failed;
    }
    let is_true = |kind: &str| {
        let conditions = status.conditions.as_deref().unwrap_or_default();
        conditions
            .iter()
            .any(|condition| condition.type_ == kind && condition.status == "True")
    };
    if is_true("Ready") {
        PodState::Ready
    } else if is_true("PodScheduled") {
        PodState::Starting
    } else {
        PodState::Pending
    }
}
