//! Server-side apply: the applied fields are merged into the live object, and remembered under the applier's name.
//!
//! Lists that are maps merge item by item, as the schema says. `metadata.managedFields` records what each manager
//! applied, in the API's own notation (`f:` field, `k:` list item, `v:` set member), so that a field which a manager
//! no longer applies, and nobody else does, goes away. Managers do not conflict here: the last one to apply a field
//! wins and both own it.

use super::schema::{self, List, Place};
use serde_json::{Map, Value, json};

/// Who applies, and as what.
pub(super) struct Applier<'a> {
    /// `fieldManager` of the request.
    pub(super) manager: &'a str,
    /// API version of the applied object.
    pub(super) api_version: &'a str,
    /// API group of its kind.
    pub(super) group: &'a str,
    /// Now, as Kubernetes writes it.
    pub(super) now: &'a str,
}

/// What `live` (null for a new object) becomes when `config` is applied.
pub(super) fn apply(live: &Value, config: &Value, applier: &Applier<'_>) -> Value {
    let place = Place::top(applier.group);
    let mut merged = if live.is_null() {
        json!({})
    } else {
        live.clone()
    };
    merge(&mut merged, config, &place);
    let fields = owned_fields(config, &place);
    let entries = live["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let (mine, others): (Vec<Value>, Vec<Value>) = entries
        .into_iter()
        .partition(|entry| entry["manager"] == applier.manager && entry["operation"] == "Apply");
    if let Some(earlier) = mine.first() {
        let kept: Vec<&Value> = std::iter::once(&fields)
            .chain(others.iter().map(|entry| &entry["fieldsV1"]))
            .collect();
        remove(&mut merged, &earlier["fieldsV1"], &kept);
    }
    let entry = match mine.into_iter().next() {
        // Applying the same again is not a change, so it must not even move a timestamp.
        Some(earlier) if earlier["fieldsV1"] == fields => earlier,
        _ => json!({
            "manager": applier.manager,
            "operation": "Apply",
            "apiVersion": applier.api_version,
            "time": applier.now,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }),
    };
    let mut entries = others;
    entries.push(entry);
    entries.sort_by(|one, other| one["manager"].as_str().cmp(&other["manager"].as_str()));
    merged["metadata"]["managedFields"] = Value::Array(entries);
    merged
}

fn merge(live: &mut Value, config: &Value, place: &Place) {
    match config {
        Value::Object(config) if !place.is_atomic_map() => {
            if !live.is_object() {
                *live = Value::Object(Map::new());
            }
            for (name, value) in config.iter().filter(|(_, value)| !value.is_null()) {
                merge(&mut live[name.as_str()], value, &place.field(name));
            }
        }
        Value::Array(config) if place.list() != List::Atomic => {
            if !live.is_array() {
                *live = Value::Array(Vec::new());
            }
            let Some(items) = live.as_array_mut() else {
                return;
            };
            for item in config {
                merge_item(items, item, place);
            }
        }
        value => *live = value.clone(),
    }
}

fn merge_item(items: &mut Vec<Value>, item: &Value, place: &Place) {
    match place.list() {
        List::Map(keys) => match items
            .iter_mut()
            .find(|live| schema::same_item(live, item, keys))
        {
            Some(live) => merge(live, item, place),
            None => items.push(item.clone()),
        },
        _ if items.contains(item) => {}
        _ => items.push(item.clone()),
    }
}

/// The fields of an applied object that its applier owns: all but those that identify it.
fn owned_fields(config: &Value, place: &Place) -> Value {
    let mut fields = tree(config, place);
    if let Some(top) = fields.as_object_mut() {
        for name in ["f:apiVersion", "f:kind", "f:status"] {
            top.remove(name);
        }
        if let Some(metadata) = top.get_mut("f:metadata").and_then(Value::as_object_mut) {
            metadata.retain(|name, _| {
                matches!(
                    name.as_str(),
                    "f:labels" | "f:annotations" | "f:finalizers" | "f:ownerReferences"
                )
            });
            if metadata.is_empty() {
                top.remove("f:metadata");
            }
        }
    }
    fields
}

fn tree(value: &Value, place: &Place) -> Value {
    let mut fields = Map::new();
    match value {
        Value::Object(map) if !place.is_atomic_map() => {
            for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                fields.insert(format!("f:{name}"), tree(value, &place.field(name)));
            }
        }
        Value::Array(items) => match place.list() {
            List::Map(keys) => {
                for item in items {
                    let key: Map<String, Value> = keys
                        .iter()
                        .map(|key| ((*key).to_owned(), schema::key_value(item, key).clone()))
                        .filter(|(_, value)| !value.is_null())
                        .collect();
                    let mut inner = tree(item, place);
                    inner["."] = json!({});
                    fields.insert(format!("k:{}", Value::Object(key)), inner);
                }
            }
            List::Set => {
                for item in items {
                    fields.insert(format!("v:{item}"), json!({}));
                }
            }
            List::Atomic => {}
        },
        _ => {}
    }
    Value::Object(fields)
}

