//! The rules on what makes pods, on pods themselves, and on the Services in front of them.

use crate::embedded::api::error::Cause;
use serde_json::{Value, json};

/// Checks the specification of a Deployment or ReplicaSet; `previous` is the one it replaces.
pub(super) fn scalable(spec: &Value, previous: Option<&Value>, causes: &mut Vec<Cause>) {
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
    selector(spec, previous, causes);
    containers(&spec["template"]["spec"], "spec.template.spec", causes);
}

/// Checks the specification of a Job. Its pods must come to an end. (`Always` is what an absent policy was completed to.)
pub(super) fn job(spec: &Value, causes: &mut Vec<Cause>) {
    let template = &spec["template"]["spec"];
    containers(template, "spec.template.spec", causes);
    if template["restartPolicy"] != "OnFailure" && template["restartPolicy"] != "Never" {
        causes.push(Cause::required(
            "spec.template.spec.restartPolicy",
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
}

fn selector(spec: &Value, previous: Option<&Value>, causes: &mut Vec<Cause>) {
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

/// Checks the containers of a pod's specification, which is at `path` of the object.
pub(super) fn containers(spec: &Value, path: &str, causes: &mut Vec<Cause>) {
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

/// Checks the specification of a Service.
pub(super) fn service(spec: &Value, causes: &mut Vec<Cause>) {
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

#[cfg(test)]
mod tests {
    use crate::embedded::api::admission::refuses;
    use serde_json::json;

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
}
