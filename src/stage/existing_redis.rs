//! The demo on a Redis that is there already (`--redis`): the same manifests, without a Redis of their own.
//!
//! Deployment and Service `redis` are left out. What opens the Redis goes into the Secret and nowhere else: the workers
//! get the whole URL and the authority's certificate from it as environment variables, KEDA gets password and
//! certificate through a TriggerAuthentication. The trigger is of the type that suits how the Redis is laid out
//! (`redis`, `redis-sentinel`, `redis-cluster`) and names the addresses and how they are spoken to. Everything else stays
//! as it is.

use crate::cluster::apply::{Manifest, secret_value};
use crate::config::{Layout, RedisUrl};
use serde_json::{Map, Value, json};

/// The variable by which a worker finds its queue.
const WORKER_VARIABLE: &str = "PODIUM_REDIS";
/// The variable by which it gets the certificate to trust.
const CA_VARIABLE: &str = "PODIUM_REDIS_CA";
/// The Secret, and the TriggerAuthentication that reads it.
const NAME: &str = "redis";

/// Makes the demo use `redis`.
#[must_use]
pub fn adapt(mut manifests: Vec<Manifest>, redis: &RedisUrl) -> Vec<Manifest> {
    let is_secret = |manifest: &Manifest| manifest.kind() == "Secret" && manifest.name() == NAME;
    if !manifests.iter().any(is_secret) {
        add_secret(&mut manifests);
    }
    let ours = |manifest: &Manifest| {
        manifest.name() == NAME
            && matches!(manifest.kind(), "Deployment" | "Service" | "StatefulSet")
    };
    let mut adapted = Vec::new();
    for mut manifest in manifests.into_iter().filter(|manifest| !ours(manifest)) {
        match manifest.kind() {
            "Secret" if manifest.name() == NAME => {
                secret(manifest.object_mut(), redis);
                let authentication = trigger_authentication(&manifest, redis);
                adapted.push(manifest);
                adapted.extend(authentication);
                continue;
            }
            "Deployment" => worker(manifest.object_mut(), redis),
            "ScaledObject" => triggers(manifest.object_mut(), redis),
            _ => {}
        }
        adapted.push(manifest);
    }
    adapted
}

/// Manifests of somebody's own may have no Secret: it comes before whatever reads it.
fn add_secret(manifests: &mut Vec<Manifest>) {
    let reader = manifests
        .iter()
        .position(|manifest| matches!(manifest.kind(), "Deployment" | "ScaledObject"));
    let Some(reader) = reader else { return };
    let mut metadata = json!({"name": NAME});
    if let Some(namespace) = manifests[reader].namespace() {
        metadata["namespace"] = json!(namespace);
    }
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
    });
    manifests.insert(reader, Manifest::from_object(secret));
}

/// As `data`, the way it is stored: then applying it again changes nothing.
fn secret(object: &mut Value, redis: &RedisUrl) {
    let mut data = json!({
        "password": secret_value(&redis.password().unwrap_or_default()),
        "url": secret_value(redis.reveal()),
    });
    if let Some(password) = redis.sentinel_password() {
        data["sentinelPassword"] = secret_value(&password);
    }
    if let Some(ca) = redis.ca() {
        data["ca"] = secret_value(ca);
    }
    object["data"] = data;
    if let Some(fields) = object.as_object_mut() {
        fields.remove("stringData");
    }
}

/// What KEDA reads from the Secret; none when there is nothing to keep secret.
fn trigger_authentication(secret: &Manifest, redis: &RedisUrl) -> Option<Manifest> {
    let parameters = authenticated(redis);
    let references: Vec<Value> = parameters
        .iter()
        .map(|name| json!({"parameter": name, "name": NAME, "key": name}))
        .collect();
    let mut metadata = json!({
        "name": NAME,
        "labels": {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "queue-demo"},
    });
    if let Some(namespace) = secret.namespace() {
        metadata["namespace"] = json!(namespace);
    }
    let object = json!({
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": metadata,
        "spec": {"secretTargetRef": references},
    });
    (!parameters.is_empty()).then(|| Manifest::from_object(object))
}

/// The parameters that the trigger has from its TriggerAuthentication, each a key of the Secret.
fn authenticated(redis: &RedisUrl) -> Vec<&'static str> {
    let parameters = [
        ("password", redis.password().is_some()),
        ("sentinelPassword", redis.sentinel_password().is_some()),
        ("ca", redis.ca().is_some()),
    ];
    let given = parameters.into_iter().filter(|(_, given)| *given);
    given.map(|(name, _)| name).collect()
}

fn worker(object: &mut Value, redis: &RedisUrl) {
    let from_secret = |variable: &str, key: &str| json!({"name": variable, "valueFrom": {"secretKeyRef": {"name": NAME, "key": key}}});
    let containers = object
        .pointer_mut("/spec/template/spec/containers")
        .and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let Some(variables) = container["env"].as_array_mut() else {
            continue;
        };
        let url = variables
            .iter_mut()
            .find(|variable| variable["name"] == WORKER_VARIABLE);
        let Some(url) = url else { continue };
        *url = from_secret(WORKER_VARIABLE, "url");
        if redis.ca().is_some() {
            variables.push(from_secret(CA_VARIABLE, "ca"));
        }
    }
}

