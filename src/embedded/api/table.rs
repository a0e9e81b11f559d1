//! `meta.k8s.io/v1` Tables: the server decides the columns, `kubectl get` only aligns them.

use super::columns;
use super::convert;
use super::kind::Kind;
use super::read;
use super::request::Query;
use crate::embedded::store::Object;
use serde_json::{Value, json};

/// The Table of `objects`; `metadata` is the list's. `includeObject` in the query says what comes with each row.
pub(super) fn table(
    kind: &Kind,
    objects: &[Object],
    metadata: &Value,
    query: &Query,
    now_ms: i64,
) -> Value {
    let printer = columns::of(kind);
    let definitions: Vec<Value> = printer
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.kind,
                "format": if column.name == "Name" { "name" } else { "" },
                "description": column.name,
                "priority": column.priority,
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let shown = match query.text("includeObject") {
                "None" => Value::Null,
                "Object" => convert::outward(kind, object),
                _ => read::metadata_of(object),
            };
            json!({"cells": (printer.cells)(object, now_ms), "object": shown})
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}
