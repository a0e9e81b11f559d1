//! Checks that find something wrong, or cannot find it out: each with what to do.

use super::{ALWAYS, API_SERVICE, DEFINITION, Place, absent, forbidden, is};
use crate::fault_proxy::Fault;
use crate::redis_server::Redis;
use crate::talk::{Talk, run};
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn whatever_a_check_cannot_find_out_or_finds_wrong_is_told_with_what_to_do() {
    let place = Place::new().await;
    let broken = || Fault::Refused(500, "etcdserver: no leader".to_owned());
    let not_ours = |verb: &str, plural: &str, whole: bool| {
        let place = match whole {
            true => "at the cluster scope",
            false => "in the namespace \"keda-demo\"",
        };
        Fault::Refused(
            403,
            format!(
                "{plural} is forbidden: User \"jane\" cannot {verb} resource \"{plural}\" in API group \"\" {place}"
            ),
        )
    };
    let version = json!({
        "major": "1", "minor": "99", "gitVersion": "nightly", "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    });
    let leaving = json!({"metadata": {}, "status": {"phase": "Terminating"}});
    let no = json!({"status": {"allowed": false}});
    let reviews = "/selfsubjectaccessreviews";
    for (method, path, fault, title, state, parts) in [
        (
            "GET",
            "/version",
            Fault::Answered(version),
            "Kubernetes API",
            "unknown",
            ["nightly", "not a version we can read"],
        ),
        (
            "GET",
            DEFINITION,
            broken(),
            "KEDA",
            "unknown",
            ["no leader", "readyz?verbose"],
        ),
        (
            "GET",
            API_SERVICE,
            broken(),
            "external metrics API",
            "unknown",
            ["no leader", "readyz?verbose"],
        ),
        (
            "GET",
            "/namespaces/keda-demo",
            Fault::Answered(leaving),
            "namespace",
            "warning",
            [
                "Deploy waits until it is gone",
                "kubectl get namespace keda-demo --watch",
            ],
        ),
        (
            "GET",
            "/namespaces/keda-demo",
            not_ours("get", "namespaces", true),
            "namespace",
            "unknown",
            [
                "jane",
                "kubectl create clusterrole podium-namespaces --verb=get",
            ],
        ),
        (
            "POST",
            reviews,
            Fault::Answered(no),
            "namespace",
            "failed",
            [
                "you may not create namespaces",
                "kubectl create namespace keda-demo",
            ],
        ),
        (
            "POST",
            reviews,
            broken(),
            "rights: pods",
            "unknown",
            ["ask what we may do", "readyz?verbose"],
        ),
        (
            "GET",
            "/resourcequotas",
            not_ours("list", "resourcequotas", false),
            "quota",
            "unknown",
            [
                "jane",
                "kubectl create role podium-resourcequotas --verb=list",
            ],
        ),
        (
            "GET",
            "/api/v1/nodes",
            not_ours("list", "nodes", true),
            "images",
            "unknown",
            [
                "jane",
                "kubectl create clusterrole podium-nodes --verb=list",
            ],
        ),
        (
            "GET",
            "/api/v1/nodes",
            Fault::Answered(json!({"items": []})),
            "images",
            "failed",
            ["no node takes pods", "kubectl get nodes"],
        ),
        (
            "GET",
            "/endpoints/redis",
            not_ours("get", "endpoints", false),
            "Redis",
            "unknown",
            [
                "find Redis: ",
                "kubectl create role podium-endpoints --verb=get",
            ],
        ),
    ] {
        place.spoil(method, path, fault);
        let (check, code) = place.check(title, &[]).await;
        is(&check, state, &parts);
        assert!(state != "failed" || code == Some(1), "{check:#}");
    }
    // Who may read neither the definition nor the APIs' list sees by what is served.
    place.spoil("GET", DEFINITION, forbidden());
    place
        .meddler
        .spoil("GET", "/apis/keda.sh/v1alpha1", ALWAYS, absent());
    is(
        &place.check("KEDA", &[]).await.0,
        "failed",
        &["not installed", "with helm", "with kubectl"],
    );
    place.spoil("GET", API_SERVICE, forbidden());
    place.meddler.spoil(
        "GET",
        "/apis/external.metrics.k8s.io/v1beta1",
        ALWAYS,
        Fault::Page(503, "service unavailable"),
    );
    is(
        &place.check("external metrics API", &[]).await.0,
        "failed",
        &["is not there", "with helm", "with kubectl"],
    );

    // The page says the same.
    place.spoil("GET", DEFINITION, absent());
    let (there, _log) = Talk::start_logged(Some(&place.kubeconfig), &[]).await;
    let page = there
        .request(reqwest::Method::GET, "preflight")
        .header("accept", "text/html")
        .bearer_auth(&there.key);
    let page = page.send().await.unwrap().text().await.unwrap();
    for part in [
        "not installed",
        "helm install keda",
        "kubectl apply --server-side",
    ] {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
}

/// A Redis that says it is an older one.
async fn aged(redis: SocketAddr) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = tokio::net::TcpStream::connect(redis).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 65_536];
                while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
                    let text = String::from_utf8_lossy(&bytes[..read]);
                    let older = text.replace("redis_version:7.", "redis_version:5.");
                    if to_client.write_all(older.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_redis_that_is_too_old_or_forgets_is_told_with_what_to_do() {
    let place = Place::new().await;
    let redis = Redis::real().await;
    let old = aged(redis.address).await;
    let url = format!("redis://{old}");
    let (check, code) = place.check("Redis", &["--redis", &url]).await;
    is(
        &check,
        "failed",
        &[
            "Redis 5.",
            "is too old: the queue needs BLMOVE, so Redis 6.2 or any Valkey",
            "--redis",
        ],
    );
    assert_eq!(code, Some(1));
    let (host, port) = (
        redis.address.ip().to_string(),
        redis.address.port().to_string(),
    );
    for setting in [["maxmemory", "100mb"], ["maxmemory-policy", "allkeys-lru"]] {
        let mut command = tokio::process::Command::new("redis-cli");
        command
            .args(["-h", &host, "-p", &port, "CONFIG", "SET"])
            .args(setting);
        assert_eq!(run(&mut command).await.code, Some(0));
    }
    let url = format!("redis://{}", redis.address);
    is(
        &place.check("Redis", &["--redis", &url]).await.0,
        "warning",
        &[
            "throws keys away",
            "allkeys-lru",
            "CONFIG SET maxmemory-policy noeviction",
        ],
    );
}
