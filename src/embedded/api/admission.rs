//! Admission: whether an object may be what it is, and the rules that span objects.
//!
//! Validation collects every broken rule as a [`Cause`], so that the client sees them all at once. The KEDA rules come
//! from [`scaled_object`]'s one call; its words are those of KEDA's webhook.

use super::error::{ApiError, Cause};
use super::kind::Kind;
use super::request::Target;
use super::scaled_object;
use crate::autoscale::keda::Neighbours;
use crate::embedded::controllers::workloads::quota;
use crate::embedded::store::{
    self, DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, JOBS, Key, PODS, REPLICA_SETS, SCALED_OBJECTS,
    SERVICES, Store,
};
use serde_json::{Value, json};

const NAME_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const KEY_RULE: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Whether a new object may be created in `home`: the namespace must exist and not be on its way out.
pub(super) fn namespace_takes(store: &Store, home: &Key, new: &Key) -> Result<(), ApiError> {
    let namespace = store
        .get(home)
        .ok_or_else(|| store::StoreError::NotFound(home.clone()))?;
    if store::is_deleting(&namespace) {
        return Err(ApiError::Forbidden {
            key: Some(new.clone()),
            message: format!(
                "{} \"{}\" is forbidden: unable to create new content in namespace {} because it is being terminated",
                new.resource, new.name, home.name
            ),
        });
    }
    Ok(())
}

/// Whether the quotas of its namespace leave room for a new object.
pub(super) fn quota_allows(store: &Store, new: &Key, object: &Value) -> Result<(), ApiError> {
    if new.resource != PODS {
        return Ok(());
    }
    quota::admit(store, object).map_err(|message| ApiError::Forbidden {
        key: Some(new.clone()),
        message,
    })
}

/// What KEDA's webhook compares the object of a write with. `None` when it is not asked: it knows ScaledObjects alone,
/// and not their status. Read before the write, so that it may be used while the store is locked for it; upstream's
/// webhook sees a moment ago too.
pub(super) fn neighbours(store: &Store, target: &Target, dry_run: bool) -> Option<Neighbours> {
    let asked = target.kind.resource == SCALED_OBJECTS && target.subresource.is_none();
    let namespace = target.namespace.as_deref().filter(|_| asked)?;
    Some(scaled_object::neighbours(store, namespace, dry_run))
}

/// Checks the rules of `kind` on `object`; `previous` is what it replaces. Returns warnings.
pub(super) fn check(
    kind: &'static Kind,
    object: &Value,
    previous: Option<&Value>,
    neighbours: Option<&Neighbours>,
) -> Result<Vec<String>, ApiError> {
    let mut causes = metadata(kind, &object["metadata"]);
    let resource = kind.resource;
    if resource == DEPLOYMENTS || resource == REPLICA_SETS {
        workload(
            &object["spec"],
            previous.map(|previous| &previous["spec"]),
            &mut causes,
        );
    } else if resource == PODS {
        containers(&object["spec"], "spec", &mut causes);
    } else if resource == JOBS {
        job(&object["spec"], &mut causes);
    } else if resource == SERVICES {
        service(&object["spec"], &mut causes);
    } else if resource == HORIZONTAL_POD_AUTOSCALERS {
        autoscaler(&object["spec"], &mut causes);
    } else if resource == SCALED_OBJECTS {
        scaled_object::schema(&object["spec"], &mut causes);
    }
    if !causes.is_empty() {
        return Err(ApiError::Invalid {
            kind,
            name: store::name(object).to_owned(),
            causes,
        });
    }
    neighbours.map_or(Ok(Vec::new()), |neighbours| {
        scaled_object::webhook(object, previous, neighbours)
    })
}

fn metadata(kind: &Kind, metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = metadata["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if !is_name(kind, name) {
        causes.push(Cause::invalid("metadata.name", &json!(name), NAME_RULE));
    }
    for field in ["labels", "annotations"] {
        for (key, value) in metadata[field].as_object().into_iter().flatten() {
            let path = format!("metadata.{field}");
            if !is_qualified_key(key) {
                causes.push(Cause::invalid(&path, &json!(key), KEY_RULE));
            }
            let value = value.as_str().unwrap_or_default();
            if field == "labels" && !(value.is_empty() || is_label_part(value)) {
                causes.push(Cause::invalid(&path, &json!(value), LABEL_RULE));
            }
        }
    }
    causes
}

