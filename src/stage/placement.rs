//! Where the demo goes, and of which image its workers are: `--namespace` and `--image`.

use crate::cluster::apply::Manifest;
use serde_json::{Value, json};

/// Kinds that live in no namespace and may be among a demo's manifests.
const CLUSTER_SCOPED: [&str; 8] = [
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTriggerAuthentication",
    "CustomResourceDefinition",
    "APIService",
    "PriorityClass",
    "StorageClass",
];

/// Moves every object to `namespace`, the Namespace object included, and the names by which triggers find Services.
pub(super) fn move_to(manifests: &mut [Manifest], namespace: &str) {
    let homes: Vec<String> = manifests
        .iter()
        .filter_map(|manifest| manifest.namespace().map(str::to_owned))
        .collect();
    for manifest in manifests {
        if manifest.kind() == "Namespace" {
            if homes.iter().any(|home| home == manifest.name()) {
                manifest.object_mut()["metadata"]["name"] = json!(namespace);
            }
            continue;
        }
        if !CLUSTER_SCOPED.contains(&manifest.kind()) {
            manifest.object_mut()["metadata"]["namespace"] = json!(namespace);
        }
        for home in &homes {
            for value in trigger_settings(manifest) {
                if let Some(text) = value.as_str() {
                    let moved = text.replace(&format!(".{home}.svc"), &format!(".{namespace}.svc"));
                    *value = json!(moved);
                }
            }
        }
    }
}

fn trigger_settings(manifest: &mut Manifest) -> impl Iterator<Item = &mut Value> {
    let triggers = manifest.object_mut().pointer_mut("/spec/triggers");
    let triggers = triggers.and_then(Value::as_array_mut).into_iter().flatten();
    triggers
        .filter_map(|trigger| trigger.get_mut("metadata")?.as_object_mut())
        .flat_map(serde_json::Map::values_mut)
}

/// Gives `image` to every container that runs Podium.
///
/// The pull policy stays as it is, with one exception: of a registry's `latest` a node may have an old one, so it is
/// always pulled. An image without a registry was loaded onto the nodes by hand, and cannot be.
pub(super) fn use_image(manifests: &mut [Manifest], image: &str) {
    for manifest in manifests {
        let containers = manifest
            .object_mut()
            .pointer_mut("/spec/template/spec/containers")
            .and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if !container["image"].as_str().is_some_and(is_podium) {
                continue;
            }
            container["image"] = json!(image);
            if image.contains('/') && is_latest(image) {
                container["imagePullPolicy"] = json!("Always");
            }
        }
    }
}

/// The last part of an image's name, and its tag.
fn name_and_tag(image: &str) -> (&str, Option<&str>) {
    let untagged = image.split('@').next().unwrap_or_default();
    let last = untagged.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((name, tag)) => (name, Some(tag)),
        None => (last, None),
    }
}

fn is_podium(image: &str) -> bool {
    name_and_tag(image).0 == "podium"
}

fn is_latest(image: &str) -> bool {
    !image.contains('@') && name_and_tag(image).1.is_none_or(|tag| tag == "latest")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::stage::manifests;

    fn placed(namespace: Option<&str>, image: Option<&str>) -> Vec<Manifest> {
        let config = Config {
            namespace: namespace.map(str::to_owned),
            image: image.map(str::to_owned),
            ..Config::default()
        };
        manifests::load(&config).unwrap()
    }

    #[test]
    fn nothing_of_the_demo_stays_behind_when_it_moves() {
        let mut manifests = placed(Some("team-a"), None);
        let text = manifests
            .iter_mut()
            .map(|manifest| manifest.object_mut().to_string())
            .collect::<String>();
        let queue = "keda-demo-queue";
        assert!(!text.replace(queue, "").contains("keda-demo"), "{text}");
        assert!(
            text.contains("redis.team-a.svc.cluster.local:6379"),
            "{text}"
        );
        assert_eq!(manifests[0].title(), "namespace/team-a");
        assert!(
            manifests[1..]
                .iter()
                .all(|manifest| manifest.namespace() == Some("team-a"))
        );
    }

    #[track_caller]
    fn check(image: &str, policy: &str) {
        for manifest in &mut placed(None, Some(image)) {
            let name = manifest.name().to_owned();
            let container = &manifest.object_mut()["spec"]["template"]["spec"]["containers"][0];
            if name == "queue-worker" && container.is_object() {
                assert_eq!(container["image"], image);
                assert_eq!(container["imagePullPolicy"], policy, "{image}");
            } else if container.is_object() {
                assert_eq!(container["image"], "redis:7-alpine");
            }
        }
    }

    #[test]
    fn the_workers_get_the_image_and_only_a_registrys_latest_is_always_pulled() {
        check("podium:1.2", "IfNotPresent");
        check("podium:latest", "IfNotPresent");
        check("registry.example:5000/stage/podium:1.2", "IfNotPresent");
        check("registry.example:5000/stage/podium", "Always");
        check("registry.example/podium:latest", "Always");
        check("registry.example/podium@sha256:0123", "IfNotPresent");
    }
}