/// Removes from `live` what `earlier` owned and none of `kept` owns.
fn remove(live: &mut Value, earlier: &Value, kept: &[&Value]) {
    for (step, inner) in earlier.as_object().into_iter().flatten() {
        let still: Vec<&Value> = kept.iter().filter_map(|tree| tree.get(step)).collect();
        match step.split_once(':') {
            Some(("f", name)) => remove_field(live, name, inner, &still),
            Some(("k", key)) => {
                let Ok(key) = serde_json::from_str::<Map<String, Value>>(key) else {
                    continue;
                };
                let Some(items) = live.as_array_mut() else {
                    continue;
                };
                let is_it = |item: &Value| {
                    key.iter()
                        .all(|(name, value)| schema::key_value(item, name) == value)
                };
                if still.is_empty() {
                    items.retain(|item| !is_it(item));
                } else if let Some(item) = items.iter_mut().find(|item| is_it(item)) {
                    remove(item, inner, &still);
                }
            }
            Some(("v", text)) if still.is_empty() => {
                let member = serde_json::from_str::<Value>(text).unwrap_or_default();
                if let Some(items) = live.as_array_mut() {
                    items.retain(|item| *item != member);
                }
            }
            _ => {}
        }
    }
}

fn remove_field(live: &mut Value, name: &str, inner: &Value, still: &[&Value]) {
    let Some(fields) = live.as_object_mut() else {
        return;
    };
    let leaf = inner.as_object().is_none_or(Map::is_empty);
    if leaf {
        if still.is_empty() {
            fields.remove(name);
        }
        return;
    }
    let Some(child) = fields.get_mut(name) else {
        return;
    };
    remove(child, inner, still);
    let empty = match child {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if empty && still.is_empty() {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(live: &Value, config: &Value, manager: &str) -> Value {
        let applier = Applier {
            manager,
            api_version: "apps/v1",
            group: "apps",
            now: "2026-01-01T00:00:00Z",
        };
        apply(live, config, &applier)
    }

    #[test]
    fn what_others_set_stays_and_what_is_no_longer_applied_goes() {
        let first = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"template": {"spec": {"containers": [
            {"name": "x", "image": "1", "args": ["a"], "env": [{"name": "E", "value": "1"}, {"name": "F", "value": "2"}]},
        ]}}}});
        let mut live = applied(&Value::Null, &first, "podium");
        live["spec"]["replicas"] = json!(7);
        live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        let second = json!({"metadata": {"labels": {"a": "3"}}, "spec": {"template": {"spec": {"containers": [
            {"name": "x", "image": "2", "env": [{"name": "E", "value": "1"}]},
        ]}}}});
        let live = applied(&live, &second, "podium");
        assert_eq!(live["metadata"]["labels"], json!({"a": "3"}));
        assert_eq!(live["spec"]["replicas"], 7);
        assert_eq!(
            live["spec"]["template"]["spec"]["containers"],
            json!([{"name": "x", "image": "2", "imagePullPolicy": "Always", "env": [{"name": "E", "value": "1"}]}])
        );
    }

    #[test]
    fn applying_the_same_again_changes_nothing() {
        let config = json!({"spec": {"ports": [{"port": 80}]}});
        let once = applied(&Value::Null, &config, "podium");
        let applier = Applier {
            manager: "podium",
            api_version: "v1",
            group: "",
            now: "2030-01-01T00:00:00Z",
        };
        assert_eq!(apply(&once, &config, &applier), once);
    }

    #[test]
    fn a_field_that_another_manager_applied_too_stays() {
        let config = json!({"metadata": {"labels": {"a": "1"}}});
        let live = applied(
            &applied(&Value::Null, &config, "kubectl"),
            &config,
            "podium",
        );
        let live = applied(&live, &json!({"spec": {"paused": true}}), "podium");
        assert_eq!(live["metadata"]["labels"], json!({"a": "1"}));
        let live = applied(&live, &json!({}), "kubectl");
        assert_eq!(live["metadata"].get("labels"), None);
    }
}
