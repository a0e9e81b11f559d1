//! Whether the cluster says what pods use of CPU. The demo does without: whatever comes of this, nothing has failed.

use super::{Check, Ground};
use crate::cluster::pod_metrics;
use crate::cluster::remedy::Right;

pub(super) const TITLE: &str = "worker CPU";

const KUBECTL: &str = "kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml";
const HELM: &str = "helm install metrics-server metrics-server --repo https://kubernetes-sigs.github.io/metrics-server --namespace kube-system";

pub(super) async fn check(ground: Ground<'_>) -> Check {
    let (cluster, namespace) = (ground.cluster, ground.namespace);
    let Err(error) = cluster.ask(&pod_metrics::path(namespace)).await else {
        return Check::ok(TITLE, "optional: metrics.k8s.io tells it");
    };
    match error.code() {
        Some(404) => Check::ok(
            TITLE,
            "optional: this cluster has no metrics.k8s.io, so what the workers use is not shown; metrics-server brings it",
        )
        .fix_by("with kubectl", KUBECTL)
        .fix_by("with helm", HELM),
        Some(403) => {
            let who = cluster.who().await;
            let grant = right(namespace).grant(&["list"], who.as_deref().unwrap_or("YOU"));
            Check::ok(
                TITLE,
                "optional: metrics.k8s.io is not ours to read, so what the workers use is not shown",
            )
            .fix(grant)
        }
        _ => Check::unknown(TITLE, format!("optional, and it does not answer: {error}")),
    }
}

fn right(namespace: &str) -> Right {
    Right {
        verb: "list".to_owned(),
        group: "metrics.k8s.io".to_owned(),
        resource: "pods".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: None,
    }
}
