//! Which columns a kind has, and how an object fills them.
//!
//! The stored object goes in, one cell a column comes out, wide columns (priority 1) always included: `kubectl` hides
//! them unless asked. Kinds without an entry get NAME and AGE, as upstream.

mod autoscaling;
mod boundary;
mod cluster;
mod pod;
mod workload;

use super::age::age;
use super::kind::Kind;
use serde_json::{Value, json};

/// The head of a column.
pub(super) struct Column {
    /// `Name`; `kubectl` writes it in capitals.
    pub(super) name: &'static str,
    /// `string`, `integer`, `date`.
    pub(super) kind: &'static str,
    /// 0, or 1 for `-o wide` only.
    pub(super) priority: u8,
}

/// How a kind is printed.
pub(super) struct Printer {
    /// Heads.
    pub(super) columns: &'static [Column],
    /// The cells of one stored object at a moment (ms since the epoch), as many as heads.
    pub(super) cells: fn(&Value, i64) -> Vec<Value>,
}

const fn text(name: &'static str) -> Column {
    Column {
        name,
        kind: "string",
        priority: 0,
    }
}

const fn number(name: &'static str) -> Column {
    Column {
        name,
        kind: "integer",
        priority: 0,
    }
}

const fn wide(name: &'static str) -> Column {
    Column {
        name,
        kind: "string",
        priority: 1,
    }
}

static PLAIN: Printer = Printer {
    columns: &[text("Name"), text("Age")],
    cells: |object, now| vec![name(object), created(object, now)],
};

/// The printer of `kind`.
pub(super) fn of(kind: &Kind) -> &'static Printer {
    match kind.kind {
        "Pod" => &pod::POD,
        "Deployment" => &workload::DEPLOYMENT,
        "ReplicaSet" => &workload::REPLICA_SET,
        "Job" => &workload::JOB,
        "HorizontalPodAutoscaler" => &autoscaling::HORIZONTAL_POD_AUTOSCALER,
        "ScaledObject" => &autoscaling::SCALED_OBJECT,
        "TriggerAuthentication" => &autoscaling::TRIGGER_AUTHENTICATION,
        "Event" => &cluster::EVENT,
        "Namespace" => &cluster::NAMESPACE,
        "Node" => &cluster::NODE,
        "Service" => &cluster::SERVICE,
        "Endpoints" => &cluster::ENDPOINTS,
        "EndpointSlice" => &cluster::ENDPOINT_SLICE,
        "Secret" => &cluster::SECRET,
        "ConfigMap" => &cluster::CONFIG_MAP,
        "ResourceQuota" => &cluster::RESOURCE_QUOTA,
        "Lease" => &cluster::LEASE,
        "CustomResourceDefinition" | "Role" | "ClusterRole" => &cluster::CREATED_AT,
        "RoleBinding" | "ClusterRoleBinding" => &cluster::BINDING,
        "Ingress" => &boundary::INGRESS,
        "NetworkPolicy" => &boundary::NETWORK_POLICY,
        "PodDisruptionBudget" => &boundary::POD_DISRUPTION_BUDGET,
        "APIService" => &cluster::API_SERVICE,
        _ => &PLAIN,
    }
}

fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

fn created(object: &Value, now: i64) -> Value {
    json!(age(&object["metadata"]["creationTimestamp"], now))
}

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn or_none(text: &str) -> Value {
    json!(if text.is_empty() { "<none>" } else { text })
}

/// The comma-separated `field` of all containers of a pod spec.
fn of_containers(spec: &Value, field: &str) -> Value {
    let values: Vec<&str> = spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container[field].as_str())
        .collect();
    json!(values.join(","))
}

#[cfg(test)]
mod tests {
    use super::super::kind::KINDS;
    use super::*;

    #[test]
    fn every_kind_fills_every_column_even_of_an_empty_object() {
        for kind in KINDS {
            let printer = of(kind);
            assert_eq!(
                (printer.cells)(&json!({}), 0).len(),
                printer.columns.len(),
                "{}",
                kind.kind
            );
        }
    }
}