fn triggers(object: &mut Value, redis: &RedisUrl) {
    let triggers = object
        .pointer_mut("/spec/triggers")
        .and_then(Value::as_array_mut);
    for trigger in triggers.into_iter().flatten() {
        if trigger["type"] != "redis" {
            continue;
        }
        trigger["type"] = json!(match redis.layout() {
            Layout::Single => "redis",
            Layout::Sentinel => "redis-sentinel",
            Layout::Cluster => "redis-cluster",
        });
        if let Some(metadata) = trigger["metadata"].as_object_mut() {
            settings(metadata, redis);
        }
        if !authenticated(redis).is_empty() {
            trigger["authenticationRef"] = json!({"name": NAME});
        }
    }
}

fn settings(metadata: &mut Map<String, Value>, redis: &RedisUrl) {
    metadata.remove("passwordFromEnv");
    metadata.remove("address");
    let addresses = match redis.layout() {
        Layout::Single => "address",
        Layout::Sentinel | Layout::Cluster => "addresses",
    };
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            metadata.insert(name.to_owned(), json!(value));
        }
    };
    set(addresses, Some(redis.addresses().join(",")));
    set("username", redis.user());
    set("sentinelMaster", redis.master());
    set("sentinelUsername", redis.sentinel_user());
    set("databaseIndex", redis.database().map(str::to_owned));
    set("enableTLS", redis.tls().then(|| "true".to_owned()));
    set("unsafeSsl", redis.insecure().then(|| "true".to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::stage::manifests;

    fn adapted(url: &str) -> (Vec<String>, String) {
        let config = Config {
            redis: Some(url.parse().unwrap()),
            ..Config::default()
        };
        let mut manifests = manifests::load(&config).unwrap();
        let titles = manifests.iter().map(Manifest::title).collect();
        let text = manifests
            .iter_mut()
            .map(|manifest| manifest.object_mut().to_string())
            .collect();
        (titles, text)
    }

    #[test]
    fn the_demo_comes_without_a_redis_of_its_own_and_points_at_the_given_one() {
        let (titles, text) = adapted("redis://:pw@10.0.0.5:7000");
        assert_eq!(
            titles,
            [
                "namespace/keda-demo",
                "secret/redis",
                "triggerauthentication/redis",
                "deployment/queue-worker",
                "scaledobject/queue-worker"
            ]
        );
        assert!(text.contains("\"address\":\"10.0.0.5:7000\""), "{text}");
        assert!(
            text.contains("\"authenticationRef\":{\"name\":\"redis\"}"),
            "{text}"
        );
        assert!(
            !text.contains("enableTLS") && !text.contains("passwordFromEnv"),
            "{text}"
        );
    }

    #[test]
    fn manifests_without_a_secret_get_one_before_what_reads_it() {
        let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, namespace: a}\n";
        let manifests = crate::cluster::apply::parse("x.yaml", text).unwrap();
        let adapted = adapt(manifests, &"redis://:pw@host".parse().unwrap());
        let titles: Vec<_> = adapted.iter().map(Manifest::title).collect();
        assert_eq!(
            titles,
            [
                "namespace/a",
                "secret/redis",
                "triggerauthentication/redis",
                "deployment/w"
            ]
        );
        assert!(
            adapted[1..]
                .iter()
                .all(|manifest| manifest.namespace() == Some("a"))
        );
    }

    #[test]
    fn without_a_password_nobody_sends_one() {
        let (titles, text) = adapted("redis://10.0.0.5");
        assert_eq!(titles.len(), 4, "{titles:?}");
        assert!(text.contains("10.0.0.5:6379"), "{text}");
        assert!(
            !text.contains("passwordFromEnv") && !text.contains("authenticationRef"),
            "{text}"
        );
    }

    #[test]
    fn any_password_will_do_and_stands_in_the_secret_alone() {
        let (_, text) = adapted("rediss://app:p%40ss%20%24word@10.0.0.5/2?insecure");
        // Base64 of `p@ss $word` and of the URL.
        assert!(text.contains("\"password\":\"cEBzcyAkd29yZA==\""), "{text}");
        assert!(!text.contains("p%40ss") && !text.contains("p@ss"), "{text}");
        for setting in [
            "\"username\":\"app\"",
            "\"databaseIndex\":\"2\"",
            "\"enableTLS\":\"true\"",
            "\"unsafeSsl\":\"true\"",
        ] {
            assert!(text.contains(setting), "{setting}: {text}");
        }
    }

    #[test]
    fn the_trigger_is_of_the_type_that_suits_the_layout() {
        let (_, text) = adapted(
            "redis-sentinel://:pw@a,b:7001/mymaster/2?sentinelUsername=u&sentinelPassword=s%2Fs",
        );
        for setting in [
            "\"type\":\"redis-sentinel\"",
            "\"addresses\":\"a:26379,b:7001\"",
            "\"sentinelMaster\":\"mymaster\"",
            "\"sentinelUsername\":\"u\"",
            "\"databaseIndex\":\"2\"",
            // Base64 of `s/s`.
            "\"sentinelPassword\":\"cy9z\"",
            "\"parameter\":\"sentinelPassword\"",
        ] {
            assert!(text.contains(setting), "{setting}: {text}");
        }
        assert!(!text.contains("\"address\":"), "{text}");
        let (_, text) = adapted("rediss-cluster://a,b:7001");
        for setting in [
            "\"type\":\"redis-cluster\"",
            "\"addresses\":\"a:6379,b:7001\"",
            "\"enableTLS\":\"true\"",
        ] {
            assert!(text.contains(setting), "{setting}: {text}");
        }
        assert!(!text.contains("sentinel") && !text.contains("databaseIndex"));
    }
}
