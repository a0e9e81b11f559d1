//! Server-side apply: the applied fields are merged into the live object, and remembered under the applier's name.
//!
//! Lists that are maps merge item by item, as the schema says. A field which a manager no longer applies, and nobody
//! else owns, goes away. A field of somebody else that would get another value is a conflict, unless the applier
//! forces; then it is the applier's alone. Who owns what is in `managers`.

use super::compare;
use super::field_set::FieldSet;
use super::managers::{Conflict, Managers, Writer};
use super::schema::{self, List, Place};
use serde_json::{Map, Value, json};

/// What `live` (null for a new object) becomes when `config` is applied.
///
/// # Errors
/// Every conflict, unless `force`.
pub(super) fn apply(
    live: &Value,
    config: &Value,
    writer: &Writer<'_>,
    place: &Place,
    force: bool,
) -> Result<Value, Vec<Conflict>> {
    let mut merged = if live.is_null() {
        json!({})
    } else {
        live.clone()
    };
    merge(&mut merged, config, place);
    let owned = compare::applied(config, place);
    let mut managers = Managers::of(live);
    let mut kept = managers.owned_by_others(writer);
    kept.unite(&owned);
    remove(&mut merged, &managers.owned_by(writer), Some(&kept));
    let difference = compare::objects(live, &merged, place);
    let conflicts = managers.conflicts(writer, &difference);
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    managers.applied(writer, owned, &difference);
    managers.put_into(&mut merged);
    Ok(merged)
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

/// Removes from `live` what `earlier` owned and `kept` does not have.
fn remove(live: &mut Value, earlier: &FieldSet, kept: Option<&FieldSet>) {
    for (step, inner) in &earlier.children {
        let still = kept.and_then(|kept| kept.children.get(step));
        match step.split_once(':') {
            Some(("f", name)) => remove_field(live, name, inner, still),
            Some(("k", key)) => remove_item(live, key, inner, still),
            Some(("v", text)) if still.is_none() => {
                let member = serde_json::from_str::<Value>(text).unwrap_or_default();
                if let Some(items) = live.as_array_mut() {
                    items.retain(|item| *item != member);
                }
            }
            _ => {}
        }
    }
}

fn remove_item(live: &mut Value, key: &str, inner: &FieldSet, still: Option<&FieldSet>) {
    let (Ok(key), Some(items)) = (
        serde_json::from_str::<Map<String, Value>>(key),
        live.as_array_mut(),
    ) else {
        return;
    };
    let is_it = |item: &Value| {
        key.iter()
            .all(|(name, value)| schema::key_value(item, name) == value)
    };
    if still.is_none() {
        items.retain(|item| !is_it(item));
    } else if let Some(item) = items.iter_mut().find(|item| is_it(item)) {
        remove(item, inner, still);
    }
}

fn remove_field(live: &mut Value, name: &str, inner: &FieldSet, still: Option<&FieldSet>) {
    let Some(fields) = live.as_object_mut() else {
        return;
    };
    if inner.children.is_empty() {
        if still.is_none() {
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
    if empty && still.is_none() {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::managers::Operation;
    use super::*;

    fn by<'a>(manager: &'a str, now: &'a str) -> Writer<'a> {
        Writer {
            manager,
            operation: Operation::Apply,
            api_version: "apps/v1",
            subresource: "",
            now,
        }
    }

    fn applied(live: &Value, config: &Value, manager: &str) -> Value {
        let writer = by(manager, "2026-01-01T00:00:00Z");
        apply(live, config, &writer, &Place::top("apps"), true).unwrap()
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
        let later = by("podium", "2030-01-01T00:00:00Z");
        let again = apply(&once, &config, &later, &Place::top("apps"), false).unwrap();
        assert_eq!(again, once);
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

    #[test]
    fn another_managers_value_is_a_conflict_until_it_is_forced() {
        let live = applied(&Value::Null, &json!({"spec": {"replicas": 1}}), "one");
        let place = Place::top("apps");
        let writer = by("two", "2026-01-02T00:00:00Z");
        let config = json!({"spec": {"replicas": 2}});
        let conflicts = apply(&live, &config, &writer, &place, false).unwrap_err();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].manager, "\"one\"");
        assert_eq!(conflicts[0].fields.paths(), [".spec.replicas"]);
        let forced = apply(&live, &config, &writer, &place, true).unwrap();
        let managers = forced["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!(managers.len(), 1);
        assert_eq!(managers[0]["manager"], "two");
        let shared = apply(
            &live,
            &json!({"spec": {"replicas": 1}}),
            &writer,
            &place,
            false,
        );
        let shared = shared.unwrap();
        assert_eq!(
            shared["metadata"]["managedFields"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
}
