//! Bodies that are meant to hurt the embedded API: too large, too deep, growing when read. Each is refused as the API
//! server refuses it, and the next request is answered as ever.

use crate::kubernetes_api::Cluster;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SCALED_OBJECTS: &str = "/apis/keda.sh/v1alpha1/namespaces/default/scaledobjects";

async fn send(
    cluster: &Cluster,
    (method, path): (Method, &str),
    media_type: &str,
    body: impl Into<reqwest::Body>,
) -> (StatusCode, Value) {
    let response = reqwest::Client::new()
        .request(method, format!("http://{}{path}", cluster.address))
        .bearer_auth("a-token-for-tests")
        .header("content-type", media_type)
        .body(body)
        .send()
        .await
        .expect("an answer, not a broken connection");
    let status = response.status();
    (status, response.json().await.unwrap())
}

#[track_caller]
fn refused(answer: &(StatusCode, Value), code: u16) {
    let (status, body) = answer;
    assert_eq!(status.as_u16(), code, "{body}");
    assert_eq!(body["kind"], "Status");
    assert_eq!(body["code"], code);
}

async fn still_answers(cluster: &Cluster) {
    let map = json!({"metadata": {"generateName": "m-"}}).to_string();
    let (status, _) = send(cluster, (Method::POST, MAPS), "application/json", map).await;
    assert_eq!(status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_too_large() {
    let cluster = Cluster::start().await;
    let body = vec![b' '; 10 << 20];
    let answer = send(&cluster, (Method::POST, MAPS), "application/json", body).await;
    refused(&answer, 413);
    assert_eq!(answer.1["reason"], "RequestEntityTooLarge");
    still_answers(&cluster).await;
}

#[tokio::test]
async fn a_body_of_ten_megabytes_without_a_length_is_too_large() {
    let cluster = Cluster::start().await;
    let chunks = (0..160).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 << 10]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let answer = send(&cluster, (Method::POST, MAPS), "application/json", body).await;
    refused(&answer, 413);
    still_answers(&cluster).await;
}

#[tokio::test]
async fn nesting_without_end_is_refused_in_json_and_in_yaml() {
    let cluster = Cluster::start().await;
    let deep = 1 << 20;
    let object = format!("{{\"data\":{}", "{\"a\":".repeat(deep / 5));
    let indented: String = (0..1_400).map(|depth| " ".repeat(depth) + "a:\n").collect();
    for body in [
        "[".repeat(deep),
        "{".repeat(deep),
        "- ".repeat(deep / 2),
        "? ".repeat(deep / 2),
        object,
        indented,
        format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
    ] {
        for media_type in ["application/json", "application/yaml"] {
            let answer = send(&cluster, (Method::POST, MAPS), media_type, body.clone()).await;
            refused(&answer, 400);
        }
    }
    still_answers(&cluster).await;
}

#[tokio::test]
async fn yaml_that_expands_without_end_is_refused() {
    let cluster = Cluster::start().await;
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..30 {
        let below = level - 1;
        let nine = vec![format!("*a{below}"); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{nine}]\n"));
    }
    let long = "x".repeat(1 << 20);
    let many = "*a, ".repeat(1_000);
    let wide = format!("a: &a {long}\nb: [{many}]\n");
    let selves = "a: &a [*a, *a]\n".to_owned();
    for body in [bomb, wide, selves] {
        let answer = send(&cluster, (Method::POST, MAPS), "application/yaml", body).await;
        refused(&answer, 400);
    }
    still_answers(&cluster).await;
}

#[tokio::test]
async fn patches_that_nest_or_double_are_refused() {
    let cluster = Cluster::start().await;
    let scaled = json!({
        "metadata": {"name": "s"},
        "spec": {"scaleTargetRef": {"name": "w"}, "triggers": [{"type": "redis", "metadata": {"listName": "q"}}]},
    });
    let (status, body) = send(
        &cluster,
        (Method::POST, SCALED_OBJECTS),
        "application/json",
        scaled.to_string(),
    )
    .await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let (from, path) = ("/spec/triggers", "/spec/triggers/-");
    let double = json!(vec![json!({"op": "copy", "from": from, "path": path}); 60]);
    let nest = |_| {
        let (from, path) = ("/spec", "/next/spec");
        [
            json!({"op": "add", "path": "/next", "value": {}}),
            json!({"op": "move", "from": from, "path": path}),
            json!({"op": "move", "from": "/next", "path": "/spec"}),
        ]
    };
    let nest = json!((0..3_000).flat_map(nest).collect::<Vec<_>>());
    let target = format!("{SCALED_OBJECTS}/s");
    for operations in [double, nest] {
        let answer = send(
            &cluster,
            (Method::PATCH, &target),
            "application/json-patch+json",
            operations.to_string(),
        )
        .await;
        refused(&answer, 422);
    }
    still_answers(&cluster).await;
}

#[tokio::test]
async fn numbers_at_the_edge_of_their_type_are_only_numbers() {
    let cluster = Cluster::start().await;
    let most = i64::MAX;
    let pod = json!({
        "metadata": {"name": "p"},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]},
    });
    let running = json!({"status": {"containerStatuses": [{
        "name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": i32::MAX,
        "state": {"running": {"startedAt": "9999-12-30T22:00:00Z"}},
    }]}});
    let pods = "/api/v1/namespaces/default/pods";
    let steps = [
        (Method::POST, pods.to_owned(), pod),
        (Method::PATCH, format!("{pods}/p/status"), running),
        (Method::GET, pods.to_owned(), json!({})),
        (
            Method::DELETE,
            format!("{pods}/p"),
            json!({"gracePeriodSeconds": most}),
        ),
    ];
    for (method, path, body) in steps {
        let media_type = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let (status, body) = send(&cluster, (method, &path), media_type, body.to_string()).await;
        assert!(status.is_success(), "{path}: {body}");
    }
    let log = format!(
        "http://{}{pods}/p/log?sinceSeconds={most}&tailLines={most}",
        cluster.address
    );
    let log = reqwest::Client::new()
        .get(log)
        .bearer_auth("a-token-for-tests")
        .send()
        .await
        .unwrap();
    assert_eq!(log.status(), StatusCode::OK);
}
