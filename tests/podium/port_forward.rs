//! Redis by port-forward: a second Podium that is told to stand outside the first one's cluster, and reaches the queue
//! through its API alone.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use crate::connect::api_server::meddled;
use crate::connect::{Desk, says};
use crate::fault_proxy::Fault;
use crate::talk::{self, Output, Talk};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const BY_FORWARD: [&str; 4] = ["--cluster", "kubeconfig", "--redis-route", "port-forward"];

/// More than any of these waits; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that stands outside the cluster of `talk`.
async fn outside(talk: &Talk, arguments: &[&str]) -> Output {
    let state = tempfile::tempdir().unwrap();
    let mut command = talk::podium(state.path());
    command.env("KUBECONFIG", talk.kubeconfig());
    talk::run(command.args(arguments).args(BY_FORWARD)).await
}

async fn redis_pods(talk: &Talk) -> (Api<Pod>, Vec<String>) {
    let kubeconfig = Kubeconfig::read_from(talk.kubeconfig()).unwrap();
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let client = kube::Client::try_from(config.unwrap()).unwrap();
    let pods: Api<Pod> = Api::namespaced(client, "keda-demo");
    let selected = ListParams::default().labels("app.kubernetes.io/name=redis");
    let names = pods.list(&selected).await.unwrap().items.into_iter();
    let names = names.map(|pod| pod.metadata.name.unwrap()).collect();
    (pods, names)
}

