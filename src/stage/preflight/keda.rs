//! Whether KEDA is there, which version, and whether the metrics API that the HPA asks leads to it.

use super::Check;
use crate::cluster::{Cluster, ClusterError};
use serde_json::Value;

pub(super) const TITLE: &str = "KEDA";
pub(super) const METRICS: &str = "external metrics API";

/// The oldest version that the demo's manifests are known to suit.
const OLDEST: (u32, u32) = (2, 15);

const HELM: &str = "helm install keda keda --repo https://kedacore.github.io/charts --namespace keda --create-namespace";
const UPGRADE: &str =
    "helm upgrade keda keda --repo https://kedacore.github.io/charts --namespace keda";
const KUBECTL: &str = "kubectl apply --server-side -f https://github.com/kedacore/keda/releases/download/v2.20.2/keda-2.20.2.yaml";

const CRD: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledobjects.keda.sh";
const API_SERVICE: &str =
    "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";
const OPERATORS: &str = "/apis/apps/v1/deployments?labelSelector=app%3Dkeda-operator";

/// Who may not read the definition still sees whether its API is served.
pub(super) async fn operator(cluster: &Cluster) -> Check {
    let definition = match cluster.ask(CRD).await {
        Ok(definition) => definition,
        Err(error) if error.code() == Some(403) => {
            return match cluster.ask("/apis/keda.sh/v1alpha1").await {
                Ok(_) => Check::ok(
                    TITLE,
                    "ScaledObjects are served; its version is not ours to read",
                ),
                Err(error) => absent_or_unanswered(&error),
            };
        }
        Err(error) => return absent_or_unanswered(&error),
    };
    match version(cluster, &definition).await {
        Some(found) if parts(&found).is_some_and(|version| version < OLDEST) => Check::warning(
            TITLE,
            format!(
                "version {found} is older than {}.{}, with which the demo was made",
                OLDEST.0, OLDEST.1
            ),
        )
        .fix(UPGRADE),
        Some(found) => Check::ok(TITLE, format!("version {found}")),
        None => Check::ok(TITLE, "ScaledObjects are served; nothing tells its version"),
    }
}

fn absent_or_unanswered(error: &ClusterError) -> Check {
    if error.code() != Some(404) {
        return Check::unanswered(TITLE, error);
    }
    Check::stopping(
        TITLE,
        "not installed: the cluster does not know ScaledObjects (scaledobjects.keda.sh)",
    )
    .fix_by("with helm", HELM)
    .fix_by("with kubectl", KUBECTL)
}

/// As the definition's label has it, else the image of the operator.
async fn version(cluster: &Cluster, definition: &Value) -> Option<String> {
    let label = &definition["metadata"]["labels"]["app.kubernetes.io/version"];
    if let Some(label) = label.as_str() {
        return Some(label.to_owned());
    }
    let operators = cluster.ask(OPERATORS).await.ok()?;
    let image = operators
        .pointer("/items/0/spec/template/spec/containers/0/image")?
        .as_str()?;
    let (_, tag) = image.split('@').next()?.rsplit_once(':')?;
    Some(tag.to_owned())
}

fn parts(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Registered is not enough: the API server says whether what it leads to answers.
pub(super) async fn metrics(cluster: &Cluster) -> Check {
    match cluster.ask(API_SERVICE).await {
        Ok(service) => judge(&service),
        Err(error) if error.code() == Some(403) => {
            match cluster.ask("/apis/external.metrics.k8s.io/v1beta1").await {
                Ok(_) => Check::ok(METRICS, "it is served"),
                Err(error) if matches!(error.code(), Some(404 | 503)) => unserved(),
                Err(error) => Check::unanswered(METRICS, &error),
            }
        }
        Err(error) if error.code() == Some(404) => unserved(),
        Err(error) => Check::unanswered(METRICS, &error),
    }
}

fn unserved() -> Check {
    Check::failed(
        METRICS,
        "v1beta1.external.metrics.k8s.io is not there, so the HPA cannot ask for the queue's length; KEDA brings it",
    )
    .fix_by("with helm", HELM)
    .fix_by("with kubectl", KUBECTL)
}

fn judge(service: &Value) -> Check {
    let text = |pointer: &str| {
        service
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("?")
    };
    let (name, namespace) = (text("/spec/service/name"), text("/spec/service/namespace"));
    let conditions = service["status"]["conditions"].as_array();
    let available = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Available");
    if !name.contains("keda") {
        return Check::failed(
            METRICS,
            format!("v1beta1.external.metrics.k8s.io leads to Service {name} in namespace {namespace}, which is not KEDA's; a cluster has one such API, so remove that adapter and install KEDA anew"),
        )
        .fix("kubectl delete apiservice v1beta1.external.metrics.k8s.io")
        ;
    }
    match available {
        Some(condition) if condition["status"] == "True" => {
            Check::ok(METRICS, format!("available, by {namespace}/{name}"))
        }
        found => {
            let word = |field| {
                found
                    .and_then(|found| found[field].as_str())
                    .unwrap_or("no word of it")
            };
            Check::failed(
                METRICS,
                format!("not available ({}): {}", word("reason"), word("message")),
            )
            .fix(format!(
                "kubectl -n {namespace} rollout restart deployment {name}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::preflight::Verdict;
    use serde_json::json;

    fn service(name: &str, status: &str) -> Value {
        json!({
            "spec": {"service": {"name": name, "namespace": "keda"}},
            "status": {"conditions": [{
                "type": "Available", "status": status, "reason": "MissingEndpoints", "message": "no endpoints",
            }]},
        })
    }

    #[test]
    fn the_metrics_api_must_be_available_and_kedas() {
        let adapter = "keda-operator-metrics-apiserver";
        assert_eq!(judge(&service(adapter, "True")).verdict, Verdict::Ok);
        let down = judge(&service(adapter, "False"));
        assert_eq!(down.verdict, Verdict::Failed);
        assert_eq!(
            down.detail,
            "not available (MissingEndpoints): no endpoints"
        );
        let other = judge(&service("prometheus-adapter", "True"));
        assert_eq!(other.verdict, Verdict::Failed);
        assert!(
            other.detail.contains("prometheus-adapter"),
            "{}",
            other.detail
        );
    }

    #[test]
    fn versions_compare_by_their_first_two_numbers() {
        assert!(parts("2.9.3").unwrap() < OLDEST && parts("v2.20.2").unwrap() > OLDEST);
        assert_eq!(parts("main"), None);
    }
}