/// RBAC names may be almost anything (`system:masters`); all others are DNS subdomains.
fn is_name(kind: &Kind, name: &str) -> bool {
    if kind.group == "rbac.authorization.k8s.io" {
        return !name.contains(['/', '%']) && name != "." && name != "..";
    }
    let part = |part: &str| {
        let edge = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let bytes = part.as_bytes();
        edge(bytes.first())
            && edge(bytes.last())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

fn is_label_part(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn is_qualified_key(key: &str) -> bool {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(|prefix| !prefix.is_empty() && prefix.split('.').all(is_label_part))
        && is_label_part(name)
}

fn workload(spec: &Value, previous: Option<&Value>, causes: &mut Vec<Cause>) {
    if spec["replicas"]
        .as_i64()
        .is_some_and(|replicas| replicas < 0)
    {
        causes.push(Cause::invalid(
            "spec.replicas",
            &spec["replicas"],
            "must be greater than or equal to 0",
        ));
    }
    workload_selector(spec, previous, causes);
    containers(&spec["template"]["spec"], "spec.template.spec", causes);
}

/// A Job's pods must come to an end. (`Always` is what an absent policy was completed to.)
fn job(spec: &Value, causes: &mut Vec<Cause>) {
    let template = &spec["template"]["spec"];
    containers(template, "spec.template.spec", causes);
    if template["restartPolicy"] != "OnFailure" && template["restartPolicy"] != "Never" {
        causes.push(Cause::required(
            "spec.template.spec.restartPolicy",
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
}

fn workload_selector(spec: &Value, previous: Option<&Value>, causes: &mut Vec<Cause>) {
    let selector = &spec["selector"];
    let wanted = selector["matchLabels"].as_object();
    let empty = wanted.is_none_or(serde_json::Map::is_empty)
        && selector["matchExpressions"]
            .as_array()
            .is_none_or(Vec::is_empty);
    let labels = &spec["template"]["metadata"]["labels"];
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if empty {
        causes.push(Cause::invalid(
            "spec.selector",
            selector,
            "empty selector is invalid for deployment",
        ));
    } else if wanted
        .into_iter()
        .flatten()
        .any(|(key, value)| labels[key] != *value)
    {
        let shown = if labels.is_null() {
            json!({})
        } else {
            labels.clone()
        };
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            &shown,
            "`selector` does not match template `labels`",
        ));
    }
    if previous.is_some_and(|previous| previous["selector"] != *selector) {
        causes.push(Cause::invalid(
            "spec.selector",
            selector,
            "field is immutable",
        ));
    }
}

fn containers(spec: &Value, path: &str, causes: &mut Vec<Cause>) {
    let containers = spec["containers"].as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() {
        causes.push(Cause::required(&format!("{path}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, container) in containers.iter().enumerate() {
        let path = format!("{path}.containers[{index}]");
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(&format!("{path}.name"), ""));
        } else if names.contains(&name) {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                field: format!("{path}.name"),
                message: format!("Duplicate value: \"{name}\""),
            });
        }
        names.push(name);
        if container["image"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(&format!("{path}.image"), ""));
        }
    }
}

fn service(spec: &Value, causes: &mut Vec<Cause>) {
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    if ports.is_empty() && spec["type"] != "ExternalName" && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        if ports.len() > 1 && port["name"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(&format!("{path}.name"), ""));
        }
        if !port["port"]
            .as_i64()
            .is_some_and(|number| (1..=65_535).contains(&number))
        {
            causes.push(Cause::invalid(
                &format!("{path}.port"),
                &port["port"],
                "must be between 1 and 65535, inclusive",
            ));
        }
    }
}

