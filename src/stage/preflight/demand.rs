//! What the demo asks of a namespace when every worker is up, added up from the manifests.

use crate::autoscale::quantity::Quantity;
use crate::cluster::apply::Manifest;
use serde_json::Value;

/// What KEDA takes when a ScaledObject does not say.
const KEDA_DEFAULT_MAX: i64 = 100;

/// One Deployment at its largest.
pub(super) struct Crowd<'a> {
    /// The pods' template.
    pub(super) template: &'a Value,
    /// Its name.
    pub(super) name: &'a str,
    /// By which its pods are known.
    pub(super) labels: &'a Value,
    /// How many pods it has when it is largest.
    pub(super) most: i64,
}

/// The Deployments of `manifests`, each at its largest: the scaled one at its ScaledObject's maximum.
pub(super) fn crowds(manifests: &[Manifest]) -> Vec<Crowd<'_>> {
    let deployments = manifests
        .iter()
        .filter(|manifest| matches!(manifest.kind(), "Deployment" | "StatefulSet"));
    deployments
        .map(|deployment| {
            let object = deployment.object();
            let scaled = manifests.iter().find(|other| {
                other.kind() == "ScaledObject"
                    && other.object()["spec"]["scaleTargetRef"]["name"] == deployment.name()
            });
            let most = match scaled {
                Some(scaled) => scaled.object()["spec"]["maxReplicaCount"]
                    .as_i64()
                    .unwrap_or(KEDA_DEFAULT_MAX),
                None => object["spec"]["replicas"].as_i64().unwrap_or(1),
            };
            Crowd {
                template: &object["spec"]["template"],
                name: deployment.name(),
                labels: &object["spec"]["selector"]["matchLabels"],
                most,
            }
        })
        .collect()
}

impl Crowd<'_> {
    /// What one pod of it counts for as `resource` of a quota (`pods`, `requests.cpu`, `limits.memory`, …), in
    /// thousandths. `None` when a container does not say, `Some(0)` for what pods do not count for.
    pub(super) fn counts(&self, resource: &str) -> Option<i64> {
        let (kind, name) = match resource {
            "pods" | "count/pods" => return Some(1000),
            "cpu" | "memory" => ("requests", resource),
            _ => match resource.split_once('.') {
                Some((kind @ ("requests" | "limits"), name @ ("cpu" | "memory"))) => (kind, name),
                _ => return Some(0),
            },
        };
        let containers = self.template["spec"]["containers"].as_array()?;
        containers.iter().try_fold(0_i64, |sum, container| {
            let resources = &container["resources"];
            let text = resources[kind][name]
                .as_str()
                // As the API server fills it in.
                .or_else(|| (kind == "requests").then(|| resources["limits"][name].as_str())?)?;
            Some(sum.saturating_add(milli(text)?))
        })
    }

    /// Whether a pod with these labels is one of it.
    pub(super) fn owns(&self, pod: &Value) -> bool {
        let labels = self.labels.as_object();
        labels.is_some_and(|labels| {
            labels
                .iter()
                .all(|(name, value)| pod["metadata"]["labels"][name] == *value)
        })
    }
}

/// A quantity in thousandths.
pub(super) fn milli(text: &str) -> Option<i64> {
    text.parse::<Quantity>().ok().map(Quantity::milli)
}
