//! Which fields an object has, and which of them differ between two states of it.
//!
//! Lists that are maps are compared item by item, as the schema says, so that the second container of a pod is not the
//! first one's business. The fields that identify an object, and those that the server alone writes, belong to nobody.

use super::field_set::FieldSet;
use super::schema::{self, List, Place};
use serde_json::{Map, Value};

/// Metadata that nobody owns.
const SERVERS_OWN: [&str; 9] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
    "deletionTimestamp",
];

/// Containers that are always there in the typed form, so that adding their contents does not add them.
const ALWAYS_THERE: [&str; 6] = [
    "spec",
    "status",
    "template",
    "metadata",
    "strategy",
    "containers",
];

/// What a write did to the fields of an object.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// New fields, and fields with another value.
    pub(super) changed: FieldSet,
    /// Fields that are gone.
    pub(super) removed: FieldSet,
}

impl Difference {
    /// Whether the two states were the same.
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }

    /// Forgets what is below `step`.
    pub(super) fn leave_out(&mut self, step: &str) {
        self.changed.children.remove(step);
        self.removed.children.remove(step);
    }

    fn put(&mut self, step: String, below: Self) {
        self.changed.put(step.clone(), below.changed);
        self.removed.put(step, below.removed);
    }
}

/// The fields that `config` names: what its applier owns.
pub(super) fn applied(config: &Value, place: &Place) -> FieldSet {
    let mut fields = whole(config, place, false);
    fields.member = false;
    for step in ["f:apiVersion", "f:kind"] {
        fields.children.remove(step);
    }
    if let Some(metadata) = fields.children.get_mut("f:metadata") {
        for name in SERVERS_OWN {
            metadata.children.remove(&format!("f:{name}"));
        }
        metadata.member = false;
        if metadata.is_empty() {
            fields.children.remove("f:metadata");
        }
    }
    fields
}

/// What differs between two states of an object; `before` may be null.
pub(super) fn objects(before: &Value, after: &Value, place: &Place) -> Difference {
    let mut difference = Difference::default();
    for name in names(before, after) {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                let mut below = Difference::default();
                let (before, after) = (&before["metadata"], &after["metadata"]);
                let place = place.field("metadata");
                for name in names(before, after) {
                    if !SERVERS_OWN.contains(&name.as_str()) {
                        let inner = values(&before[&name], &after[&name], &place.field(&name));
                        below.put(format!("f:{name}"), inner);
                    }
                }
                difference.put("f:metadata".to_owned(), below);
            }
            _ => {
                let inner = values(&before[&name], &after[&name], &place.field(&name));
                difference.put(format!("f:{name}"), inner);
            }
        }
    }
    difference
}

fn names(before: &Value, after: &Value) -> Vec<String> {
    let keys = |value: &Value| {
        let map = value.as_object().into_iter().flatten();
        map.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let mut names = keys(before);
    names.extend(keys(after));
    names.sort();
    names.dedup();
    names
}

fn values(before: &Value, after: &Value, place: &Place) -> Difference {
    let mut difference = Difference::default();
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Null, after) => difference.changed = whole(after, place, true),
        (before, Value::Null) => difference.removed = whole(before, place, true),
        (Value::Object(_), Value::Object(_)) if !place.is_atomic_map() => {
            for name in names(before, after) {
                let inner = values(&before[&name], &after[&name], &place.field(&name));
                difference.put(format!("f:{name}"), inner);
            }
        }
        (Value::Array(old), Value::Array(new)) if place.list() != List::Atomic => {
            lists(old, new, place, &mut difference);
        }
        _ => difference.changed = FieldSet::leaf(),
    }
    difference
}

fn lists(before: &[Value], after: &[Value], place: &Place, difference: &mut Difference) {
    let find = |items: &[Value], wanted: &str| -> Value {
        let found = items.iter().find(|item| step(item, place) == wanted);
        found.cloned().unwrap_or(Value::Null)
    };
    for item in after {
        let step = step(item, place);
        let old = find(before, &step);
        let mut inner = values(&old, item, place);
        inner.changed.member |= old.is_null();
        difference.put(step, inner);
    }
    for item in before {
        let step = step(item, place);
        if find(after, &step).is_null() {
            let mut inner = values(item, &Value::Null, place);
            inner.removed.member = true;
            difference.put(step, inner);
        }
    }
}

/// An item's step in a list at `place`.
fn step(item: &Value, place: &Place) -> String {
    let List::Map(keys) = place.list() else {
        return format!("v:{item}");
    };
    let keys: Map<String, Value> = keys
        .iter()
        .map(|key| ((*key).to_owned(), schema::key_value(item, key).clone()))
        .filter(|(_, value)| !value.is_null())
        .collect();
    format!("k:{}", Value::Object(keys))
}

/// Every field of `value`. With `containers`, the maps and lists that hold them count as well, as they do for a write
/// that created them.
fn whole(value: &Value, place: &Place, containers: bool) -> FieldSet {
    let mut fields = FieldSet::default();
    match value {
        Value::Object(map) if !place.is_atomic_map() => {
            for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                let inner = whole(value, &place.field(name), containers);
                fields.put(format!("f:{name}"), inner);
            }
        }
        Value::Array(items) => match place.list() {
            List::Atomic => {}
            List::Set => {
                for item in items {
                    fields.put(step(item, place), FieldSet::leaf());
                }
            }
            List::Map(_) => {
                for item in items {
                    let mut inner = whole(item, place, containers);
                    inner.member = true;
                    fields.put(step(item, place), inner);
                }
            }
        },
        _ => {}
    }
    fields.member = fields.children.is_empty() || (containers && !place.is_one_of(&ALWAYS_THERE));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_of_a_list_that_is_a_map_are_compared_by_their_keys() {
        let pod = |containers: Value| json!({"metadata": {"name": "p"}, "spec": {"containers": containers}});
        let before = pod(json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]));
        let after = pod(json!([{"name": "b", "image": "2"}, {"name": "c", "args": ["x"]}]));
        let difference = objects(&before, &after, &Place::top(""));
        assert_eq!(
            difference.changed.paths(),
            [
                ".spec.containers[name=\"b\"].image",
                ".spec.containers[name=\"c\"]",
                ".spec.containers[name=\"c\"].args",
                ".spec.containers[name=\"c\"].name",
            ]
        );
        assert_eq!(
            difference.removed.paths(),
            [
                ".spec.containers[name=\"a\"]",
                ".spec.containers[name=\"a\"].image",
                ".spec.containers[name=\"a\"].name",
            ]
        );
    }

    #[test]
    fn a_map_that_a_write_creates_is_its_writers_too() {
        let after =
            json!({"metadata": {"name": "x", "labels": {"a": "1"}}, "spec": {"replicas": 1}});
        let difference = objects(&Value::Null, &after, &Place::top("apps"));
        assert_eq!(
            difference.changed.write(),
            json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:replicas": {}}})
        );
        assert_eq!(
            applied(&after, &Place::top("apps")).write(),
            json!({"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:replicas": {}}})
        );
    }
}
