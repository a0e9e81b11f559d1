//! The environment of a container, resolved as a kubelet does: variables of the namespace's Services first, then
//! `envFrom`, then `env`; `$(NAME)` refers to what was defined before it.

use super::{NODE_NAME, POD_IP};
use crate::embedded::proxy::Proxy;
use crate::embedded::store::{self, CONFIG_MAPS, Key, Resource, SECRETS, SERVICES, Store};
use k8s_openapi::ByteString;
use serde_json::Value;
use std::collections::BTreeMap;

/// Variables by name.
pub(super) type Environment = BTreeMap<String, String>;

/// The environment of `container` in `pod`, as of now.
///
/// # Errors
/// The message of `CreateContainerConfigError`: a Secret or ConfigMap, or a key in it, is missing.
pub(super) fn resolve(
    store: &Store,
    proxy: &Proxy,
    pod: &Value,
    container: &Value,
) -> Result<Environment, String> {
    let mut environment = Environment::new();
    if pod["spec"]["enableServiceLinks"] != false {
        add_services(&mut environment, store, proxy, store::namespace(pod));
    }
    environment.insert("HOSTNAME".to_owned(), store::name(pod).to_owned());
    let source = Source { store, pod };
    for from in list(&container["envFrom"]) {
        source.add_all(&mut environment, from)?;
    }
    for variable in list(&container["env"]) {
        let name = variable["name"].as_str().unwrap_or_default();
        if let Some(value) = source.value(&environment, variable)? {
            environment.insert(name.to_owned(), value);
        }
    }
    Ok(environment)
}

/// Replaces each `$(NAME)` that is defined; `$$` stands for `$`; what is not defined stays as written.
pub(in crate::embedded) fn expand(text: &str, environment: &Environment) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
            continue;
        }
        let reference = rest
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'));
        match reference {
            Some((name, after)) => {
                match environment.get(name) {
                    Some(value) => expanded.push_str(value),
                    None => {
                        expanded.push_str("$(");
                        expanded.push_str(name);
                        expanded.push(')');
                    }
                }
                rest = after;
            }
            None => expanded.push('$'),
        }
    }
    expanded.push_str(rest);
    expanded
}

/// `{SERVICE}_SERVICE_HOST`, `_SERVICE_PORT`, `_SERVICE_PORT_{NAME}` and `{SERVICE}_PORT` of every Service that has a
/// cluster IP. Host and port are the proxy's, for that is where a Service is reached on this node.
fn add_services(environment: &mut Environment, store: &Store, proxy: &Proxy, namespace: &str) {
    let (services, _) = store.list(SERVICES, Some(namespace));
    for service in services {
        if service["spec"]["clusterIP"] == "None" {
            continue;
        }
        let prefix = variable_name(store::name(&service));
        for (index, port) in list(&service["spec"]["ports"]).iter().enumerate() {
            let address = port["port"]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok())
                .and_then(|port| proxy.address(namespace, store::name(&service), port));
            let Some(address) = address else {
                continue;
            };
            let (host, number) = (address.ip().to_string(), address.port().to_string());
            if index == 0 {
                environment.insert(format!("{prefix}_PORT"), format!("tcp://{address}"));
                environment.insert(format!("{prefix}_SERVICE_HOST"), host);
                environment.insert(format!("{prefix}_SERVICE_PORT"), number.clone());
            }
            if let Some(name) = port["name"].as_str() {
                let name = variable_name(name);
                environment.insert(format!("{prefix}_SERVICE_PORT_{name}"), number);
            }
        }
    }
}

fn variable_name(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

/// Where values come from.
struct Source<'a> {
    store: &'a Store,
    pod: &'a Value,
}

