//! The value at a field's path, as field managers write paths.
//!
//! `.spec.template.spec.containers[name="worker"].image`: a name after a dot, an item of a list by its keys. A name may have
//! dots itself (`.metadata.labels.app.kubernetes.io/name`), so the object decides where it ends.

use serde_json::Value;

/// The value of `object` at `path`; `None` when there is none.
pub(super) fn value<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(object);
    }
    if let Some(rest) = path.strip_prefix('.') {
        return object.as_object()?.iter().find_map(|(name, inner)| {
            let rest = rest.strip_prefix(name.as_str())?;
            // Another name may begin with this one.
            let ends = rest.is_empty() || rest.starts_with(['.', '[']);
            if ends { value(inner, rest) } else { None }
        });
    }
    let (keys, rest) = keys(path)?;
    let item = object
        .as_array()?
        .iter()
        .find(|item| is_keyed(item, &keys))?;
    value(item, rest)
}

/// The keys in brackets that `path` begins with, each with its value, and what follows.
fn keys(path: &str) -> Option<(Vec<(&str, Value)>, &str)> {
    let mut rest = path.strip_prefix('[')?;
    let mut keys = Vec::new();
    loop {
        let (name, after) = rest.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let value = values.next()?.ok()?;
        keys.push((name, value));
        let after = &after[values.byte_offset()..];
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((keys, after.strip_prefix(']')?)),
        }
    }
}

fn is_keyed(item: &Value, keys: &[(&str, Value)]) -> bool {
    keys.iter().all(|(name, value)| match *name {
        // An item of a set is its own key.
        "" => item == value,
        name => item.get(name) == Some(value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_its_value() {
        let object = json!({
            "metadata": {"labels": {"app": "x", "app.kubernetes.io/name": "worker"}, "finalizers": ["a", "b"]},
            "spec": {"containers": [
                {"name": "worker", "image": "podium:2", "ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]},
            ]},
        });
        for (path, expected) in [
            (
                ".metadata.labels.app.kubernetes.io/name",
                Some(json!("worker")),
            ),
            (".metadata.labels.app", Some(json!("x"))),
            (".metadata.finalizers[=\"b\"]", Some(json!("b"))),
            (
                ".spec.containers[name=\"worker\"].image",
                Some(json!("podium:2")),
            ),
            (
                ".spec.containers[name=\"worker\"].ports[containerPort=80,protocol=\"TCP\"].name",
                Some(json!("web")),
            ),
            (".spec.containers[name=\"other\"].image", None),
            (".spec.containers[name=", None),
            ("nonsense", None),
        ] {
            assert_eq!(value(&object, path).cloned(), expected, "{path}");
        }
    }
}
