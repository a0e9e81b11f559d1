//! Deploying and removing that do not come to their end: buttons that fail and are pressed again, cancellations, and
//! whatever takes too long.

use super::failures::refusals::refused;
use crate::connect::api_server::meddled;
use crate::connect::{Desk, says};
use crate::fault_proxy::Fault;
use crate::faults::stage::stuck_manifests;
use crate::talk::{PODIUM, Talk};
use podium::cluster::Cluster;
use podium::cluster::apply::Manifest;
use podium::config::Config;
use podium::stage::action::Progress;
use podium::stage::demo::{self, Conflicts, Password};
use podium::stage::manifests;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// More than any of these waits; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

async fn press(talk: &Talk, kind: &str) -> Value {
    let mut events = talk.events().await;
    let fields = match kind {
        "remove" => json!({"confirm": "yes"}),
        _ => Value::Null,
    };
    let (status, answer) = talk.act(kind, fields).await;
    assert_eq!(status, 202, "{answer}");
    let id = answer["action"]["id"].clone();
    let ended = |event: &str, data: &Value| {
        event == "action" && data["id"] == id && data["state"] != "running"
    };
    events.until(PATIENCE, ended).await
}

#[tokio::test]
async fn a_button_that_failed_says_why_and_what_to_do_and_pressed_again_completes_its_work() {
    let (talk, meddler, _desk, config) = meddled().await;
    let (there, _log) = Talk::start_logged(Some(&config), &[]).await;
    let forbidden = r#"deployments.apps "queue-worker" is forbidden: User "jane" cannot patch resource "deployments" in API group "apps" in the namespace "keda-demo""#;
    meddler.spoil(
        "PATCH",
        "/deployments/queue-worker",
        1,
        refused(403, forbidden),
    );
    let failed = press(&there, "deploy").await;
    assert_eq!(failed["state"], "failed", "{failed}");
    says(
        failed["message"].as_str().unwrap(),
        &["apply deployment/queue-worker: ", forbidden],
    );
    says(
        failed["remedy"].as_str().unwrap(),
        &[
            "whoever administers the cluster can grant it:",
            "kubectl create role podium-deployments",
        ],
    );
    let steps = failed["steps"].as_array().unwrap();
    let failing: Vec<_> = steps
        .iter()
        .filter(|step| step["state"] == "failed")
        .collect();
    assert_eq!(failing.len(), 1, "{failed}");
    assert_eq!(failing[0]["name"], "deployment/queue-worker");

    // Cancelled in the midst of a request: what was done is said, and what may have been.
    meddler.spoil("PATCH", "/scaledobjects/queue-worker", 1, Fault::Hanging);
    let mut events = there.events().await;
    there.act("deploy", Value::Null).await;
    events
        .until(PATIENCE, |event, data| {
            event == "action" && data["steps"][5]["state"] == "running"
        })
        .await;
    there.act("cancel", Value::Null).await;
    let ended = events
        .until(PATIENCE, |event, data| {
            event == "action" && data["state"] == "cancelled"
        })
        .await;
    says(
        ended["message"].as_str().unwrap(),
        &[
            "cancelled; 5 of 6 objects applied, and scaledobject/queue-worker was asked for without an answer",
        ],
    );
    says(
        ended["remedy"].as_str().unwrap(),
        &["Deploy again to complete it, or remove the demo."],
    );

    meddler.heal();
    let done = press(&there, "deploy").await;
    assert_eq!(done["state"], "done", "{done}");
    meddler.spoil(
        "DELETE",
        "/services/redis",
        1,
        refused(500, "etcdserver: no leader"),
    );
    let failed = press(&there, "remove").await;
    assert_eq!(failed["state"], "failed", "{failed}");
    says(
        failed["message"].as_str().unwrap(),
        &["delete service/redis: etcdserver: no leader"],
    );
    says(failed["remedy"].as_str().unwrap(), &["readyz?verbose"]);
    let done = press(&there, "remove").await;
    assert_eq!(done["state"], "done", "{done}");
    let namespaces = talk.kubectl(&["get", "ns", "-o", "name"]).await.stdout;
    assert!(!namespaces.contains("keda-demo"), "{namespaces}");
}

