//! What the server says about itself: versions, groups and resources, in the aggregated form that `kubectl` asks for
//! first and in the plain forms that older clients and libraries read. All of it is derived from the table of kinds.

use super::error::ApiError;
use super::external_metrics;
use super::kind::{KINDS, Kind};
use super::resource_metrics;
use crate::embedded::usage::Usage;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

const VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// The reviews: resources that are only ever created, and answered at once.
const REVIEWS: &[(&str, &str, &str)] = &[
    (
        "authentication.k8s.io",
        "selfsubjectreviews",
        "SelfSubjectReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
    ),
    (
        "authorization.k8s.io",
        "subjectaccessreviews",
        "SubjectAccessReview",
    ),
];

/// One resource or subresource as discovery describes it.
struct Entry {
    name: String,
    singular: &'static str,
    namespaced: bool,
    kind: &'static str,
    /// Group and version of the kind, when they are not the resource's own (`Scale`).
    kind_of: Option<(&'static str, &'static str)>,
    verbs: &'static [&'static str],
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
}

/// `GET /version`.
pub(super) fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "gitVersion": "v1.36.0+podium",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// `GET /api` and `GET /apis`.
pub(super) fn root(core: bool, headers: &HeaderMap) -> Response {
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accept.contains("as=APIGroupDiscoveryList") && accept.contains("v=v2;") {
        let body = aggregated(core).to_string();
        return ([(CONTENT_TYPE, AGGREGATED)], body).into_response();
    }
    let body = if core {
        json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        })
    } else {
        let groups: Vec<Value> = groups()
            .into_iter()
            .filter(|(group, _)| !group.is_empty())
            .map(|(group, versions)| plain_group(group, &versions))
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    };
    axum::Json(body).into_response()
}

/// `GET /apis/<group>`.
pub(super) fn group(name: &str) -> Result<Value, ApiError> {
    let (group, versions) = groups()
        .into_iter()
        .find(|(group, _)| *group == name && !group.is_empty())
        .ok_or(ApiError::NoSuchResource)?;
    let mut body = plain_group(group, &versions);
    body["kind"] = json!("APIGroup");
    body["apiVersion"] = json!("v1");
    Ok(body)
}

/// `GET /api/v1` and `GET /apis/<group>/<version>`.
pub(super) fn resources(group: &str, version: &str) -> Result<Value, ApiError> {
    let entries = entries(group, version);
    if entries.is_empty() {
        return Err(ApiError::NoSuchResource);
    }
    let resources: Vec<Value> = entries.iter().map(plain_resource).collect();
    Ok(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version(group, version),
        "resources": resources,
    }))
}

/// Every group with its versions, preferred first.
pub(super) fn groups() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let served = KINDS
        .iter()
        .map(|kind| (kind.group, kind.version))
        .chain(REVIEWS.iter().map(|(group, _, _)| (*group, "v1")))
        .chain([(external_metrics::GROUP, external_metrics::VERSION)])
        .chain(Usage::is_served().then_some((resource_metrics::GROUP, resource_metrics::VERSION)));
    for (group, version) in served {
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, versions)) if versions.contains(&version) => {}
            Some((_, versions)) => versions.push(version),
            None => groups.push((group, vec![version])),
        }
    }
    groups
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

fn plain_group(group: &str, versions: &[&str]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": group_version(group, version), "version": version}))
        .collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions[0]})
}

fn plain_resource(entry: &Entry) -> Value {
    let mut resource = json!({
        "name": entry.name,
        "singularName": entry.singular,
        "namespaced": entry.namespaced,
        "kind": entry.kind,
        "verbs": entry.verbs,
    });
    if let Some((group, version)) = entry.kind_of {
        resource["group"] = json!(group);
        resource["version"] = json!(version);
    }
    if !entry.short_names.is_empty() {
        resource["shortNames"] = json!(entry.short_names);
    }
    if !entry.categories.is_empty() {
        resource["categories"] = json!(entry.categories);
    }
    resource
}

