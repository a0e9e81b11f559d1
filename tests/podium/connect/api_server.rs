//! An API server that refuses, is overloaded, or breaks off: what is said, and that doing it again is safe.

use super::{Desk, PATIENCE, api, says};
use crate::fault_proxy::{Fault, Meddler};
use crate::talk::Talk;
use serde_json::json;
use std::path::PathBuf;
use tokio::time::Instant;

const ALWAYS: usize = usize::MAX;

/// A cluster, what spoils it, and a kubeconfig that leads through that.
pub(crate) async fn meddled() -> (Talk, Meddler, Desk, PathBuf) {
    let talk = Talk::start().await;
    let (address, token) = api(&talk);
    let meddler = Meddler::before(address).await;
    let desk = Desk::new();
    let server = format!("http://{}", meddler.address);
    let config = desk.config(&server, "", &format!("token: {token}"));
    (talk, meddler, desk, config)
}

#[tokio::test]
async fn a_refusal_says_who_is_refused_what_and_what_to_do() {
    let (_talk, meddler, desk, config) = meddled().await;
    let forbidden = r#"namespaces is forbidden: User "jane" cannot get resource "namespaces" in API group "" at the cluster scope"#;
    for (code, message, parts) in [
        (
            401,
            "Unauthorized",
            &[
                "Unauthorized",
                "the cluster does not know these credentials, or they have expired",
                "log in again",
                "kubectl create token",
            ][..],
        ),
        (
            403,
            forbidden,
            &[
                "User \"jane\" cannot get resource \"namespaces\"",
                "kubectl create clusterrole podium-namespaces --verb=get",
                "--user=jane",
            ],
        ),
        (410, "too old", &["too old", "try again"]),
        (
            429,
            "too many requests",
            &["throttling", "more to do than it can", "wait a moment"],
        ),
        (
            500,
            "etcdserver: no leader",
            &["etcdserver: no leader", "readyz?verbose"],
        ),
    ] {
        meddler.heal();
        meddler.spoil("GET", "/", ALWAYS, Fault::Refused(code, message.to_owned()));
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(Desk::complaint(&output), parts);
    }
}

#[tokio::test]
async fn what_answers_and_is_no_api_server_or_does_not_end_its_answer_is_told() {
    let (_talk, meddler, desk, config) = meddled().await;
    for (fault, parts) in [
        (
            Fault::Page(502, "<html>Bad gateway</html>"),
            &["answers 502 with a web page", "a proxy or a login page"][..],
        ),
        (
            Fault::Page(200, "<html>Log in</html>"),
            &["what answers there is no Kubernetes API", "a login page"],
        ),
        (
            Fault::Page(400, "Client sent an HTTP request to an HTTPS server.\n"),
            &["the server speaks TLS", "https://"],
        ),
        (
            Fault::Page(503, "no healthy upstream"),
            &["no healthy upstream", "readyz?verbose"],
        ),
        (Fault::Page(500, ""), &["HTTP 500 without a word"]),
        (Fault::Lost, &["the connection was cut", "trying again"]),
        (Fault::Half, &["the connection was cut", "trying again"]),
    ] {
        meddler.heal();
        meddler.spoil("GET", "/version", ALWAYS, fault);
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(Desk::complaint(&output), parts);
        let status = desk.podium(&config, &["status"]).await;
        assert_eq!(status.code, Some(1), "{status:?}");
        says(&status.stdout, &["✗ Kubernetes API"]);
        says(&status.stdout, parts);
    }
}

#[tokio::test]
async fn who_may_not_ask_for_the_version_is_let_in_and_who_has_an_old_one_is_told_before_anything_is_done()
 {
    let (talk, meddler, desk, config) = meddled().await;
    let secret = Fault::Refused(403, "no".to_owned());
    meddler.spoil("GET", "/version", ALWAYS, secret);
    let output = desk.podium(&config, &["queue-depth"]).await;
    says(
        Desk::complaint(&output),
        &["the queue demo is not deployed"],
    );
    let status = desk.podium(&config, &["status"]).await;
    assert_eq!(status.code, Some(0), "{status:?}");
    says(
        &status.stdout,
        &["? Kubernetes API", "does not tell its version", "✓ KEDA"],
    );

    meddler.heal();
    let told = json!({
        "major": "1", "minor": "21", "gitVersion": "v1.21.0", "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "",
    });
    meddler.spoil("GET", "/version", ALWAYS, Fault::Answered(told));
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    says(
        Desk::complaint(&output),
        &[
            "v1.21.0 at",
            "is too old: the demo needs autoscaling/v2",
            "upgrade the cluster",
        ],
    );
    let namespaces = talk.kubectl(&["get", "ns", "-o", "name"]).await.stdout;
    assert!(!namespaces.contains("keda-demo"), "{namespaces}");
}