fn autoscaler(spec: &Value, causes: &mut Vec<Cause>) {
    let max = spec["maxReplicas"].as_i64().unwrap_or(0);
    let min = spec["minReplicas"].as_i64().unwrap_or(1);
    if min < 1 {
        causes.push(Cause::invalid(
            "spec.minReplicas",
            &spec["minReplicas"],
            "must be greater than or equal to 1",
        ));
    }
    if max < 1 {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &json!(max),
            "must be greater than 0",
        ));
    }
    if max < min {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            &spec["maxReplicas"],
            "must be greater than or equal to `minReplicas`",
        ));
    }
    let target = &spec["scaleTargetRef"];
    for field in ["kind", "name"] {
        if target[field].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(&format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
    let version = target["apiVersion"].as_str().unwrap_or_default();
    if !version.contains('/') {
        causes.push(Cause::invalid(
            "spec.scaleTargetRef.apiVersion",
            &json!(version),
            "apiVersion must specify API group",
        ));
    }
    behavior(&spec["behavior"], causes);
}

fn behavior(behavior: &Value, causes: &mut Vec<Cause>) {
    for direction in ["scaleUp", "scaleDown"] {
        let rules = &behavior[direction];
        let path = format!("spec.behavior.{direction}");
        if rules["stabilizationWindowSeconds"]
            .as_i64()
            .is_some_and(|window| !(0..=3_600).contains(&window))
        {
            causes.push(Cause::invalid(
                &format!("{path}.stabilizationWindowSeconds"),
                &rules["stabilizationWindowSeconds"],
                "must be between 0 and 3600",
            ));
        }
        for (index, policy) in rules["policies"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            for (field, most) in [("value", i64::from(i32::MAX)), ("periodSeconds", 1_800)] {
                let number = policy[field].as_i64().unwrap_or(0);
                let path = format!("{path}.policies[{index}].{field}");
                if number <= 0 {
                    causes.push(Cause::invalid(
                        &path,
                        &policy[field],
                        "must be greater than zero",
                    ));
                } else if number > most {
                    causes.push(Cause::invalid(
                        &path,
                        &policy[field],
                        &format!("must be less than or equal to {most}"),
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind;
    use super::*;

    #[track_caller]
    fn refuses(group: &str, version: &str, plural: &str, object: &Value, message: &str) {
        let kind = kind::find(group, version, plural).unwrap();
        let error = check(kind, object, None, None).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn template_labels_must_match_the_selector() {
        let object = json!({"metadata": {"name": "bad"}, "spec": {
            "selector": {"matchLabels": {"app": "bad"}},
            "template": {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}},
        }});
        refuses(
            "apps",
            "v1",
            "deployments",
            &object,
            "Deployment.apps \"bad\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`",
        );
    }

    #[test]
    fn a_job_must_say_that_its_pods_end() {
        let object = json!({"metadata": {"name": "bad"}, "spec": {"template": {"spec": {
            "restartPolicy": "Always", "containers": [{"name": "a", "image": "b"}],
        }}}});
        refuses(
            "batch",
            "v1",
            "jobs",
            &object,
            "Job.batch \"bad\" is invalid: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
        );
    }

    #[test]
    fn an_autoscalers_broken_rules_are_all_named() {
        let object = json!({"metadata": {"name": "bad"}, "spec": {
            "minReplicas": 5, "maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "x"},
        }});
        refuses(
            "autoscaling",
            "v2",
            "horizontalpodautoscalers",
            &object,
            "HorizontalPodAutoscaler.autoscaling \"bad\" is invalid: [spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`, spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group]",
        );
    }

    #[test]
    fn names_keys_and_labels_are_checked() {
        assert!(is_qualified_key("app.kubernetes.io/name") && is_qualified_key("team"));
        assert!(!is_qualified_key("a/b/c") && !is_qualified_key("") && !is_qualified_key("-x"));
        let pods = kind::find("", "v1", "pods").unwrap();
        assert!(
            is_name(pods, "web-1.x")
                && !is_name(pods, "Web")
                && !is_name(pods, "web-")
                && !is_name(pods, "a..b")
        );
    }
}
