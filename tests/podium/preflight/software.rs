//! What must be installed, and how old it may be: Kubernetes, KEDA, its metrics API, metrics-server, Redis.

use super::{ALWAYS, API_SERVICE, DEFINITION, Place, absent, forbidden, is};
use crate::fault_proxy::Fault;
use crate::redis_server::Redis;
use serde_json::json;

#[tokio::test]
async fn an_old_cluster_and_a_missing_or_old_keda_are_told_with_the_ways_to_mend_them() {
    let place = Place::new().await;
    for (version, state, code) in [("v1.28.3", "warning", 0), ("v1.21.0", "failed", 1)] {
        let told = json!({
            "major": "1", "minor": "28", "gitVersion": version, "gitCommit": "", "gitTreeState": "", "buildDate": "",
            "goVersion": "", "compiler": "", "platform": "",
        });
        place.spoil("GET", "/version", Fault::Answered(told));
        let (check, exit) = place.check("Kubernetes API", &[]).await;
        is(&check, state, &[version, "1.30"]);
        assert_eq!(exit, Some(code));
    }
    place.spoil("GET", DEFINITION, absent());
    let (check, code) = place.check("KEDA", &[]).await;
    is(
        &check,
        "failed",
        &[
            "not installed",
            "with helm",
            "helm install keda",
            "with kubectl",
            "kubectl apply --server-side",
        ],
    );
    assert_eq!(code, Some(1));
    let old = json!({"metadata": {"labels": {"app.kubernetes.io/version": "2.9.3"}}});
    place.spoil("GET", DEFINITION, Fault::Answered(old));
    is(
        &place.check("KEDA", &[]).await.0,
        "warning",
        &["2.9.3", "2.15", "helm upgrade"],
    );
    // Without the label, the operator's image tells.
    place.spoil("GET", DEFINITION, Fault::Answered(json!({"metadata": {}})));
    let image = json!({"items": [{"spec": {"template": {"spec": {"containers": [
        {"image": "ghcr.io/kedacore/keda:2.17.1"},
    ]}}}}]});
    place.meddler.spoil(
        "GET",
        "labelSelector=app%3Dkeda-operator",
        ALWAYS,
        Fault::Answered(image),
    );
    is(&place.check("KEDA", &[]).await.0, "ok", &["version 2.17.1"]);
    // Who may not read the definition sees that its API is served.
    place.spoil("GET", DEFINITION, forbidden());
    is(
        &place.check("KEDA", &[]).await.0,
        "ok",
        &["not ours to read"],
    );
}

#[tokio::test]
async fn a_metrics_api_that_is_missing_broken_or_somebody_elses_is_told() {
    let place = Place::new().await;
    let title = "external metrics API";
    place.spoil("GET", API_SERVICE, absent());
    is(
        &place.check(title, &[]).await.0,
        "failed",
        &["is not there", "helm install"],
    );
    let service = |name: &str| {
        json!({
            "spec": {"service": {"name": name, "namespace": "keda"}},
            "status": {"conditions": [{
                "type": "Available", "status": "False", "reason": "MissingEndpoints", "message": "no endpoints found",
            }]},
        })
    };
    place.spoil(
        "GET",
        API_SERVICE,
        Fault::Answered(service("keda-operator-metrics-apiserver")),
    );
    is(
        &place.check(title, &[]).await.0,
        "failed",
        &["MissingEndpoints", "no endpoints found", "rollout restart"],
    );
    place.spoil(
        "GET",
        API_SERVICE,
        Fault::Answered(service("prometheus-adapter")),
    );
    is(
        &place.check(title, &[]).await.0,
        "failed",
        &["prometheus-adapter", "not KEDA's"],
    );
    place.spoil("GET", API_SERVICE, forbidden());
    is(&place.check(title, &[]).await.0, "ok", &["it is served"]);
}

#[tokio::test]
async fn a_cluster_that_does_not_tell_what_pods_use_is_well_all_the_same() {
    let place = Place::new().await;
    for (fault, parts) in [
        (
            absent(),
            [
                "optional",
                "kubectl apply -f https://",
                "helm install metrics-server",
            ],
        ),
        (
            forbidden(),
            [
                "optional",
                "--verb=list",
                "--resource=pods.metrics.k8s.io -n keda-demo",
            ],
        ),
    ] {
        place.spoil("GET", "/apis/metrics.k8s.io/", fault);
        let (check, code) = place.check("worker CPU", &[]).await;
        is(&check, "ok", &parts);
        assert_eq!(code, Some(0));
    }
    place.spoil(
        "GET",
        "/apis/metrics.k8s.io/",
        Fault::Refused(503, "away".to_owned()),
    );
    let (check, code) = place.check("worker CPU", &[]).await;
    is(&check, "unknown", &["optional", "away"]);
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_redis_of_ones_own_is_looked_at_whether_or_not_the_cluster_is_there() {
    let place = Place::new().await;
    let redis = Redis::real().await;
    let url = format!("redis://{}", redis.address);
    is(
        &place.check("Redis", &["--redis", &url]).await.0,
        "ok",
        &["Redis 7", "in"],
    );
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", free.local_addr().unwrap());
    drop(free);
    let (check, code) = place.check("Redis", &["--redis", &url]).await;
    is(&check, "failed", &["not reachable"]);
    assert_eq!(code, Some(1));
}
