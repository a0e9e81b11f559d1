//! The demo on a Redis that is there already (`--redis`): the same manifests, without a Redis of their own.
//!
//! Deployment and Service `redis` are left out, the Secret gets the URL's password, the worker and the KEDA trigger get
//! the URL's address. Everything else stays as it is.

use crate::cluster::ClusterError;
use crate::cluster::apply::Manifest;
use crate::config::RedisUrl;
use serde_json::{Value, json};

/// The variable by which a worker finds its queue.
const WORKER_VARIABLE: &str = "PODIUM_REDIS";

/// Makes the demo use `redis`.
///
/// # Errors
/// [`ClusterError::Manifest`] when the password holds characters that cannot stand in a URL as they are: the worker's
/// URL is put together from the Secret on the node.
pub fn adapt(manifests: Vec<Manifest>, redis: &RedisUrl) -> Result<Vec<Manifest>, ClusterError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if redis
        .password()
        .is_some_and(|password| !password.chars().all(plain))
    {
        return Err(ClusterError::Manifest {
            file: format!("--redis {redis}"),
            reason: "the password may only have letters, digits and - . _ ~ here; give that Redis user such a password"
                .to_owned(),
        });
    }
    let ours = |manifest: &Manifest| {
        manifest.name() == "redis"
            && matches!(manifest.kind(), "Deployment" | "Service" | "StatefulSet")
    };
    let mut manifests: Vec<_> = manifests
        .into_iter()
        .filter(|manifest| !ours(manifest))
        .collect();
    for manifest in &mut manifests {
        match manifest.kind() {
            "Secret" => secret(manifest.object_mut(), redis),
            "Deployment" => worker(manifest.object_mut(), redis),
            "ScaledObject" => trigger(manifest.object_mut(), redis),
            _ => {}
        }
    }
    Ok(manifests)
}

fn secret(object: &mut Value, redis: &RedisUrl) {
    if let Some(password) = object.pointer_mut("/stringData/password") {
        *password = json!(redis.password().unwrap_or_default());
    }
}

fn worker(object: &mut Value, redis: &RedisUrl) {
    let credentials = if redis.password().is_some() {
        ":$(REDIS_PASSWORD)@"
    } else {
        ""
    };
    let url = format!("redis://{credentials}{}", redis.address());
    let containers = object
        .pointer_mut("/spec/template/spec/containers")
        .and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        for variable in container["env"].as_array_mut().into_iter().flatten() {
            if variable["name"] == WORKER_VARIABLE {
                variable["value"] = json!(url);
            }
        }
    }
}

fn trigger(object: &mut Value, redis: &RedisUrl) {
    for trigger in object
        .pointer_mut("/spec/triggers")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if trigger["type"] != "redis" {
            continue;
        }
        trigger["metadata"]["address"] = json!(redis.address());
        if redis.password().is_none()
            && let Some(metadata) = trigger["metadata"].as_object_mut()
        {
            metadata.remove("passwordFromEnv");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::manifests;

    fn adapted(url: &str) -> Vec<Manifest> {
        manifests::load(None, Some(&url.parse().unwrap())).unwrap()
    }

    #[test]
    fn the_demo_comes_without_a_redis_of_its_own_and_points_at_the_given_one() {
        let mut manifests = adapted("redis://:pw@10.0.0.5:7000");
        let titles: Vec<_> = manifests.iter().map(Manifest::title).collect();
        assert_eq!(
            titles,
            [
                "namespace/keda-demo",
                "secret/redis",
                "deployment/queue-worker",
                "scaledobject/queue-worker"
            ]
        );
        let text = manifests
            .iter_mut()
            .map(|manifest| manifest.object_mut().to_string())
            .collect::<String>();
        assert!(
            text.contains("redis://:$(REDIS_PASSWORD)@10.0.0.5:7000"),
            "{text}"
        );
        assert!(text.contains("\"address\":\"10.0.0.5:7000\""), "{text}");
        assert!(text.contains("\"password\":\"pw\""), "{text}");
    }

    #[test]
    fn without_a_password_nobody_sends_one() {
        let mut manifests = adapted("redis://10.0.0.5");
        let text = manifests
            .iter_mut()
            .map(|manifest| manifest.object_mut().to_string())
            .collect::<String>();
        assert!(
            text.contains("redis://10.0.0.5:6379") && !text.contains("passwordFromEnv"),
            "{text}"
        );
    }

    #[test]
    fn a_password_that_cannot_stand_in_a_url_is_refused_without_being_shown() {
        let url = "redis://:p%40ss@10.0.0.5".parse().unwrap();
        let message = manifests::load(None, Some(&url)).unwrap_err().to_string();
        assert!(
            message.contains("10.0.0.5") && !message.contains("p%40ss"),
            "{message}"
        );
    }
}
