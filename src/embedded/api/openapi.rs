//! The OpenAPI v3 documents, as small as they may be.
//!
//! `kubectl apply` and `create` look here for one thing: whether a kind's PATCH knows `fieldValidation` (and, for a
//! server-side dry run, `dryRun`). If it does, validation is the server's, which is the only place that can do it
//! right. Schemas are left out, and so is the strategic-merge media type: listing it without schemas that carry merge
//! keys would make `kubectl` merge by them; unlisted, it uses its built-in types.

use super::discovery;
use super::error::ApiError;
use super::kind::{KINDS, Kind};
use serde_json::{Map, Value, json};

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
    let paths: Map<String, Value> = KINDS
        .iter()
        .filter(|kind| path_of(kind.group, kind.version) == path)
        .map(|kind| {
            let scope = if kind.namespaced {
                "/namespaces/{namespace}"
            } else {
                ""
            };
            let operation = operation(kind);
            (
                format!("/{path}{scope}/{}/{{name}}", kind.resource.plural),
                json!({"patch": operation, "post": operation, "put": operation}),
            )
        })
        .collect();
    Ok(json!({
        "openapi": "3.0.0",
        "info": {"title": "Podium's embedded Kubernetes API", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": {}},
    }))
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
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
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
    })
}