fn aggregated(core: bool) -> Value {
    let items: Vec<Value> = groups()
        .into_iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .into_iter()
                .map(|version| {
                    json!({
                        "version": version,
                        "freshness": "Current",
                        "resources": aggregated_resources(group, version),
                    })
                })
                .collect();
            json!({"metadata": {"name": group, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated_resources(group: &str, version: &str) -> Vec<Value> {
    let mut resources: Vec<Value> = Vec::new();
    for entry in entries(group, version) {
        let (kind_group, kind_version) = entry.kind_of.unwrap_or((group, version));
        let response_kind =
            json!({"group": kind_group, "version": kind_version, "kind": entry.kind});
        if let Some((_, subresource)) = entry.name.split_once('/') {
            // Entries come right after the resource they belong to.
            if let Some(subresources) = resources
                .last_mut()
                .and_then(|parent| parent["subresources"].as_array_mut())
            {
                subresources.push(json!({"subresource": subresource, "responseKind": response_kind, "verbs": entry.verbs}));
            }
            continue;
        }
        resources.push(json!({
            "resource": entry.name,
            "responseKind": response_kind,
            "scope": if entry.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": entry.singular,
            "verbs": entry.verbs,
            "shortNames": entry.short_names,
            "categories": entry.categories,
            "subresources": [],
        }));
    }
    resources
}

fn entries(group: &str, version: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = KINDS
        .iter()
        .filter(|kind| kind.group == group && kind.version == version)
        .flat_map(kind_entries)
        .collect();
    for (review_group, plural, kind) in REVIEWS {
        if *review_group == group && version == "v1" {
            entries.push(bare(plural, kind, false, &["create"]));
        }
    }
    if group == external_metrics::GROUP && version == external_metrics::VERSION {
        entries.push(bare(
            "externalmetrics",
            "ExternalMetricValueList",
            true,
            &["get"],
        ));
    }
    if group == resource_metrics::GROUP
        && version == resource_metrics::VERSION
        && Usage::is_served()
    {
        entries.push(bare("nodes", "NodeMetrics", false, &["get", "list"]));
        entries.push(bare("pods", "PodMetrics", true, &["get", "list"]));
    }
    entries
}

fn bare(
    plural: &str,
    kind: &'static str,
    namespaced: bool,
    verbs: &'static [&'static str],
) -> Entry {
    Entry {
        name: plural.to_owned(),
        singular: "",
        namespaced,
        kind,
        kind_of: None,
        verbs,
        short_names: &[],
        categories: &[],
    }
}

fn kind_entries(kind: &Kind) -> Vec<Entry> {
    let own = Entry {
        name: kind.resource.plural.to_owned(),
        singular: kind.singular,
        namespaced: kind.namespaced,
        kind: kind.kind,
        kind_of: None,
        verbs: VERBS,
        short_names: kind.short_names,
        categories: kind.categories,
    };
    let subresources = kind.subresources.iter().map(|subresource| {
        // A subresource that shows another kind than its resource.
        let (shown, kind_of) = match *subresource {
            "scale" => ("Scale", Some(("autoscaling", "v1"))),
            "portforward" => ("PodPortForwardOptions", None),
            "token" => ("TokenRequest", Some(("authentication.k8s.io", "v1"))),
            _ => (kind.kind, None),
        };
        Entry {
            name: format!("{}/{subresource}", kind.resource.plural),
            singular: "",
            namespaced: kind.namespaced,
            kind: shown,
            kind_of,
            verbs: match *subresource {
                "log" => &["get"],
                "portforward" => &["create", "get"],
                "token" => &["create"],
                "finalize" => &["update"],
                _ => &["get", "patch", "update"],
            },
            short_names: &[],
            categories: &[],
        }
    });
    std::iter::once(own).chain(subresources).collect()
}
