//! ReplicaSets as revisions of a Deployment's template: naming, making, finding and forgetting them.

use super::super::ownership;
use super::{Rollout, created, replicas, status};
use crate::embedded::store::{
    self, DEPLOYMENT_REVISION, Key, Object, REPLICA_SETS, Store, StoreError,
};
use serde_json::{Value, json};

const HASH_LABEL: &str = "pod-template-hash";

/// Annotations of a Deployment that its ReplicaSets do not inherit.
const NOT_INHERITED: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    DEPLOYMENT_REVISION,
];

/// `revisionHistoryLimit` when absent.
const DEFAULT_HISTORY: i64 = 10;

/// The revision a ReplicaSet stands for; 0 when it carries none.
pub(super) fn number(set: &Value) -> i64 {
    set["metadata"]["annotations"][DEPLOYMENT_REVISION]
        .as_str()
        .and_then(|revision| revision.parse().ok())
        .unwrap_or(0)
}

/// Whether `set` runs the template of `deployment`; the hash label, which only the ReplicaSet has, does not count.
pub(super) fn has_template_of(set: &Value, deployment: &Value) -> bool {
    let mut template = set["spec"]["template"].clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove(HASH_LABEL);
    }
    template == deployment["spec"]["template"]
}

impl Rollout<'_> {
    /// Makes sure that the current template has a ReplicaSet with the newest revision number.
    pub(super) fn ensure_new_set(&self) {
        let newest_old = self.old_sets().map(|set| number(set)).max().unwrap_or(0);
        let revision = match self.new_set() {
            Some(set) => {
                let revision = number(set).max(newest_old + 1);
                annotate_revision(self.store, &Key::of(REPLICA_SETS, set), revision);
                self.note_found(set);
                revision
            }
            None => {
                self.create(newest_old + 1);
                newest_old + 1
            }
        };
        annotate_revision(self.store, &self.key(), revision);
    }

    fn note_found(&self, set: &Value) {
        // A rollback, or a Deployment that adopted its past: told once, then judged like any rollout.
        if !status::has_progressing(&self.deployment) {
            let message = format!("Found new replica set \"{}\"", store::name(set));
            self.set_progressing("FoundNewReplicaSet", &message);
        }
    }

    fn create(&self, revision: i64) {
        let set = self.build(revision);
        let name = store::name(&set).to_owned();
        match self.store.create(REPLICA_SETS, set) {
            Ok(set) => {
                if replicas(&set) > 0 {
                    let size = replicas(&set);
                    self.tell(&format!("Scaled up replica set {name} from 0 to {size}"));
                }
                let message = format!("Created new replica set \"{name}\"");
                self.set_progressing("NewReplicaSetCreated", &message);
            }
            Err(StoreError::AlreadyExists(_)) => self.count_collision(),
            // The store has no other reason to refuse a creation; the next change brings us back.
            Err(_) => {}
        }
    }

    /// Another template hashed to the same name: a different count makes a different hash next time.
    fn count_collision(&self) {
        // Deleted in the meantime: no name is needed any more.
        let _ = self.store.modify(&self.key(), None, |deployment| {
            let count = deployment["status"]["collisionCount"].as_i64().unwrap_or(0);
            deployment["status"]["collisionCount"] = json!(count + 1);
            Ok(())
        });
    }

    fn build(&self, revision: i64) -> Value {
        let deployment = &self.deployment;
        let hash = self.template_hash();
        let mut template = deployment["spec"]["template"].clone();
        template["metadata"]["labels"][HASH_LABEL] = json!(hash);
        let mut selector = deployment["spec"]["selector"].clone();
        selector["matchLabels"][HASH_LABEL] = json!(hash);
        let mut annotations = deployment["metadata"]["annotations"].clone();
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.retain(|name, _| !NOT_INHERITED.contains(&name.as_str()));
        }
        annotations[DEPLOYMENT_REVISION] = json!(revision.to_string());
        let mut set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{}-{hash}", store::name(deployment)),
                "namespace": store::namespace(deployment),
                "labels": template["metadata"]["labels"],
                "annotations": annotations,
                "ownerReferences": [ownership::controller_reference(deployment)],
            },
            "spec": {
                "replicas": self.first_size(),
                "selector": selector,
                "template": template,
            },
            "status": {"replicas": 0},
        });
        if deployment["spec"]["minReadySeconds"].is_number() {
            set["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"].clone();
        }
        self.note_wish(&mut set);
        set
    }

    fn template_hash(&self) -> String {
        let mut text = canonical(&self.deployment["spec"]["template"]);
        if let Some(collisions) = self.deployment["status"]["collisionCount"].as_i64() {
            text.push_str(&collisions.to_string());
        }
        safe_digits(fnv1a(text.as_bytes()))
    }

    /// Forgets the oldest unused revisions beyond `revisionHistoryLimit`, once a rollout is through.
    pub(super) fn clean_up(&self) {
        if !status::is_complete(&self.deployment) {
            return;
        }
        let limit = self.deployment["spec"]["revisionHistoryLimit"]
            .as_i64()
            .unwrap_or(DEFAULT_HISTORY);
        let limit = usize::try_from(limit).unwrap_or(0);
        let mut unused: Vec<&Object> = self
            .old_sets()
            .filter(|set| {
                replicas(set) == 0
                    && set["status"]["replicas"].as_i64().unwrap_or(0) == 0
                    && !store::is_deleting(set)
            })
            .collect();
        unused.sort_by_key(|set| (number(set), created(set).to_owned()));
        let surplus = unused.len().saturating_sub(limit);
        for set in unused.into_iter().take(surplus) {
            // Deleted by somebody else is as good.
            let _ = self
                .store
                .delete(&Key::of(REPLICA_SETS, set), Some(store::uid(set)), 0);
        }
    }
}

fn annotate_revision(store: &Store, key: &Key, revision: i64) {
    // Deleted in the meantime: nothing left to number.
    let _ = store.modify(key, None, |object| {
        object["metadata"]["annotations"][DEPLOYMENT_REVISION] = json!(revision.to_string());
        Ok(())
    });
}

/// JSON text with sorted keys: equal templates give equal text, in whatever order their fields arrived.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(name, value)| format!("{}:{}", json!(name), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// FNV-1a, 32 bits: the hash Kubernetes uses for names.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// The decimal digits of `hash` in the alphabet of generated names.
fn safe_digits(hash: u32) -> String {
    hash.to_string()
        .bytes()
        .map(|digit| char::from(b"456789bcdf"[usize::from(digit - b'0')]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_fnv_and_its_digits_avoid_vowels() {
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
        assert_eq!(safe_digits(1_234_567_890), "56789bcdf4");
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let left = json!({"b": [1, {"d": 1, "c": 2}], "a": "x"});
        let right: Value = serde_json::from_str(r#"{"a":"x","b":[1,{"c":2,"d":1}]}"#).unwrap();
        assert_eq!(canonical(&left), canonical(&right));
    }
}
