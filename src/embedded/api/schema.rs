//! What of the Kubernetes schemas the server needs: how lists merge, and which fields KEDA's kinds have.
//!
//! Built-in kinds are read through their typed forms, which knows their fields but not how their lists merge; that is
//! the first half here. KEDA's kinds have no typed form, so their fields are listed, as their CRDs list them; in a custom
//! resource every list is replaced as a whole, since the CRD declares no merge keys.

use serde_json::{Map, Value};

/// How a list behaves in a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Replaced as a whole.
    Atomic,
    /// A set of scalars: united.
    Set,
    /// Objects told apart by these fields; the first alone is the strategic-merge key.
    Map(&'static [&'static str]),
}

/// Where a value is in an object: the API group, then the names of the fields that lead to it (list items add none).
#[derive(Clone, Debug)]
pub(super) struct Place {
    custom: bool,
    path: Vec<String>,
}

impl Place {
    /// The top of an object of `group`.
    pub(super) fn top(group: &str) -> Self {
        Self {
            custom: group == "keda.sh",
            path: Vec::new(),
        }
    }

    /// One field down.
    pub(super) fn field(&self, name: &str) -> Self {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        Self {
            custom: self.custom,
            path,
        }
    }

    /// Whether the last field on the way here has one of these names.
    pub(super) fn is_one_of(&self, names: &[&str]) -> bool {
        self.path
            .last()
            .is_some_and(|name| names.contains(&name.as_str()))
    }

    /// How the list at this place merges.
    pub(super) fn list(&self) -> List {
        let name = self.path.last().map_or("", String::as_str);
        let parent = self
            .path
            .len()
            .checked_sub(2)
            .map_or("", |index| self.path[index].as_str());
        if parent == "metadata" {
            return match name {
                "finalizers" => List::Set,
                "ownerReferences" => List::Map(&["uid"]),
                _ => List::Atomic,
            };
        }
        if self.custom {
            return List::Atomic;
        }
        match (parent, name) {
            ("spec", "ports") => List::Map(&["port", "protocol"]),
            ("spec" | "status", "finalizers") => List::Set,
            (_, "ports") => List::Map(&["containerPort", "protocol"]),
            (
                _,
                "containers"
                | "initContainers"
                | "ephemeralContainers"
                | "env"
                | "volumes"
                | "imagePullSecrets"
                | "secrets",
            ) => List::Map(&["name"]),
            (_, "volumeMounts") => List::Map(&["mountPath"]),
            (_, "volumeDevices") => List::Map(&["devicePath"]),
            (_, "hostAliases") => List::Map(&["ip"]),
            (_, "topologySpreadConstraints") => List::Map(&["topologyKey", "whenUnsatisfiable"]),
            ("status", "conditions" | "addresses") => List::Map(&["type"]),
            _ => List::Atomic,
        }
    }

    /// Whether the map at this place is applied as a whole.
    pub(super) fn is_atomic_map(&self) -> bool {
        matches!(
            self.path.last().map(String::as_str),
            Some(
                "selector"
                    | "nodeSelector"
                    | "fieldRef"
                    | "secretKeyRef"
                    | "configMapKeyRef"
                    | "resourceFieldRef"
                    | "scaleTargetRef"
            )
        ) && !self.custom
    }
}

/// The value of a merge key in `item`, with the API's default for the one key that has a default.
pub(super) fn key_value<'a>(item: &'a Value, key: &str) -> &'a Value {
    static TCP: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::from("TCP"));
    match &item[key] {
        Value::Null if key == "protocol" => &TCP,
        value => value,
    }
}

/// Whether two items of a list are the same item.
pub(super) fn same_item(one: &Value, other: &Value, keys: &[&str]) -> bool {
    keys.iter()
        .all(|key| key_value(one, key) == key_value(other, key))
}

/// The fields of a kind without a typed form.
pub(super) enum Fields {
    /// Anything.
    Any,
    /// An object with these fields.
    Object(&'static [(&'static str, Fields)]),
    /// A list of such things.
    List(&'static Fields),
}

use Fields::{Any, List as ListOf, Object};

const RULES: Fields = Object(&[
    (
        "policies",
        ListOf(&Object(&[
            ("type", Any),
            ("value", Any),
            ("periodSeconds", Any),
        ])),
    ),
    ("selectPolicy", Any),
    ("stabilizationWindowSeconds", Any),
    ("tolerance", Any),
]);

/// `keda.sh/v1alpha1` ScaledObject, as its CRD has it.
pub(super) static SCALED_OBJECT: Fields = Object(&[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Any),
    ("status", Any),
    (
        "spec",
        Object(&[
            (
                "scaleTargetRef",
                Object(&[
                    ("name", Any),
                    ("apiVersion", Any),
                    ("kind", Any),
                    ("envSourceContainerName", Any),
                ]),
            ),
            ("pollingInterval", Any),
            ("cooldownPeriod", Any),
            ("initialCooldownPeriod", Any),
            ("idleReplicaCount", Any),
            ("minReplicaCount", Any),
            ("maxReplicaCount", Any),
            (
                "fallback",
                Object(&[
                    ("failureThreshold", Any),
                    ("replicas", Any),
                    ("behavior", Any),
                ]),
            ),
            (
                "advanced",
                Object(&[
                    ("restoreToOriginalReplicaCount", Any),
                    (
                        "horizontalPodAutoscalerConfig",
                        Object(&[
                            ("name", Any),
                            (
                                "behavior",
                                Object(&[("scaleUp", RULES), ("scaleDown", RULES)]),
                            ),
                        ]),
                    ),
                    (
                        "scalingModifiers",
                        Object(&[
                            ("formula", Any),
                            ("target", Any),
                            ("activationTarget", Any),
                            ("metricType", Any),
                        ]),
                    ),
                ]),
            ),
            (
                "triggers",
                ListOf(&Object(&[
                    ("type", Any),
                    ("metadata", Any),
                    ("name", Any),
                    ("useCachedMetrics", Any),
                    ("metricType", Any),
                    ("authenticationRef", Object(&[("name", Any), ("kind", Any)])),
                ])),
            ),
        ]),
    ),
]);

const REFERENCES: Fields = ListOf(&Object(&[("parameter", Any), ("name", Any), ("key", Any)]));

/// `keda.sh/v1alpha1` TriggerAuthentication, as its CRD has it; what leads out of the cluster is not looked into.
pub(super) static TRIGGER_AUTHENTICATION: Fields = Object(&[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Any),
    ("status", Any),
    (
        "spec",
        Object(&[
            ("secretTargetRef", REFERENCES),
            ("configMapTargetRef", REFERENCES),
            (
                "env",
                ListOf(&Object(&[
                    ("parameter", Any),
                    ("name", Any),
                    ("containerName", Any),
                ])),
            ),
            ("podIdentity", Any),
            ("boundServiceAccountToken", Any),
            ("hashiCorpVault", Any),
            ("azureKeyVault", Any),
            ("gcpSecretManager", Any),
            ("awsSecretManager", Any),
        ]),
    ),
]);

/// `value` without the fields that `fields` does not have.
pub(super) fn known_part(value: &Value, fields: &Fields) -> Value {
    match (fields, value) {
        (Object(known), Value::Object(map)) => {
            let kept: Map<String, Value> = known
                .iter()
                .filter_map(|(name, inner)| {
                    Some(((*name).to_owned(), known_part(map.get(*name)?, inner)))
                })
                .collect();
            Value::Object(kept)
        }
        (ListOf(inner), Value::Array(items)) => {
            items.iter().map(|item| known_part(item, inner)).collect()
        }
        _ => value.clone(),
    }
}
