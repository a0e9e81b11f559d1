//! The OpenAPI documents: version 3 in full, version 2 in name.
//!
//! `kubectl apply` and `create` look here for one thing: whether a kind's PATCH knows `fieldValidation` (and, for a
//! server-side dry run, `dryRun`). If it does, validation is the server's, which is the only place that can do it
//! right. The strategic-merge media type is left out: listing it without merge keys in the schemas would make
//! `kubectl` merge by them; unlisted, it uses its built-in types.
//!
//! `kubectl explain` reads the schemas. Those of the built-in kinds are data, `openapi/built_in.json`: the definitions
//! of the Kubernetes API as `k8s-openapi` carries them for its `schemars` feature, one a line, without the parts of a
//! pod that no pod here has (volumes, affinity). A file costs nothing to compile; the feature would add an
//! implementation to each of several hundred types. Those of KEDA's kinds are our own, `openapi/scaled_object.json`
//! and `openapi/trigger_authentication.json`.

use super::discovery;
use super::error::ApiError;
use super::kind::{KINDS, Kind};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Definitions by name: `io.k8s.api.apps.v1.Deployment`.
static DEFINITIONS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut definitions: Map<String, Value> =
        serde_json::from_str(include_str!("openapi/built_in.json"))
            .expect("the file is part of the program, and a test reads it");
    let scaled_object = serde_json::from_str(include_str!("openapi/scaled_object.json"))
        .expect("the file is part of the program, and a test reads it");
    definitions.insert("sh.keda.v1alpha1.ScaledObject".to_owned(), scaled_object);
    let authentication = serde_json::from_str(include_str!("openapi/trigger_authentication.json"))
        .expect("the file is part of the program, and a test reads it");
    definitions.insert(
        "sh.keda.v1alpha1.TriggerAuthentication".to_owned(),
        authentication,
    );
    definitions
});

/// How a reference to a definition begins.
const REFERENCE: &str = "#/components/schemas/";

/// `GET /openapi/v2`: a document without a definition, in the protobuf encoding that is the only one `kubectl` asks for
/// (its `swagger` field, and no more). `kubectl` checks the items of a `kind: List` against it before it sends them one
/// by one; kinds it does not find there it leaves to the server, which checks every object anyway.
pub(super) fn v2() -> Response {
    const DOCUMENT: &[u8] = b"\x0a\x032.0";
    let media_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    ([(CONTENT_TYPE, media_type)], DOCUMENT).into_response()
}

/// `GET /openapi/v3`.
pub(super) fn index() -> Value {
    let mut paths = Map::new();
    for (group, versions) in discovery::groups() {
        for version in versions {
            let path = path_of(group, version);
            // The documents change with the program only, so its version is hash enough for the client's cache.
            let url = format!("/openapi/v3/{path}?hash={}", env!("CARGO_PKG_VERSION"));
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

/// `GET /openapi/v3/<path>`.
pub(super) fn document(path: &str) -> Result<Value, ApiError> {
    let known = discovery::groups().into_iter().any(|(group, versions)| {
        versions
            .into_iter()
            .any(|version| path_of(group, version) == path)
    });
    if !known {
        return Err(ApiError::NoSuchResource);
    }
    let kinds: Vec<&Kind> = KINDS
        .iter()
        .filter(|kind| path_of(kind.group, kind.version) == path)
        .collect();
    let paths: Map<String, Value> = kinds
        .iter()
        .map(|kind| {
            let scope = if kind.namespaced {
                "/namespaces/{namespace}"
            } else {
                ""
            };
            let operation = operation(kind);
            (
                format!("/{path}{scope}/{}/{{name}}", kind.resource.plural),
                json!({"get": operation, "patch": operation, "post": operation, "put": operation}),
            )
        })
        .collect();
    Ok(json!({
        "openapi": "3.0.0",
        "info": {"title": "Podium's embedded Kubernetes API", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": schemas(&kinds)},
    }))
}

/// The definition called `name`.
pub(super) fn definition(name: &str) -> Option<&'static Value> {
    DEFINITIONS.get(name)
}

/// The name of the definition that a reference leads to.
pub(super) fn referred(reference: &str) -> Option<&str> {
    reference.strip_prefix(REFERENCE)
}

/// The definitions of `kinds` and of all that they refer to. Kinds without a definition get an open one.
fn schemas(kinds: &[&Kind]) -> Map<String, Value> {
    let mut schemas = Map::new();
    for kind in kinds {
        let name = definition_name(kind);
        collect(&name, &mut schemas);
        let schema = schemas
            .entry(name)
            .or_insert_with(|| json!({"type": "object"}));
        schema["x-kubernetes-group-version-kind"] = json!([identity(kind)]);
    }
    schemas
}

fn collect(name: &str, schemas: &mut Map<String, Value>) {
    let Some(definition) = DEFINITIONS.get(name) else {
        return;
    };
    if schemas.contains_key(name) {
        return;
    }
    schemas.insert(name.to_owned(), definition.clone());
    let mut names = Vec::new();
    references(definition, &mut names);
    for name in names {
        collect(name, schemas);
    }
}

fn references<'a>(schema: &'a Value, names: &mut Vec<&'a str>) {
    match schema {
        Value::Object(fields) => {
            let target = fields.get("$ref").and_then(Value::as_str);
            names.extend(target.and_then(referred));
            fields.values().for_each(|inner| references(inner, names));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, names)),
        _ => {}
    }
}

/// The name of a kind's definition: the group's domain reversed for a custom resource, `io.k8s.api.…` otherwise.
pub(super) fn definition_name(kind: &Kind) -> String {
    let group = match kind.group {
        "" => "io.k8s.api.core".to_owned(),
        "keda.sh" => "sh.keda".to_owned(),
        group => {
            let first = group.split('.').next().unwrap_or_default();
            format!("io.k8s.api.{first}")
        }
    };
    format!("{group}.{}.{}", kind.version, kind.kind)
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn identity(kind: &Kind) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

fn operation(kind: &Kind) -> Value {
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
        .into_iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
        .collect();
    json!({
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": identity(kind),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_every_document_leads_somewhere() {
        let index = index();
        for path in index["paths"].as_object().unwrap().keys() {
            let document = document(path).unwrap();
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let mut names = Vec::new();
            references(&document["components"], &mut names);
            for name in names {
                assert!(schemas.contains_key(name), "{path}: {name}");
            }
        }
    }

    #[test]
    fn the_kinds_of_the_demo_have_their_fields() {
        for (path, name, pointer) in [
            (
                "apis/apps/v1",
                "io.k8s.api.apps.v1.DeploymentSpec",
                "replicas",
            ),
            (
                "apis/autoscaling/v2",
                "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec",
                "behavior",
            ),
            (
                "apis/discovery.k8s.io/v1",
                "io.k8s.api.discovery.v1.EndpointSlice",
                "endpoints",
            ),
            (
                "apis/rbac.authorization.k8s.io/v1",
                "io.k8s.api.rbac.v1.Role",
                "rules",
            ),
            (
                "apis/keda.sh/v1alpha1",
                "sh.keda.v1alpha1.ScaledObject",
                "spec",
            ),
            ("api/v1", "io.k8s.api.core.v1.PodSpec", "containers"),
        ] {
            let document = document(path).unwrap();
            let field = &document["components"]["schemas"][name]["properties"][pointer];
            assert!(field.is_object(), "{name}");
        }
    }
}