#[tokio::test]
async fn a_deployment_that_is_interrupted_says_how_far_it_came_and_a_removal_takes_that_away() {
    let (talk, meddler, desk, config) = meddled().await;
    meddler.spoil("PATCH", "/services/redis", 1, Fault::Hanging);
    let deploying = Command::new(PODIUM)
        .args(["deploy-queue-demo", "--cluster", "kubeconfig"])
        .env("KUBECONFIG", &config)
        .env("PODIUM_STATE_DIR", desk.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    meddler.met().await;
    let id = deploying.id().unwrap().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(told.unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, deploying.wait_with_output()).await;
    let ended = ended.unwrap().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    says(
        &String::from_utf8_lossy(&ended.stderr),
        &[
            "stopped: 2 of 6 objects applied, and service/redis was asked for without an answer; deploy again to complete it",
        ],
    );
    let removed = desk.podium(&config, &["remove-queue-demo", "--yes"]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");
    says(
        &removed.stdout,
        &[
            "service/redis absent",
            "secret/redis deleted",
            "namespace/keda-demo deleted",
        ],
    );
    let namespaces = talk.kubectl(&["get", "ns", "-o", "name"]).await.stdout;
    assert!(!namespaces.contains("keda-demo"), "{namespaces}");
}

/// The manifests of `folder`, and the cluster that they are for.
async fn ground(talk: &Talk, folder: &Path) -> (Vec<Manifest>, Cluster) {
    let config = Config {
        manifests: Some(folder.to_owned()),
        ..Config::default()
    };
    let text = std::fs::read_to_string(talk.kubeconfig()).unwrap();
    let cluster = Cluster::from_kubeconfig_text(&text).await.unwrap();
    (manifests::load(&config).unwrap(), cluster)
}

/// Lets `seconds` pass at once, as soon as `moment` has come.
async fn pass(moment: &Notify, seconds: u64) {
    moment.notified().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn what_does_not_become_ready_or_does_not_go_is_told_when_its_time_is_over() {
    let talk = Talk::start().await;
    let folder = stuck_manifests();
    let (manifests, cluster) = ground(&talk, folder.path()).await;
    let (stop, moment) = (CancellationToken::new(), Notify::new());
    let at = |name: &str, state: &str, detail: &str, told: &Progress| match told {
        Progress::Step(step)
            if step.name == name && step.state == state && step.detail == detail =>
        {
            moment.notify_one();
        }
        _ => {}
    };
    let deploying = demo::deploy(
        &cluster,
        manifests.clone(),
        Password::AsGiven,
        &Conflicts::Refuse,
        &stop,
        |told| at("stuck ready", "running", "0/1", &told),
    );
    let (ended, ()) = tokio::join!(deploying, pass(&moment, 91));
    says(
        &ended.unwrap_err().to_string(),
        &[
            "deployment/stuck is not ready after 90 s; look at",
            "kubectl describe deployment/stuck -n keda-demo",
        ],
    );
    tokio::time::resume();
    let removing = demo::remove(&cluster, &manifests, &stop, |told| {
        at("deployment/stuck", "deleted", "", &told);
    });
    let (ended, ()) = tokio::join!(removing, pass(&moment, 91));
    says(
        &ended.unwrap_err().to_string(),
        &[
            "configmap/held -n keda-demo is still there after 90 s; a finalizer may hold it",
            "-o yaml",
        ],
    );
}

/// A Deployment of no pods, and a ScaledObject for it that does not say where its Redis is.
const SCALED_BY_NOTHING: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: keda-demo, labels: {app.kubernetes.io/managed-by: podium}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: keda-demo}
spec:
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec: {containers: [{name: idle, image: podium}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: idle, namespace: keda-demo}
spec:
  scaleTargetRef: {name: idle}
  triggers: [{type: redis, metadata: {listName: jobs, listLength: '5'}}]
";

#[tokio::test]
async fn what_keda_does_not_take_on_is_told_with_what_keda_says_of_it() {
    let talk = Talk::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file("kustomization.yaml", "resources: [idle.yaml]");
    file("idle.yaml", SCALED_BY_NOTHING);
    let (manifests, cluster) = ground(&talk, folder.path()).await;
    let (stop, moment) = (CancellationToken::new(), Notify::new());
    let told = |told: Progress| match told {
        Progress::Step(step) if step.name == "scaling of idle" && !step.detail.is_empty() => {
            moment.notify_one();
        }
        _ => {}
    };
    let given = (Password::AsGiven, &Conflicts::Refuse);
    let deploying = demo::deploy(&cluster, manifests, given.0, given.1, &stop, told);
    let (ended, ()) = tokio::join!(deploying, pass(&moment, 61));
    says(
        &ended.unwrap_err().to_string(),
        &[
            "KEDA has not taken on scaledobject/idle in 60 s: ",
            "no address",
            "kubectl describe scaledobject/idle -n keda-demo",
            "whether KEDA's operator runs",
        ],
    );
}

#[tokio::test]
async fn a_request_that_nobody_answers_is_told_when_its_time_is_over() {
    let (talk, meddler, _desk, config) = meddled().await;
    let text = std::fs::read_to_string(&config).unwrap();
    let cluster = Cluster::from_kubeconfig_text(&text).await.unwrap();
    let manifests = manifests::load(&Config::default()).unwrap();
    let stop = CancellationToken::new();
    meddler.spoil("PATCH", "/secrets/redis", 1, Fault::Hanging);
    let deploying = demo::deploy(
        &cluster,
        manifests,
        Password::OwnRandom,
        &Conflicts::Refuse,
        &stop,
        |_| {},
    );
    let passing = async {
        meddler.met().await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(16)).await;
    };
    let (ended, ()) = tokio::join!(deploying, passing);
    says(
        &ended.unwrap_err().to_string(),
        &[
            "secret/redis: the Kubernetes API at",
            "has not answered for 15 s",
            "which goes on from there",
        ],
    );
    drop(talk);
}

#[tokio::test]
async fn manifests_that_cannot_be_read_are_named_with_what_a_folder_must_have() {
    let (_talk, _meddler, desk, config) = meddled().await;
    let folder = desk.folder().join("demo");
    let path = folder.to_str().unwrap().to_owned();
    let deploy = ["deploy-queue-demo", "--manifests", &path];
    let output = desk.podium(&config, &deploy).await;
    says(
        Desk::complaint(&output),
        &[
            "there is no kustomization.yaml in it",
            "name the folder that `kubectl apply -k` would take",
        ],
    );
    let needed = "--manifests names a folder with a kustomization.yaml";
    std::fs::create_dir(&folder).unwrap();
    for (list, file, parts) in [
        (
            "resources: [gone.yaml]",
            "",
            &["demo/gone.yaml: ", needed][..],
        ),
        (
            "resources: [a.yaml]",
            "kind: Secret",
            &["a.yaml: document 1: apiVersion is missing"],
        ),
        (
            "resources: [a.yaml]",
            "apiVersion: example.com/v1\nkind: Odd\nmetadata: {name: a}",
            &[
                "example.com/v1 Odd is not known to this cluster",
                "take it out of the manifests",
            ],
        ),
        ("namePrefix: x-", "", &["namePrefix", "kubectl kustomize"]),
    ] {
        std::fs::write(folder.join("kustomization.yaml"), list).unwrap();
        if !file.is_empty() {
            std::fs::write(folder.join("a.yaml"), file).unwrap();
        }
        let output = desk.podium(&config, &deploy).await;
        says(Desk::complaint(&output), parts);
    }
}
