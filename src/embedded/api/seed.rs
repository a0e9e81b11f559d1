//! What a fresh cluster with KEDA already holds: its namespaces, the bindings by which users may do anything at all,
//! KEDA's CRDs, and the registrations of its metrics API and of metrics-server's. Clients look for these before they deploy anything.

use super::kind::{
    API_SERVICES, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, CUSTOM_RESOURCE_DEFINITIONS,
};
use super::rbac;
use super::{external_metrics, resource_metrics};
use crate::embedded::store::{NAMESPACES, Resource, Store};
use crate::embedded::usage::Usage;
use serde_json::{Value, json};

/// Creates them where they are missing.
pub(super) fn seed(store: &Store) {
    let now = store.timestamp();
    let objects = ["default", "kube-system", "keda"]
        .map(|name| (NAMESPACES, namespace(name)))
        .into_iter()
        .chain([
            (
                CUSTOM_RESOURCE_DEFINITIONS,
                definition("ScaledObject", &["so"], &now),
            ),
            (
                CUSTOM_RESOURCE_DEFINITIONS,
                definition("TriggerAuthentication", &["ta", "triggerauth"], &now),
            ),
            (
                API_SERVICES,
                api_service(
                    external_metrics::GROUP,
                    ("keda", "keda-operator-metrics-apiserver"),
                    &now,
                ),
            ),
        ])
        .chain(Usage::is_served().then(|| {
            let server = ("kube-system", "metrics-server");
            (
                API_SERVICES,
                api_service(resource_metrics::GROUP, server, &now),
            )
        }))
        .chain(rbac::bootstrap().into_iter().flat_map(bound_role));
    for (resource, object) in objects {
        // Already there is what we want.
        let _ = store.create(resource, object);
    }
}

fn namespace(name: &str) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    super::defaults::complete(&mut object);
    object
}

/// A ClusterRole and the binding of its name.
fn bound_role((name, rules, group): (&str, Value, &str)) -> [(Resource, Value); 2] {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let object = |kind: &str| {
        json!({
            "apiVersion": format!("{GROUP}/v1"),
            "kind": kind,
            "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        })
    };
    let (mut role, mut binding) = (object("ClusterRole"), object("ClusterRoleBinding"));
    role["rules"] = rules;
    binding["roleRef"] = json!({"apiGroup": GROUP, "kind": "ClusterRole", "name": name});
    binding["subjects"] = json!([{"apiGroup": GROUP, "kind": "Group", "name": group}]);
    [(CLUSTER_ROLES, role), (CLUSTER_ROLE_BINDINGS, binding)]
}

fn definition(kind: &str, short_names: &[&str], now: &str) -> Value {
    let singular = kind.to_ascii_lowercase();
    let plural = format!("{singular}s");
    let names = json!({
        "kind": kind,
        "listKind": format!("{kind}List"),
        "plural": plural,
        "singular": singular,
        "shortNames": short_names,
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.keda.sh"), "labels": {
            "app.kubernetes.io/part-of": "keda-operator",
            // The version whose rules `autoscale::keda` has.
            "app.kubernetes.io/version": "2.20.2",
        }},
        "spec": {
            "group": "keda.sh",
            "names": names,
            "scope": "Namespaced",
            "conversion": {"strategy": "None"},
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
        "status": {
            "acceptedNames": names,
            "storedVersions": ["v1alpha1"],
            "conditions": [
                condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
                condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
            ],
        },
    })
}

/// The registration of version `v1beta1` of a group that the Service of this namespace and name serves.
fn api_service(group: &str, (namespace, service): (&str, &str), now: &str) -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": format!("v1beta1.{group}")},
        "spec": {
            "group": group,
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"name": service, "namespace": namespace, "port": 443},
        },
        "status": {"conditions": [condition("Available", "Passed", "all checks passed", now)]},
    })
}

fn condition(kind: &str, reason: &str, message: &str, now: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now})
}
