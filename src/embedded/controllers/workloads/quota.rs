//! ResourceQuotas: how much of a namespace its pods may take.
//!
//! [`admit`] is the admission plugin: it refuses a new pod that would exceed a quota. The controller beside it keeps
//! each quota's status, which is what `kubectl get quota` shows. Both count the pods that are there, so they cannot
//! disagree. Quotas on `pods`, `count/pods` and on requests and limits of cpu and memory count; a quota on anything
//! else is stored and has no effect, and neither have scopes.
//!
//! A real API server books a pod on the quota's status as it admits it. Here the pods themselves are the book: two
//! requests at the very same moment may both take the last place.

mod usage;

use super::reconcile::{self, Reconciler};
use crate::autoscale::quantity::Quantity;
use crate::embedded::store::{self, Change, Key, Object, PODS, RESOURCE_QUOTAS, Store};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use usage::Measure;

/// Whether the quotas of its namespace leave room for `pod`, which is not stored yet.
///
/// # Errors
/// The API server's sentence: which quota stands in the way and by how much.
pub fn admit(store: &Store, pod: &Value) -> Result<(), String> {
    let namespace = store::namespace(pod);
    let (quotas, _) = store.list(RESOURCE_QUOTAS, Some(namespace));
    if quotas.is_empty() {
        return Ok(());
    }
    let (pods, _) = store.list(PODS, Some(namespace));
    for quota in &quotas {
        fits(quota, pod, &pods)
            .map_err(|why| format!("pods \"{}\" is forbidden: {why}", store::name(pod)))?;
    }
    Ok(())
}

/// Whether `quota` has room for `pod` beside `pods`.
fn fits(quota: &Value, pod: &Value, pods: &[Object]) -> Result<(), String> {
    let name = store::name(quota);
    let limits: Vec<(Measure, Quantity)> = limits(quota).collect();
    let missing: Vec<String> = limits
        .iter()
        .filter_map(|(measure, _)| usage::missing(pod, measure))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join("; ");
        return Err(format!("failed quota: {name}: must specify {missing}"));
    }
    let mut exceeded: BTreeMap<&str, [Quantity; 3]> = BTreeMap::new();
    for (measure, limit) in &limits {
        let requested = usage::of(pod, measure);
        let used = usage::total(pods, measure);
        if requested > Quantity::from_integer(0) && used + requested > *limit {
            exceeded.insert(measure.name(), [requested, used, *limit]);
        }
    }
    if exceeded.is_empty() {
        return Ok(());
    }
    let list = |column: usize| -> String {
        let pairs: Vec<String> = exceeded
            .iter()
            .map(|(resource, amounts)| format!("{resource}={}", amounts[column]))
            .collect();
        pairs.join(",")
    };
    Err(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        list(0),
        list(1),
        list(2)
    ))
}

/// What `quota` limits, as far as it can be measured, in the order of the names.
fn limits(quota: &Value) -> impl Iterator<Item = (Measure, Quantity)> {
    let hard: BTreeMap<&String, &Value> = quota["spec"]["hard"]
        .as_object()
        .into_iter()
        .flatten()
        .collect();
    hard.into_iter().filter_map(|(resource, limit)| {
        let limit = match limit {
            Value::String(text) => text.parse().ok()?,
            number => number.to_string().parse().ok()?,
        };
        Some((Measure::parse(resource)?, limit))
    })
}

/// Keeps the status of every quota until `shutdown`.
pub(super) async fn run(store: Store, shutdown: CancellationToken) {
    let controller = Quotas {
        store: store.clone(),
    };
    reconcile::drive(&store, controller, shutdown).await;
}

struct Quotas {
    store: Store,
}

impl Quotas {
    fn keys(&self, namespace: Option<&str>) -> Vec<Key> {
        let (quotas, _) = self.store.list(RESOURCE_QUOTAS, namespace);
        quotas
            .iter()
            .map(|quota| Key::of(RESOURCE_QUOTAS, quota))
            .collect()
    }
}

impl Reconciler for Quotas {
    fn affected(&mut self, change: &Change) -> Vec<Key> {
        match change.key.resource {
            RESOURCE_QUOTAS => vec![change.key.clone()],
            PODS => self.keys(Some(change.key.namespace.as_str())),
            _ => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Key> {
        self.keys(None)
    }

    fn reconcile(&mut self, key: &Key) -> Option<Duration> {
        let quota = self.store.get(key)?;
        let (pods, _) = self.store.list(PODS, Some(key.namespace.as_str()));
        let used: Map<String, Value> = limits(&quota)
            .map(|(measure, _)| {
                let used = usage::total(&pods, &measure).to_string();
                (measure.name().to_owned(), json!(used))
            })
            .collect();
        // Deleted in the meantime: no status to write.
        let _ = self.store.modify(key, None, |quota| {
            quota["status"] = json!({"hard": quota["spec"]["hard"], "used": used});
            Ok(())
        });
        None
    }
}

#[cfg(test)]
mod tests;
