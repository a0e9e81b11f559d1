//! The table of what the API serves: adding a Kubernetes kind is one entry here and, if `kubectl` lists it, its columns.
//!
//! Discovery, routing, OpenAPI, validation and Tables all read this table, so a kind cannot be half known. A resource
//! served in two forms (the HPA in `autoscaling/v2` and `v1`, events in the core group and in `events.k8s.io`) has two
//! entries over one stored resource; [`View`] says how the second is made from the first.

use crate::embedded::store::{
    CONFIG_MAPS, DEPLOYMENTS, ENDPOINT_SLICES, ENDPOINTS, EVENTS, HORIZONTAL_POD_AUTOSCALERS, JOBS,
    NAMESPACES, NODES, PODS, REPLICA_SETS, RESOURCE_QUOTAS, Resource, SCALED_OBJECTS, SECRETS,
    SERVICES, TRIGGER_AUTHENTICATIONS,
};
use k8s_openapi::api::{
    apps::v1 as apps, autoscaling::v1 as autoscaling_v1, autoscaling::v2 as autoscaling,
    batch::v1 as batch, coordination::v1 as coordination, core::v1 as core,
    discovery::v1 as discovery, events::v1 as events, networking::v1 as networking,
    policy::v1 as policy, rbac::v1 as rbac,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How an entry's objects relate to the stored ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// As stored.
    Stored,
    /// An `autoscaling/v1` HPA made from the stored `autoscaling/v2` one.
    AutoscalingV1,
    /// An `events.k8s.io/v1` Event made from the stored core one.
    EventsV1,
}

/// Reads an object as its typed form and writes it again: what is missing afterwards is not a field of the kind.
type RoundTrip = fn(&Value) -> Result<Value, serde_json::Error>;

/// One kind as served in one group and version.
#[derive(Debug)]
pub(super) struct Kind {
    /// API group; empty for the core group.
    pub(super) group: &'static str,
    /// API version within the group.
    pub(super) version: &'static str,
    /// `Deployment`.
    pub(super) kind: &'static str,
    /// `deployment`.
    pub(super) singular: &'static str,
    /// What is stored under it.
    pub(super) resource: Resource,
    /// Whether objects live in a namespace.
    pub(super) namespaced: bool,
    /// `deploy`.
    pub(super) short_names: &'static [&'static str],
    /// `all`.
    pub(super) categories: &'static [&'static str],
    /// `status`, `scale`, `log`, `portforward`, `token`.
    pub(super) subresources: &'static [&'static str],
    /// How it relates to what is stored.
    pub(super) view: View,
    /// The typed form, for the kinds that have one.
    pub(super) round_trip: Option<RoundTrip>,
}

impl Kind {
    /// `apps/v1`, `v1`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether it is one of KEDA's, defined by a CRD: without a typed form, and stricter about updates.
    pub(super) fn is_custom(&self) -> bool {
        self.group == "keda.sh"
    }

    /// Whether `name` is a subresource.
    pub(super) fn has(&self, name: &str) -> bool {
        self.subresources.contains(&name)
    }

    const fn new(
        resource: Resource,
        version: &'static str,
        kind: &'static str,
        singular: &'static str,
    ) -> Self {
        Self {
            group: resource.group,
            version,
            kind,
            singular,
            resource,
            namespaced: true,
            short_names: &[],
            categories: &[],
            subresources: &[],
            view: View::Stored,
            round_trip: None,
        }
    }

    const fn cluster_scoped(mut self) -> Self {
        self.namespaced = false;
        self
    }

    const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short_names = names;
        self
    }

    const fn in_all(mut self) -> Self {
        self.categories = &["all"];
        self
    }

    const fn with(mut self, subresources: &'static [&'static str]) -> Self {
        self.subresources = subresources;
        self
    }

    const fn seen_as(mut self, group: &'static str, view: View) -> Self {
        self.group = group;
        self.view = view;
        self
    }

    const fn typed<T: Serialize + DeserializeOwned>(mut self) -> Self {
        self.round_trip = Some(round_trip::<T>);
        self
    }
}

fn round_trip<T: Serialize + DeserializeOwned>(object: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(T::deserialize(object)?)
}

/// `customresourcedefinitions.apiextensions.k8s.io`
pub(super) const CUSTOM_RESOURCE_DEFINITIONS: Resource =
    Resource::new("apiextensions.k8s.io", "customresourcedefinitions");
/// `apiservices.apiregistration.k8s.io`
pub(super) const API_SERVICES: Resource = Resource::new("apiregistration.k8s.io", "apiservices");

const NETWORKING: &str = "networking.k8s.io";
/// `serviceaccounts`
pub(super) const SERVICE_ACCOUNTS: Resource = Resource::new("", "serviceaccounts");

const RBAC: &str = "rbac.authorization.k8s.io";
/// `clusterroles.rbac.authorization.k8s.io`
pub(super) const CLUSTER_ROLES: Resource = Resource::new(RBAC, "clusterroles");
/// `clusterrolebindings.rbac.authorization.k8s.io`
pub(super) const CLUSTER_ROLE_BINDINGS: Resource = Resource::new(RBAC, "clusterrolebindings");
/// `roles.rbac.authorization.k8s.io`
pub(super) const ROLES: Resource = Resource::new(RBAC, "roles");
/// `rolebindings.rbac.authorization.k8s.io`
pub(super) const ROLE_BINDINGS: Resource = Resource::new(RBAC, "rolebindings");

