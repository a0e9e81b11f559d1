//! Strategic merge patch: a JSON merge patch that knows which lists are maps.
//!
//! `kubectl apply`, `edit`, `label`, `annotate`, `set` and `rollout` send it for built-in kinds. Besides values it
//! carries directives: `$patch: delete | replace`, `$retainKeys`, `$setElementOrder/<list>`,
//! `$deleteFromPrimitiveList/<list>`.

use super::schema::{List, Place};
use serde_json::{Map, Value};

/// Merges `patch` into `live`, which is at `place`.
pub(super) fn merge(live: &mut Value, patch: &Value, place: &Place) {
    let Value::Object(patch) = patch else {
        *live = patch.clone();
        return;
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *live = without_directives(&Value::Object(patch.clone()));
            return;
        }
        Some("delete") => {
            *live = Value::Null;
            return;
        }
        _ => {}
    }
    if !live.is_object() {
        *live = Value::Object(Map::new());
    }
    let Some(fields) = live.as_object_mut() else {
        return;
    };
    if let Some(keep) = patch.get("$retainKeys").and_then(Value::as_array) {
        fields.retain(|name, _| keep.iter().any(|kept| kept == name));
    }
    for (name, value) in patch {
        merge_field(fields, name, value, place);
    }
    for (name, order) in patch {
        if let Some(list) = name.strip_prefix("$setElementOrder/") {
            sort(fields.get_mut(list), order, &place.field(list));
        }
    }
}

fn merge_field(fields: &mut Map<String, Value>, name: &str, value: &Value, place: &Place) {
    if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
        if let (Some(Value::Array(items)), Some(gone)) = (fields.get_mut(list), value.as_array()) {
            items.retain(|item| !gone.contains(item));
        }
        return;
    }
    if name.starts_with('$') {
        return;
    }
    let place = place.field(name);
    match value {
        Value::Null => {
            fields.remove(name);
        }
        Value::Object(_) => {
            let live = fields.entry(name).or_insert(Value::Null);
            merge(live, value, &place);
            if live.is_null() {
                fields.remove(name);
            }
        }
        Value::Array(items) => merge_list(fields.entry(name).or_insert(Value::Null), items, &place),
        scalar => {
            fields.insert(name.to_owned(), scalar.clone());
        }
    }
}

fn merge_list(live: &mut Value, patch: &[Value], place: &Place) {
    if !live.is_array() {
        *live = Value::Array(Vec::new());
    }
    let Some(items) = live.as_array_mut() else {
        return;
    };
    let replace = patch.iter().any(|item| item["$patch"] == "replace");
    match place.list() {
        List::Set => {
            for item in patch {
                if !items.contains(item) {
                    items.push(item.clone());
                }
            }
        }
        List::Map(keys) if !replace => {
            for item in patch {
                merge_item(items, item, keys[0], place);
            }
        }
        _ => {
            *items = patch
                .iter()
                .filter(|item| item["$patch"].is_null())
                .map(without_directives)
                .collect();
        }
    }
}

fn merge_item(items: &mut Vec<Value>, item: &Value, key: &str, place: &Place) {
    let position = items.iter().position(|live| live[key] == item[key]);
    match (position, item["$patch"].as_str()) {
        (Some(position), Some("delete")) => {
            items.remove(position);
        }
        (None, Some("delete")) => {}
        (Some(position), _) => merge(&mut items[position], item, place),
        (None, _) => {
            let mut new = Value::Null;
            merge(&mut new, item, place);
            items.push(new);
        }
    }
}

/// Puts a list into the order the client gave; what it does not name (what others added) keeps its order at the end.
fn sort(list: Option<&mut Value>, order: &Value, place: &Place) {
    let (Some(Value::Array(items)), Some(order)) = (list, order.as_array()) else {
        return;
    };
    let rank = |item: &Value| {
        let named = |wanted: &Value| match place.list() {
            List::Map(keys) => wanted[keys[0]] == item[keys[0]],
            _ => wanted == item,
        };
        order.iter().position(named).unwrap_or(order.len())
    };
    items.sort_by_key(rank);
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, value)| !name.starts_with('$') && !value.is_null())
                .map(|(name, value)| (name.clone(), without_directives(value)))
                .collect(),
        ),
        Value::Array(items) => items.iter().map(without_directives).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(live: &Value, patch: &Value, expected: &Value) {
        let mut merged = live.clone();
        merge(&mut merged, patch, &Place::top("apps"));
        assert_eq!(merged, *expected);
    }

    #[test]
    fn containers_merge_by_name_and_environment_within_them() {
        check(
            &json!({"spec": {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}]}}),
            &json!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [
                {"name": "b", "image": "2"},
                {"name": "a", "env": [{"name": "Y", "value": "2"}, {"name": "X", "$patch": "delete"}]},
            ]}}),
            &json!({"spec": {"containers": [
                {"name": "b", "image": "2"},
                {"name": "a", "image": "1", "env": [{"name": "Y", "value": "2"}]},
            ]}}),
        );
    }

    #[test]
    fn directives_replace_retain_and_delete() {
        check(
            &json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}),
            &json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            &json!({"spec": {"strategy": {"type": "Recreate"}}}),
        );
        check(
            &json!({"metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x", "y"]}, "spec": {"args": ["a"]}}),
            &json!({"metadata": {"labels": {"a": null}, "$deleteFromPrimitiveList/finalizers": ["x"], "finalizers": ["z"]}, "spec": {"args": ["b"]}}),
            &json!({"metadata": {"labels": {"b": "2"}, "finalizers": ["y", "z"]}, "spec": {"args": ["b"]}}),
        );
        check(
            &json!({"spec": {"env": [{"name": "X"}]}}),
            &json!({"spec": {"env": [{"$patch": "replace"}, {"name": "Y", "value": "1"}]}}),
            &json!({"spec": {"env": [{"name": "Y", "value": "1"}]}}),
        );
    }

    #[test]
    fn service_ports_and_container_ports_have_their_own_keys() {
        check(
            &json!({"spec": {"ports": [{"port": 80, "name": "a"}]}}),
            &json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 81}]}}),
            &json!({"spec": {"ports": [{"port": 80, "name": "a", "targetPort": 8080}, {"port": 81}]}}),
        );
    }
}