#[tokio::test]
async fn a_talk_begins_without_its_cluster_and_says_so_but_not_without_a_way_to_one() {
    let desk = Desk::new();
    let nowhere = desk.folder().join("nowhere");
    let output = desk
        .podium(&nowhere, &["serve", "--listen", "127.0.0.1:0"])
        .await;
    says(
        Desk::complaint(&output),
        &["there is no kubeconfig", "kind export kubeconfig"],
    );

    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let config = desk.config(&away, "", "token: t");
    let (talk, _log) = Talk::start_logged(Some(&config), &[]).await;
    let mut events = talk.events().await;
    let reason = format!("cannot reach the Kubernetes API at {away}");
    let said = |_: &str, data: &serde_json::Value| data.to_string().contains(&reason);
    events.until(PATIENCE, said).await;
    let page = talk
        .request(reqwest::Method::GET, "preflight")
        .header("accept", "text/html")
        .bearer_auth(&talk.key);
    let page = page.send().await.unwrap().text().await.unwrap();
    says(&page, &[&reason, "is the cluster running?"]);
    talk.act("deploy", serde_json::Value::Null).await;
    let ended =
        |event: &str, data: &serde_json::Value| event == "action" && data["state"] == "failed";
    let failed = events.until(PATIENCE, ended).await;
    says(failed["message"].as_str().unwrap(), &[&reason, "refused"]);
    says(
        failed["remedy"].as_str().unwrap(),
        &["is the cluster running?"],
    );
}

#[tokio::test]
async fn whatever_happens_in_the_middle_of_a_deployment_deploying_again_completes_it() {
    let (_talk, meddler, desk, config) = meddled().await;
    let forbidden = r#"deployments.apps "redis" is forbidden: User "system:serviceaccount:podium:podium" cannot patch resource "deployments" in API group "apps" in the namespace "keda-demo""#;
    let refused = |code, message: &str| Fault::Refused(code, message.to_owned());
    for (path, fault, parts) in [
        (
            "/services/redis",
            refused(409, "the object has been modified"),
            &["apply service/redis", "modified", "try again"][..],
        ),
        (
            "/services/redis",
            refused(410, "too old"),
            &["apply service/redis", "try again"],
        ),
        (
            "/deployments/redis",
            refused(403, forbidden),
            &[
                "apply deployment/redis",
                "kubectl apply -f manifests/podium/rbac.yaml",
            ],
        ),
        (
            "/deployments/queue-worker",
            refused(500, "etcdserver: request timed out"),
            &["apply deployment/queue-worker", "readyz"],
        ),
        (
            "/scaledobjects/queue-worker",
            Fault::Lost,
            &["was cut", "trying again"],
        ),
        (
            "/scaledobjects/queue-worker",
            Fault::Cut,
            &["was cut", "trying again"],
        ),
    ] {
        meddler.heal();
        meddler.spoil("PATCH", path, 1, fault);
        let output = desk.podium(&config, &["deploy-queue-demo"]).await;
        says(Desk::complaint(&output), parts);
    }
    meddler.heal();
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    // The last apply was carried out, and only its answer was lost.
    says(
        &output.stdout,
        &[
            "scaledobject/queue-worker unchanged",
            "The queue demo is ready",
        ],
    );
}

#[tokio::test]
async fn an_api_server_that_asks_for_patience_gets_as_much_as_it_asks_for() {
    let (_talk, meddler, desk, config) = meddled().await;
    meddler.spoil("PATCH", "/namespaces/keda-demo", 1, Fault::Busy(429, 2));
    let begun = Instant::now();
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(begun.elapsed().as_secs() >= 2, "{:?}", begun.elapsed());
}