/// Everything served, in discovery order: within a group the preferred version first.
pub(super) static KINDS: &[Kind] = &[
    Kind::new(CONFIG_MAPS, "v1", "ConfigMap", "configmap")
        .short(&["cm"])
        .typed::<core::ConfigMap>(),
    Kind::new(ENDPOINTS, "v1", "Endpoints", "endpoints")
        .short(&["ep"])
        .typed::<core::Endpoints>(),
    Kind::new(EVENTS, "v1", "Event", "event")
        .short(&["ev"])
        .typed::<core::Event>(),
    Kind::new(NAMESPACES, "v1", "Namespace", "namespace")
        .cluster_scoped()
        .short(&["ns"])
        .with(&["status", "finalize"])
        .typed::<core::Namespace>(),
    Kind::new(NODES, "v1", "Node", "node")
        .cluster_scoped()
        .short(&["no"])
        .with(&["status"])
        .typed::<core::Node>(),
    Kind::new(PODS, "v1", "Pod", "pod")
        .short(&["po"])
        .in_all()
        .with(&["log", "portforward", "status"])
        .typed::<core::Pod>(),
    Kind::new(RESOURCE_QUOTAS, "v1", "ResourceQuota", "resourcequota")
        .short(&["quota"])
        .with(&["status"])
        .typed::<core::ResourceQuota>(),
    Kind::new(SECRETS, "v1", "Secret", "secret").typed::<core::Secret>(),
    Kind::new(SERVICE_ACCOUNTS, "v1", "ServiceAccount", "serviceaccount")
        .short(&["sa"])
        .with(&["token"])
        .typed::<core::ServiceAccount>(),
    Kind::new(SERVICES, "v1", "Service", "service")
        .short(&["svc"])
        .in_all()
        .with(&["status"])
        .typed::<core::Service>(),
    Kind::new(API_SERVICES, "v1", "APIService", "apiservice")
        .cluster_scoped()
        .with(&["status"]),
    Kind::new(
        CUSTOM_RESOURCE_DEFINITIONS,
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinition",
    )
    .cluster_scoped()
    .short(&["crd", "crds"])
    .with(&["status"]),
    Kind::new(DEPLOYMENTS, "v1", "Deployment", "deployment")
        .short(&["deploy"])
        .in_all()
        .with(&["scale", "status"])
        .typed::<apps::Deployment>(),
    Kind::new(REPLICA_SETS, "v1", "ReplicaSet", "replicaset")
        .short(&["rs"])
        .in_all()
        .with(&["scale", "status"])
        .typed::<apps::ReplicaSet>(),
    Kind::new(
        HORIZONTAL_POD_AUTOSCALERS,
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscaler",
    )
    .short(&["hpa"])
    .in_all()
    .with(&["status"])
    .typed::<autoscaling::HorizontalPodAutoscaler>(),
    Kind::new(
        HORIZONTAL_POD_AUTOSCALERS,
        "v1",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscaler",
    )
    .short(&["hpa"])
    .in_all()
    .with(&["status"])
    .seen_as("autoscaling", View::AutoscalingV1)
    .typed::<autoscaling_v1::HorizontalPodAutoscaler>(),
    Kind::new(JOBS, "v1", "Job", "job")
        .in_all()
        .with(&["status"])
        .typed::<batch::Job>(),
    Kind::new(
        Resource::new("coordination.k8s.io", "leases"),
        "v1",
        "Lease",
        "lease",
    )
    .typed::<coordination::Lease>(),
    Kind::new(ENDPOINT_SLICES, "v1", "EndpointSlice", "endpointslice")
        .typed::<discovery::EndpointSlice>(),
    Kind::new(EVENTS, "v1", "Event", "event")
        .short(&["ev"])
        .seen_as("events.k8s.io", View::EventsV1)
        .typed::<events::Event>(),
    Kind::new(SCALED_OBJECTS, "v1alpha1", "ScaledObject", "scaledobject")
        .short(&["so"])
        .with(&["status"]),
    // Stored only: nothing here routes, filters or evicts. They are what a talk in a cluster of one's own is applied with.
    Kind::new(
        Resource::new(NETWORKING, "ingresses"),
        "v1",
        "Ingress",
        "ingress",
    )
    .short(&["ing"])
    .with(&["status"])
    .typed::<networking::Ingress>(),
    Kind::new(
        Resource::new(NETWORKING, "networkpolicies"),
        "v1",
        "NetworkPolicy",
        "networkpolicy",
    )
    .short(&["netpol"])
    .typed::<networking::NetworkPolicy>(),
    Kind::new(
        Resource::new("policy", "poddisruptionbudgets"),
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudget",
    )
    .short(&["pdb"])
    .with(&["status"])
    .typed::<policy::PodDisruptionBudget>(),
    Kind::new(
        TRIGGER_AUTHENTICATIONS,
        "v1alpha1",
        "TriggerAuthentication",
        "triggerauthentication",
    )
    .short(&["ta", "triggerauth"])
    .with(&["status"]),
    Kind::new(
        CLUSTER_ROLE_BINDINGS,
        "v1",
        "ClusterRoleBinding",
        "clusterrolebinding",
    )
    .cluster_scoped()
    .typed::<rbac::ClusterRoleBinding>(),
    Kind::new(CLUSTER_ROLES, "v1", "ClusterRole", "clusterrole")
        .cluster_scoped()
        .typed::<rbac::ClusterRole>(),
    Kind::new(ROLE_BINDINGS, "v1", "RoleBinding", "rolebinding").typed::<rbac::RoleBinding>(),
    Kind::new(ROLES, "v1", "Role", "role").typed::<rbac::Role>(),
];

/// The kind served as `plural` in `group`/`version`.
pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| {
        kind.group == group && kind.version == version && kind.resource.plural == plural
    })
}
