//! Names: which kind of object, and which one of it.

use serde_json::Value;
use std::fmt;

/// A kind of object by the plural name and group under which the API serves it (`deployments` in `apps`). The version
/// is not part of the key: all versions of a resource show the same object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Plural, lower-case resource name.
    pub plural: &'static str,
}

impl Resource {
    /// The resource `plural` of `group`.
    #[must_use]
    pub const fn new(group: &'static str, plural: &'static str) -> Self {
        Self { group, plural }
    }
}

impl fmt::Display for Resource {
    /// As the API server writes it in messages: `deployments.apps`, `pods`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(self.plural)
        } else {
            write!(f, "{}.{}", self.plural, self.group)
        }
    }
}

/// `namespaces`
pub const NAMESPACES: Resource = Resource::new("", "namespaces");
/// `nodes`
pub const NODES: Resource = Resource::new("", "nodes");
/// `pods`
pub const PODS: Resource = Resource::new("", "pods");
/// `services`
pub const SERVICES: Resource = Resource::new("", "services");
/// `endpoints`
pub const ENDPOINTS: Resource = Resource::new("", "endpoints");
/// `secrets`
pub const SECRETS: Resource = Resource::new("", "secrets");
/// `configmaps`
pub const CONFIG_MAPS: Resource = Resource::new("", "configmaps");
/// `events` (core; `events.k8s.io` shows the same objects)
pub const EVENTS: Resource = Resource::new("", "events");
/// `resourcequotas`
pub const RESOURCE_QUOTAS: Resource = Resource::new("", "resourcequotas");
/// `deployments.apps`
pub const DEPLOYMENTS: Resource = Resource::new("apps", "deployments");
/// `replicasets.apps`
pub const REPLICA_SETS: Resource = Resource::new("apps", "replicasets");
/// `jobs.batch`
pub const JOBS: Resource = Resource::new("batch", "jobs");
/// `endpointslices.discovery.k8s.io`
pub const ENDPOINT_SLICES: Resource = Resource::new("discovery.k8s.io", "endpointslices");
/// `horizontalpodautoscalers.autoscaling`
pub const HORIZONTAL_POD_AUTOSCALERS: Resource =
    Resource::new("autoscaling", "horizontalpodautoscalers");
/// `scaledobjects.keda.sh`
pub const SCALED_OBJECTS: Resource = Resource::new("keda.sh", "scaledobjects");
/// `triggerauthentications.keda.sh`
pub const TRIGGER_AUTHENTICATIONS: Resource = Resource::new("keda.sh", "triggerauthentications");

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which kind.
    pub resource: Resource,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl Key {
    /// The key of `name` in `namespace` (empty when cluster-scoped).
    pub fn new(resource: Resource, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            resource,
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key under which `object`, of kind `resource`, is stored.
    #[must_use]
    pub fn of(resource: Resource, object: &Value) -> Self {
        Self::new(resource, namespace(object), name(object))
    }
}

/// `metadata.name`, or the empty string.
#[must_use]
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// `metadata.namespace`, or the empty string.
#[must_use]
pub fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// `metadata.uid`, or the empty string.
#[must_use]
pub fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

/// `metadata.resourceVersion` as a number; 0 when absent.
#[must_use]
pub fn resource_version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"]
        .as_str()
        .and_then(|version| version.parse().ok())
        .unwrap_or(0)
}

/// Whether deletion was asked for and something (a finalizer, a grace period) still holds the object.
#[must_use]
pub fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}
