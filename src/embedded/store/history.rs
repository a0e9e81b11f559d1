//! What was: the state at an earlier version, as far back as the log reaches.

use super::{Key, Object, Resource, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Store {
    /// All objects of a resource as they were at `version`, in key order: the present with every later change undone.
    ///
    /// # Errors
    /// [`StoreError::Expired`] when the log no longer knows all of them.
    pub fn list_at(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Vec<Object>, StoreError> {
        let state = self.lock();
        if version < state.compacted {
            return Err(StoreError::Expired {
                requested: version,
                oldest: state.compacted,
            });
        }
        let wanted = |key: &Key| {
            key.resource == resource && namespace.is_none_or(|wanted| key.namespace == wanted)
        };
        let start = Key::new(resource, namespace.unwrap_or_default(), "");
        let mut objects: BTreeMap<&Key, &Object> = state
            .objects
            .range(start..)
            .take_while(|(key, _)| wanted(key))
            .collect();
        let later = state.log.iter().rev();
        for change in later.take_while(|change| change.version > version) {
            if !wanted(&change.key) {
                continue;
            }
            match &change.previous {
                Some(previous) => objects.insert(&change.key, previous),
                None => objects.remove(&change.key),
            };
        }
        Ok(objects.into_values().map(Arc::clone).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CONFIG_MAPS, name, uid};
    use super::*;
    use crate::clock::Clock;
    use serde_json::json;

    #[test]
    fn additions_changes_and_deletions_are_undone() {
        let store = Store::new(Clock::wall());
        let create = |name: &str| {
            let map = json!({"metadata": {"name": name, "namespace": "demo"}, "data": {}});
            store.create(CONFIG_MAPS, map).unwrap()
        };
        let gone = create("a");
        create("b");
        let then = store.version();
        store.remove(&Key::new(CONFIG_MAPS, "demo", "a"), uid(&gone));
        create("c");
        store
            .modify(&Key::new(CONFIG_MAPS, "demo", "b"), None, |map| {
                map["data"]["x"] = json!("1");
                Ok(())
            })
            .unwrap();
        let list = store.list_at(CONFIG_MAPS, Some("demo"), then).unwrap();
        let names: Vec<&str> = list.iter().map(|object| name(object)).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(list[1]["data"], json!({}));
        assert!(
            store
                .list_at(CONFIG_MAPS, Some("other"), then)
                .unwrap()
                .is_empty()
        );
    }
}
