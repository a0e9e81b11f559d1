//! The namespace: whether it is there, on its way out, or too strict for the demo's pods.

use super::demand::crowds;
use super::{Check, Ground};
use crate::cluster::remedy::Right;
use serde_json::Value;

pub(super) const TITLE: &str = "namespace";

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

pub(super) async fn check(ground: Ground<'_>) -> Check {
    let name = ground.namespace;
    let found = match ground
        .cluster
        .ask(&format!("/api/v1/namespaces/{name}"))
        .await
    {
        Ok(found) => found,
        Err(error) if error.code() == Some(404) => {
            return missing(ground).await;
        }
        Err(error) => return Check::unanswered(TITLE, &error),
    };
    if found["status"]["phase"] == "Terminating" {
        let detail = format!("{name} is being deleted; Deploy waits until it is gone");
        return Check::warning(TITLE, detail).fix(format!("kubectl get namespace {name} --watch"));
    }
    let level = found["metadata"]["labels"][ENFORCE].as_str();
    if level == Some("restricted") {
        let lax: Vec<_> = crowds(ground.manifests)
            .iter()
            .filter(|crowd| !is_restricted(&crowd.template["spec"]))
            .map(|crowd| crowd.name)
            .collect();
        if !lax.is_empty() {
            let detail = format!(
                "{name} takes only pods of Pod Security level restricted, and those of {} are not",
                lax.join(" and ")
            );
            let relax = format!("kubectl label namespace {name} {ENFORCE}=baseline --overwrite");
            return Check::failed(TITLE, detail).fix(relax);
        }
    }
    let level = level.map_or_else(String::new, |level| format!(", Pod Security level {level}"));
    Check::ok(TITLE, format!("{name} is there{level}"))
}

/// One that is not there can be made only by who may make namespaces.
async fn missing(ground: Ground<'_>) -> Check {
    let name = ground.namespace;
    let right = Right {
        verb: "create".to_owned(),
        group: String::new(),
        resource: "namespaces".to_owned(),
        namespace: None,
        name: None,
    };
    match ground.cluster.may(&right).await {
        Ok(true) => Check::ok(TITLE, format!("{name} is not there yet; Deploy makes it")),
        Ok(false) => {
            let detail = format!("{name} is not there, and you may not create namespaces");
            Check::stopping(TITLE, detail).fix(format!("kubectl create namespace {name}"))
        }
        Err(error) => Check::unanswered(TITLE, &error),
    }
}

/// The four things that the level asks of a plain pod.
fn is_restricted(pod: &Value) -> bool {
    let of_pod = &pod["securityContext"];
    let containers = pod["containers"].as_array();
    containers.into_iter().flatten().all(|container| {
        let own = &container["securityContext"];
        let said = |pointer: &str| own.pointer(pointer).or_else(|| of_pod.pointer(pointer));
        let drops_all = own["capabilities"]["drop"]
            .as_array()
            .is_some_and(|dropped| dropped.iter().any(|one| one == "ALL"));
        let profile = said("/seccompProfile/type").and_then(Value::as_str);
        own["allowPrivilegeEscalation"] == false
            && drops_all
            && said("/runAsNonRoot") == Some(&Value::Bool(true))
            && matches!(profile, Some("RuntimeDefault" | "Localhost"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_restricted_pod_says_all_four_things_itself_or_in_its_containers() {
        let container = json!({"securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        }});
        let mut pod = json!({
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        });
        assert!(is_restricted(&pod));
        pod["containers"][0]["securityContext"]["runAsNonRoot"] = json!(false);
        assert!(!is_restricted(&pod));
        assert!(!is_restricted(&json!({"containers": [{"name": "worker"}]})));
    }
}