impl Source<'_> {
    /// The value of one `env` entry; `None` when it is optional and missing.
    fn value(&self, defined: &Environment, variable: &Value) -> Result<Option<String>, String> {
        let from = &variable["valueFrom"];
        if from["secretKeyRef"].is_object() {
            self.key(SECRETS, &from["secretKeyRef"])
        } else if from["configMapKeyRef"].is_object() {
            self.key(CONFIG_MAPS, &from["configMapKeyRef"])
        } else if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
            self.field(path).map(Some)
        } else if from.is_object() {
            Err("the embedded node resolves secretKeyRef, configMapKeyRef and fieldRef only".into())
        } else {
            let value = variable["value"].as_str().unwrap_or_default();
            Ok(Some(expand(value, defined)))
        }
    }

    fn key(&self, resource: Resource, reference: &Value) -> Result<Option<String>, String> {
        let key = reference["key"].as_str().unwrap_or_default();
        let name = reference["name"].as_str().unwrap_or_default();
        let optional = reference["optional"] == true;
        let Some(data) = self.data(resource, name) else {
            return missing(optional, || {
                format!("{} \"{name}\" not found", singular(resource))
            });
        };
        match data.get(key) {
            Some(value) => Ok(Some(value.clone())),
            None => missing(optional, || {
                let namespace = store::namespace(self.pod);
                format!(
                    "couldn't find key {key} in {} {namespace}/{name}",
                    kind(resource)
                )
            }),
        }
    }

    fn add_all(&self, environment: &mut Environment, from: &Value) -> Result<(), String> {
        let prefix = from["prefix"].as_str().unwrap_or_default();
        for (field, resource) in [("secretRef", SECRETS), ("configMapRef", CONFIG_MAPS)] {
            let reference = &from[field];
            let Some(name) = reference["name"].as_str() else {
                continue;
            };
            match self.data(resource, name) {
                Some(data) => environment.extend(
                    data.into_iter()
                        .map(|(key, value)| (format!("{prefix}{key}"), value)),
                ),
                None if reference["optional"] == true => {}
                None => return Err(format!("{} \"{name}\" not found", singular(resource))),
            }
        }
        Ok(())
    }

    /// The entries of a Secret (decoded) or ConfigMap of the pod's namespace.
    fn data(&self, resource: Resource, name: &str) -> Option<Environment> {
        let key = Key::new(resource, store::namespace(self.pod), name);
        let object = self.store.get(&key)?;
        let data = object["data"].as_object();
        let decode = |value: &Value| {
            if resource == SECRETS {
                let bytes: ByteString = serde_json::from_value(value.clone()).ok()?;
                Some(String::from_utf8_lossy(&bytes.0).into_owned())
            } else {
                value.as_str().map(str::to_owned)
            }
        };
        Some(
            data.into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), decode(value)?)))
                .collect(),
        )
    }

    /// A field of the pod that the downward API offers.
    fn field(&self, path: &str) -> Result<String, String> {
        let metadata = &self.pod["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match path {
            "metadata.name" | "metadata.namespace" | "metadata.uid" => {
                Ok(text(&metadata[&path["metadata.".len()..]]))
            }
            "spec.nodeName" => Ok(NODE_NAME.to_owned()),
            "spec.serviceAccountName" => Ok(text(&self.pod["spec"]["serviceAccountName"])),
            "status.podIP" | "status.podIPs" | "status.hostIP" | "status.hostIPs" => {
                Ok(POD_IP.to_owned())
            }
            _ => ["labels", "annotations"]
                .iter()
                .find_map(|map| {
                    let key = path
                        .strip_prefix(&format!("metadata.{map}['"))?
                        .strip_suffix("']")?;
                    Some(text(&metadata[map][key]))
                })
                .ok_or_else(|| format!("unsupported fieldPath: {path}")),
        }
    }
}

fn missing(optional: bool, message: impl FnOnce() -> String) -> Result<Option<String>, String> {
    if optional { Ok(None) } else { Err(message()) }
}

fn singular(resource: Resource) -> &'static str {
    if resource == SECRETS {
        "secret"
    } else {
        "configmap"
    }
}

fn kind(resource: Resource) -> &'static str {
    if resource == SECRETS {
        "Secret"
    } else {
        "ConfigMap"
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use serde_json::json;

    #[test]
    fn references_expand_dollars_escape_and_unknown_names_stay() {
        let environment = Environment::from([("A".to_owned(), "1".to_owned())]);
        for (text, expected) in [
            ("x$(A)y", "x1y"),
            ("$$(A)", "$(A)"),
            ("$(B)$(A)", "$(B)1"),
            ("$(A", "$(A"),
            ("5$", "5$"),
            ("$A", "$A"),
        ] {
            assert_eq!(expand(text, &environment), expected, "{text}");
        }
    }

    fn store() -> Store {
        let store = Store::new(Clock::wall());
        let service = json!({
            "kind": "Service", "metadata": {"name": "my-redis", "namespace": "demo"},
            "spec": {"ports": [{"name": "redis", "port": 6379}]},
        });
        store.create(SERVICES, service).unwrap();
        let secret = json!({
            "kind": "Secret", "metadata": {"name": "redis", "namespace": "demo"},
            "data": {"password": "c2VzYW1l"},
        });
        store.create(SECRETS, secret).unwrap();
        store
    }

    fn pod() -> Value {
        json!({"metadata": {"name": "worker-1", "namespace": "demo", "labels": {"app": "w"}}})
    }

    #[test]
    fn secrets_fields_and_services_come_together_in_one_url() {
        let store = store();
        let proxy = Proxy::new(store.clone());
        let container = json!({"env": [
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "password"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "URL", "value": "redis://:$(PASSWORD)@$(MY_REDIS_SERVICE_HOST):$(MY_REDIS_SERVICE_PORT)"},
        ]});
        let environment = resolve(&store, &proxy, &pod(), &container).unwrap();
        let address = proxy.address("demo", "my-redis", 6379).unwrap();
        assert_eq!(environment["URL"], format!("redis://:sesame@{address}"));
        assert_eq!(environment["NAME"], "worker-1");
        assert_eq!(environment["APP"], "w");
    }

    #[test]
    fn what_is_missing_is_named_unless_it_is_optional() {
        let store = store();
        let proxy = Proxy::new(store.clone());
        let resolve_reference = |reference: Value| {
            let container =
                json!({"env": [{"name": "X", "valueFrom": {"secretKeyRef": reference}}]});
            resolve(&store, &proxy, &pod(), &container)
        };
        assert_eq!(
            resolve_reference(json!({"name": "other", "key": "password"})),
            Err("secret \"other\" not found".to_owned())
        );
        assert_eq!(
            resolve_reference(json!({"name": "redis", "key": "user"})),
            Err("couldn't find key user in Secret demo/redis".to_owned())
        );
        let optional = resolve_reference(json!({"name": "x", "key": "y", "optional": true}));
        assert!(!optional.unwrap().contains_key("X"));
    }
}
