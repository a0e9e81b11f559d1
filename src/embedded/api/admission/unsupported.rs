//! What an object asks for and the embedded node and controllers do not do: said in a warning, not swallowed. The
//! object is stored as it is, so that it reads back unchanged and means the same on a real cluster.

use crate::embedded::store::{
    DEPLOYMENTS, JOBS, PODS, REPLICA_SETS, Resource, TRIGGER_AUTHENTICATIONS,
};
use serde_json::Value;

/// Fields of a Job that its controller does not follow.
const JOB_FIELDS: [&str; 4] = [
    "podFailurePolicy",
    "successPolicy",
    "backoffLimitPerIndex",
    "podReplacementPolicy",
];

/// Where a TriggerAuthentication may get parameters from, outside the cluster.
const OUTSIDE: [&str; 6] = [
    "podIdentity",
    "boundServiceAccountToken",
    "hashiCorpVault",
    "azureKeyVault",
    "gcpSecretManager",
    "awsSecretManager",
];

/// What of `object` will have no effect, a sentence each.
pub(super) fn warnings(resource: Resource, object: &Value) -> Vec<String> {
    let spec = &object["spec"];
    let mut warnings = Vec::new();
    if resource == JOBS {
        job(spec, &mut warnings);
    }
    if resource == TRIGGER_AUTHENTICATIONS {
        let outside = OUTSIDE.iter().filter(|source| !spec[**source].is_null());
        warnings.extend(outside.map(|source| {
            format!("spec.{source}: the embedded KEDA gets parameters from within the cluster only")
        }));
    }
    if resource == PODS {
        pod(spec, "spec", &mut warnings);
    } else if [DEPLOYMENTS, REPLICA_SETS, JOBS].contains(&resource) {
        pod(
            &spec["template"]["spec"],
            "spec.template.spec",
            &mut warnings,
        );
    }
    warnings
}

fn job(spec: &Value, warnings: &mut Vec<String>) {
    for field in JOB_FIELDS {
        if !spec[field].is_null() {
            warnings.push(format!(
                "spec.{field} is ignored by the embedded Job controller"
            ));
        }
    }
    if spec["completionMode"] == "Indexed" {
        warnings.push(
            "spec.completionMode: the embedded Job controller gives its pods no index".to_owned(),
        );
    }
}

fn pod(spec: &Value, path: &str, warnings: &mut Vec<String>) {
    for field in ["initContainers", "volumes"] {
        if spec[field].as_array().is_some_and(|list| !list.is_empty()) {
            warnings.push(format!("{path}.{field} is ignored by the embedded kubelet"));
        }
    }
    for (index, container) in spec["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let path = format!("{path}.containers[{index}]");
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            if let Some(kind) = unprobed(&container[probe]) {
                warnings.push(format!(
                    "{path}.{probe}.{kind}: the embedded kubelet makes tcpSocket and plain httpGet probes only; it takes this one for passed"
                ));
            }
        }
        if container["lifecycle"].is_object() {
            warnings.push(format!(
                "{path}.lifecycle is ignored by the embedded kubelet"
            ));
        }
    }
}

/// How a probe would be made, when the kubelet does not make such.
fn unprobed(probe: &Value) -> Option<&'static str> {
    if probe["httpGet"]["scheme"] == "HTTPS" {
        return Some("httpGet.scheme");
    }
    ["exec", "grpc"]
        .into_iter()
        .find(|kind| probe[*kind].is_object())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::store::CONFIG_MAPS;
    use serde_json::json;

    #[test]
    fn a_probe_that_is_not_made_is_named_with_its_place() {
        let exec = json!({"exec": {"command": ["true"]}});
        let tcp = json!({"tcpSocket": {"port": 1}});
        let object = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "readinessProbe": tcp},
            {"name": "b", "readinessProbe": tcp, "livenessProbe": exec},
        ]}}}});
        let said = warnings(DEPLOYMENTS, &object);
        assert_eq!(
            said,
            [
                "spec.template.spec.containers[1].livenessProbe.exec: the embedded kubelet makes tcpSocket and plain httpGet probes only; it takes this one for passed"
            ]
        );
        let pod = json!({"spec": {"containers": [
            {"startupProbe": {"httpGet": {"scheme": "HTTPS", "port": 1}}}]}});
        assert!(
            warnings(PODS, &pod)[0].starts_with("spec.containers[0].startupProbe.httpGet.scheme: ")
        );
        assert!(warnings(CONFIG_MAPS, &pod).is_empty());
    }

    #[test]
    fn a_jobs_policies_are_named() {
        let object = json!({"spec": {"completionMode": "Indexed", "podFailurePolicy": {"rules": []},
            "template": {"spec": {"initContainers": [{"name": "first"}], "containers": []}}}});
        assert_eq!(
            warnings(JOBS, &object),
            [
                "spec.podFailurePolicy is ignored by the embedded Job controller",
                "spec.completionMode: the embedded Job controller gives its pods no index",
                "spec.template.spec.initContainers is ignored by the embedded kubelet",
            ]
        );
    }
}