/// Waits until connection.json tells where Redis is: its address and password.
async fn redis_of(talk: &Talk) -> (String, String) {
    let found = async {
        loop {
            if let Some(url) = talk.connection()["redis_url"].as_str() {
                let rest = url.strip_prefix("redis://default:").unwrap();
                let (password, address) = rest.split_once('@').unwrap();
                return (address.to_owned(), password.to_owned());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap()
}

async fn exchange(stream: &mut TcpStream, request: &[u8], length: usize) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let mut answer = vec![0; length];
    let (sent, read) = tokio::join!(writer.write_all(request), reader.read_exact(&mut answer));
    sent.unwrap();
    read.unwrap();
    answer
}

#[tokio::test]
async fn the_queue_is_reached_through_the_api_and_found_again_when_its_pod_moves() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let (there, _) =
        talk::Talk::start_logged(Some(&talk.kubeconfig()), &["--redis-route", "port-forward"])
            .await;
    let (forwarded, password) = redis_of(&there).await;
    let (direct, _) = redis_of(&talk).await;
    assert_ne!(forwarded, direct);

    let output = outside(&talk, &["enqueue", "12"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let mut events = there.events().await;
    let done = |sample: &Value| sample["processed"] == 12 && sample["depth"] == 0;
    events.sample(PATIENCE, done).await;

    // Several at once, with more in each direction than any buffer on the way holds.
    let payload: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let connections = (0..4).map(|_| async {
        let mut stream = TcpStream::connect(&forwarded).await.unwrap();
        let login = format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{password}\r\n", password.len());
        assert_eq!(exchange(&mut stream, login.as_bytes(), 5).await, b"+OK\r\n");
        let head = format!("*2\r\n$4\r\nECHO\r\n${}\r\n", payload.len());
        let request = [head.as_bytes(), &payload, b"\r\n"].concat();
        let expected = [
            format!("${}\r\n", payload.len()).as_bytes(),
            &payload,
            b"\r\n",
        ]
        .concat();
        assert!(exchange(&mut stream, &request, expected.len()).await == expected);
    });
    futures::future::join_all(connections).await;

    let (_, before) = redis_pods(&talk).await;
    let deleted = talk
        .kubectl(&["delete", "pod", "-n", "keda-demo", &before[0]])
        .await;
    assert_eq!(deleted.code, Some(0), "{deleted:?}");
    events
        .sample(PATIENCE, |sample| sample["depth"].is_null())
        .await;
    events.sample(PATIENCE, |sample| sample["depth"] == 0).await;
    assert_eq!(redis_of(&there).await.0, forwarded, "the address stays");
    let (_, after) = redis_pods(&talk).await;
    assert_ne!(before, after);
    let output = outside(&talk, &["enqueue", "4"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[tokio::test]
async fn what_cannot_be_forwarded_is_told_with_its_reason() {
    let talk = Talk::start().await;
    let output = outside(&talk, &["queue-depth"]).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("the queue demo is not deployed"),
        "{output:?}"
    );

    talk.deploy().await;
    let (pods, names) = redis_pods(&talk).await;
    let refused = pods.portforward(&names[0], &[22]).await.err().unwrap();
    assert!(
        refused.to_string().contains("none of the ports that pod"),
        "{refused}"
    );
    let refused = pods.portforward("nobody", &[6379]).await.err().unwrap();
    assert!(
        refused.to_string().contains("pods \"nobody\" not found"),
        "{refused}"
    );
    // kubectl speaks SPDY, which is not served: it must be told, and not hang.
    let kubectl = ["port-forward", "-n", "keda-demo", &names[0], "0:6379"];
    let output = talk.kubectl(&kubectl).await;
    assert_eq!(output.code, Some(1), "{output:?}");

    let scale = ["scale", "-n", "keda-demo", "deploy/redis", "--replicas=0"];
    assert_eq!(talk.kubectl(&scale).await.code, Some(0));
    let gone = ["wait", "-n", "keda-demo", "--for=delete", "pod", &names[0]];
    assert_eq!(talk.kubectl(&gone).await.code, Some(0));
    let output = outside(&talk, &["queue-depth"]).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output
            .stderr
            .contains("no ready pod behind Service `redis` yet"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_forward_that_is_refused_or_not_understood_on_the_way_says_how_to_do_without() {
    let (talk, meddler, desk, config) = meddled().await;
    talk.deploy().await;
    let around = "or do without: run Podium in the cluster (manifests/podium), name a Redis that is reachable from here with --redis, or, where this machine can dial pods, add --redis-route direct";
    let no_stream = "something on the way to the API server carries no WebSockets (";
    let refused = |code, message: &str| Fault::Refused(code, message.to_owned());
    let forbidden = r#"pods "redis-1" is forbidden: User "jane" cannot create resource "pods/portforward" in API group "" in the namespace "keda-demo""#;
    for (fault, parts) in [
        (
            refused(403, forbidden),
            &[
                "is not allowed (pods \"redis-1\" is forbidden: User \"jane\"",
                "allow `create` and `get` of pods/portforward in namespace keda-demo",
                "kubectl create role podium-pods-portforward --verb=create,get --resource=pods/portforward -n keda-demo",
                "--user=jane",
                around,
            ][..],
        ),
        (
            Fault::Page(403, "<html>Blocked</html>"),
            &[no_stream, "answers 403 with a web page", around],
        ),
        (
            refused(400, "unable to upgrade: Upgrade request required"),
            &[no_stream, "Upgrade request required", around],
        ),
        (
            Fault::Page(404, "404 page not found"),
            &[no_stream, "404 page not found", around],
        ),
        (Fault::Page(502, ""), &[no_stream, "HTTP 502", around]),
        (Fault::Page(200, "hello"), &[no_stream, "200 OK", around]),
        (
            refused(404, "pods \"redis-1\" not found"),
            &["went away at that moment", "try again"],
        ),
        (
            refused(401, "Unauthorized"),
            &["forward a port to pod redis-", "log in again"],
        ),
        (Fault::Lost, &["the connection was cut", "trying again"]),
        (
            Fault::Hanging,
            &["no port-forward to pod redis-", "kubectl get nodes", around],
        ),
    ] {
        meddler.heal();
        meddler.spoil("GET", "/portforward", usize::MAX, fault);
        let route = ["queue-depth", "--redis-route", "port-forward"];
        let output = desk.podium(&config, &route).await;
        says(Desk::complaint(&output), parts);
    }
    let by_hand = serde_json::json!({"kind": "Endpoints", "apiVersion": "v1", "metadata": {"name": "redis"}, "subsets": [
        {"addresses": [{"ip": "10.9.8.7"}], "ports": [{"port": 6379}]},
    ]});
    let not_ours = |verb: &str, plural: &str| {
        let user = "User \"jane\" cannot";
        refused(
            403,
            &format!(
                "{plural} \"redis\" is forbidden: {user} {verb} resource \"{plural}\" in API group \"\" in the namespace \"keda-demo\""
            ),
        )
    };
    for (path, fault, parts) in [
        (
            "/endpoints/redis",
            Fault::Answered(by_hand),
            [
                "has no pod behind it, only the address 10.9.8.7",
                "reachable from here with --redis",
            ],
        ),
        (
            "/endpoints/redis",
            not_ours("get", "endpoints"),
            [
                "find Redis: ",
                "kubectl create role podium-endpoints --verb=get",
            ],
        ),
        (
            "/secrets/redis",
            not_ours("get", "secrets"),
            [
                "read Secret redis: ",
                "kubectl create role podium-secrets --verb=get",
            ],
        ),
    ] {
        meddler.heal();
        meddler.spoil("GET", path, usize::MAX, fault);
        let output = desk.podium(&config, &["queue-depth"]).await;
        says(Desk::complaint(&output), &parts);
    }
    meddler.heal();
    meddler.spoil("GET", "/portforward", usize::MAX, refused(403, forbidden));
    let route = ["status", "--redis-route", "port-forward"];
    let status = desk.podium(&config, &route).await;
    assert_eq!(status.code, Some(1), "{status:?}");
    says(
        &status.stdout,
        &["✗ Redis", "pods/portforward in namespace keda-demo", around],
    );

    let route = ["--redis-route", "port-forward"];
    let (there, _log) = Talk::start_logged(Some(&config), &route).await;
    let mut events = there.events().await;
    let said = |_: &str, data: &Value| {
        data.to_string()
            .contains("allow `create` and `get` of pods/portforward")
    };
    events.until(PATIENCE, said).await;
}
