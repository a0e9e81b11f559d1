//! What a pod costs, in the terms of a quota.

use super::super::pod;
use crate::autoscale::quantity::Quantity;
use crate::embedded::store::Object;
use serde_json::Value;

/// One thing a quota can limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    name: String,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// Pods that have not run their course.
    Pods,
    /// Pod objects, finished ones too.
    Objects,
    /// A field of the containers' `resources`, for example `requests` of `cpu`.
    Amount {
        side: &'static str,
        resource: &'static str,
    },
}

impl Measure {
    /// The measure of this name; `None` for what is not measured.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let amount = |side, resource| Counts::Amount { side, resource };
        let counts = match name {
            "pods" => Counts::Pods,
            "count/pods" => Counts::Objects,
            "cpu" | "requests.cpu" => amount("requests", "cpu"),
            "memory" | "requests.memory" => amount("requests", "memory"),
            "limits.cpu" => amount("limits", "cpu"),
            "limits.memory" => amount("limits", "memory"),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            counts,
        })
    }

    /// Its name in the quota.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// What `pod` costs. A pod that has run its course costs nothing but its object; one that is being deleted costs as
/// before, until it is gone.
pub(super) fn of(pod: &Value, measure: &Measure) -> Quantity {
    match measure.counts {
        Counts::Objects => Quantity::from_integer(1),
        _ if pod::is_finished(pod) => Quantity::from_integer(0),
        Counts::Pods => Quantity::from_integer(1),
        Counts::Amount { side, resource } => containers(pod)
            .filter_map(|container| amount(container, side, resource))
            .fold(Quantity::from_integer(0), |sum, one| sum + one),
    }
}

/// What `pods` cost together.
pub(super) fn total(pods: &[Object], measure: &Measure) -> Quantity {
    pods.iter()
        .map(|pod| of(pod, measure))
        .fold(Quantity::from_integer(0), |sum, one| sum + one)
}

/// The containers of `pod` that leave out what `measure` needs, as the API server's sentence names them.
pub(super) fn missing(pod: &Value, measure: &Measure) -> Option<String> {
    let Counts::Amount { side, resource } = measure.counts else {
        return None;
    };
    let names: Vec<&str> = containers(pod)
        .filter(|container| amount(container, side, resource).is_none())
        .filter_map(|container| container["name"].as_str())
        .collect();
    (!names.is_empty()).then(|| format!("{} for: {}", measure.name, names.join(",")))
}

fn amount(container: &Value, side: &str, resource: &str) -> Option<Quantity> {
    match &container["resources"][side][resource] {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["spec"]["containers"].as_array().into_iter().flatten()
}
