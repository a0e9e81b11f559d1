//! Every way in which the API server can refuse a step of a deployment, a removal or a Job: what is said of it, and that
//! the same again goes on from there.
//!
//! The refusals are a real API server's, word for word, since the remedies are found from its words.

use crate::connect::api_server::meddled;
use crate::connect::{Desk, says};
use crate::fault_proxy::{Fault, Meddler};
use crate::faults::stage::stuck_manifests;
use crate::talk::{PODIUM, Talk};
use podium::cluster::Cluster;
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
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// More than any of these waits; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which requests are spoiled how, and what is said of it.
type Case = (&'static str, &'static str, Fault, &'static [&'static str]);

fn refused(code: u16, message: &str) -> Fault {
    Fault::Refused(code, message.to_owned())
}

/// Runs the command once for each case; the next one meets what the one before it left.
async fn all_told(
    meddler: &Meddler,
    desk: &Desk,
    config: &Path,
    command: &[&str],
    cases: Vec<Case>,
) {
    for (method, path, fault, parts) in cases {
        meddler.heal();
        meddler.spoil(method, path, 1, fault);
        let output = desk.podium(config, command).await;
        says(Desk::complaint(&output), parts);
        assert!(!meddler.owes(), "{method} {path} was never asked");
    }
    meddler.heal();
}

fn of_namespace_and_secret() -> Vec<Case> {
    const SECRETS: &str = "/namespaces/keda-demo/secrets";
    vec![
        (
            "PATCH",
            "/namespaces/keda-demo",
            refused(
                403,
                r#"namespaces "keda-demo" is forbidden: User "jane" cannot patch resource "namespaces" in API group "" at the cluster scope"#,
            ),
            &[
                "apply namespace/keda-demo: ",
                "kubectl create clusterrole podium-namespaces --verb=patch --resource=namespaces",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(
                403,
                r#"secrets "redis" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=0, limited: secrets=0"#,
            ),
            &[
                "create secret/redis: ",
                "exceeded quota: small",
                "kubectl describe resourcequota",
                "let the quota be raised",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(
                403,
                r#"secrets "redis" is forbidden: unable to create new content in namespace keda-demo because it is being terminated"#,
            ),
            &[
                "create secret/redis: ",
                "wait until the namespace is gone, then try again",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(
                409,
                r#"object is being deleted: secrets "redis" already exists"#,
            ),
            &[
                "create secret/redis: ",
                "wait until it is gone, then try again",
            ],
        ),
        (
            "POST",
            SECRETS,
            refused(404, r#"namespaces "keda-demo" not found"#),
            &["create secret/redis: ", "deploy again, which makes it anew"],
        ),
    ]
}

fn of_admission() -> Vec<Case> {
    const RULE: &str = "a rule of this cluster forbids it (an admission webhook or policy)";
    vec![
        (
            "PATCH",
            "/services/redis",
            refused(
                403,
                r#"admission webhook "team.example" denied the request: label team is missing"#,
            ),
            &[
                "apply service/redis: ",
                "label team is missing",
                RULE,
                "--manifests",
            ],
        ),
        (
            "PATCH",
            "/services/redis",
            refused(
                400,
                r#"admission webhook "team.example" denied the request: no such team"#,
            ),
            &["no such team", RULE],
        ),
        (
            "PATCH",
            "/services/redis",
            refused(
                422,
                r#"services "redis" is forbidden: ValidatingAdmissionPolicy 'ports' with binding 'all' denied request: not this port"#,
            ),
            &["not this port", RULE],
        ),
        (
            "PATCH",
            "/deployments/redis",
            refused(
                500,
                r#"Internal error occurred: failed calling webhook "team.example": failed to call webhook: Post "https://team.ops.svc:443/": dial tcp 10.0.0.1:443: connect: connection refused"#,
            ),
            &[
                "apply deployment/redis: ",
                "a webhook that checks such objects is itself away",
                "kubectl get validatingwebhookconfigurations",
            ],
        ),
        (
            "PATCH",
            "/deployments/redis",
            refused(
                403,
                r#"pods "redis" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false"#,
            ),
            &[
                "violates PodSecurity",
                "see `podium status` for what the namespace allows",
            ],
        ),
        (
            "PATCH",
            "/deployments/redis",
            refused(
                422,
                r#"Deployment.apps "redis" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"#,
            ),
            &[
                "spec.replicas: Invalid value",
                "correct that in the manifests",
                "--dry-run=server",
            ],
        ),
    ]
}

fn of_the_server() -> Vec<Case> {
    vec![
        (
            "GET",
            "/apis/apps/v1",
            refused(500, "etcdserver: request timed out"),
            &[
                "look up the kind Deployment of apps/v1: etcdserver: request timed out; something in the cluster is broken",
                "readyz?verbose",
            ],
        ),
        (
            "GET",
            "/apis/apps/v1",
            Fault::Busy(503, 60),
            &["look up the kind Deployment", "readyz?verbose"],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            Fault::Busy(429, 60),
            &[
                "apply deployment/queue-worker: ",
                "the API server is throttling",
                "goes on from there",
            ],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            refused(401, "Unauthorized"),
            &[
                "apply deployment/queue-worker: Unauthorized",
                "have expired",
                "kubectl create token",
            ],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            Fault::Page(502, "<html>Bad gateway</html>"),
            &["answers 502 with a web page", "a proxy or a login page"],
        ),
        (
            "PATCH",
            "/deployments/queue-worker",
            Fault::Half,
            &["the connection was cut", "what was done so far stays"],
        ),
        (
            "GET",
            "/apis/keda.sh/v1alpha1",
            refused(404, "the server could not find the requested resource"),
            &[
                "ScaledObject is not known to this cluster: KEDA is not installed",
                "helm install keda",
            ],
        ),
        (
            "PATCH",
            "/scaledobjects/queue-worker",
            conflict(),
            &[
                "scaledobject/queue-worker was not changed, for others have set what the demo would: .spec.maxReplicaCount (set by chief)",
                "--force-conflicts",
            ],
        ),
        (
            "PATCH",
            "/scaledobjects/queue-worker",
            refused(
                409,
                "Operation cannot be fulfilled: the object has been modified",
            ),
            &["somebody else changed it at that moment: try again"],
        ),
        (
            "PATCH",
            "/scaledobjects/queue-worker",
            refused(410, "too old resource version"),
            &["the cluster no longer knows what was asked for: try again"],
        ),
    ]
}

fn conflict() -> Fault {
    Fault::Status(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Conflict", "code": 409,
        "message": "Apply failed with 1 conflict: conflict with \"chief\" using keda.sh/v1alpha1: .spec.maxReplicaCount",
        "details": {"causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"chief\" using keda.sh/v1alpha1",
            "field": ".spec.maxReplicaCount",
        }]},
    }))
}

/// What Deploy waits by, refused: nothing that waiting would mend.
fn of_the_rollout() -> Vec<Case> {
    vec![(
        "GET",
        "/deployments?",
        refused(
            403,
            r#"deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" in the namespace "keda-demo""#,
        ),
        &[
            "wait for deployment/redis: ",
            "kubectl create role podium-deployments --verb=list --resource=deployments.apps",
        ],
    )]
}

#[tokio::test]
async fn whatever_refuses_a_step_is_named_with_its_remedy_and_the_same_again_goes_on_from_there() {
    let (talk, meddler, desk, config) = meddled().await;
    let deploy = ["deploy-queue-demo"];
    for cases in [
        of_namespace_and_secret(),
        of_admission(),
        of_the_server(),
        of_the_rollout(),
    ] {
        all_told(&meddler, &desk, &config, &deploy, cases).await;
    }
    let rehearsal = ["deploy-queue-demo", "--dry-run"];
    all_told(&meddler, &desk, &config, &rehearsal, of_admission()).await;
    // A list that is too old to be gone on with, and a watch that breaks off, are begun anew without a word.
    let begun = json!({"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [], "metadata": {
        "resourceVersion": "1", "continue": "more",
    }});
    meddler.spoil(
        "GET",
        "continue=more",
        1,
        refused(410, "The provided continue parameter is too old"),
    );
    meddler.spoil("GET", "/deployments?", 1, Fault::Answered(begun));
    meddler.spoil("GET", "watch=true", 1, Fault::Lost);
    let output = desk.podium(&config, &deploy).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    says(
        &output.stdout,
        &["service/redis unchanged", "The queue demo is ready"],
    );

    all_told(
        &meddler,
        &desk,
        &config,
        &["enqueue", "--as-job", "5"],
        of_a_job(),
    )
    .await;
    all_told(
        &meddler,
        &desk,
        &config,
        &["remove-queue-demo", "--yes"],
        of_the_removal(),
    )
    .await;
    // Who may not watch what goes looks at it instead.
    let blind = refused(
        403,
        "namespaces is forbidden: User \"jane\" cannot list resource \"namespaces\"",
    );
    meddler.spoil("GET", "/namespaces?", usize::MAX, blind);
    let output = desk.podium(&config, &["remove-queue-demo", "--yes"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    says(&output.stdout, &["namespace/keda-demo deleted"]);
    let namespaces = talk.kubectl(&["get", "ns", "-o", "name"]).await.stdout;
    assert!(!namespaces.contains("keda-demo"), "{namespaces}");
}

fn of_a_job() -> Vec<Case> {
    vec![
        (
            "GET",
            "/deployments/queue-worker",
            refused(500, "etcdserver: no leader"),
            &[
                "get deployment/queue-worker: etcdserver: no leader",
                "readyz?verbose",
            ],
        ),
        (
            "POST",
            "/jobs",
            refused(
                403,
                r#"jobs.batch is forbidden: User "jane" cannot create resource "jobs" in API group "batch" in the namespace "keda-demo""#,
            ),
            &[
                "create job/enqueue-",
                "kubectl create role podium-jobs --verb=create --resource=jobs.batch -n keda-demo",
            ],
        ),
        (
            "POST",
            "/jobs",
            refused(
                403,
                r#"jobs.batch "enqueue" is forbidden: exceeded quota: small, requested: count/jobs.batch=1"#,
            ),
            &["exceeded quota: small", "let the quota be raised"],
        ),
        (
            "GET",
            "/pods?",
            refused(
                403,
                r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "keda-demo""#,
            ),
            &[
                "follow the pod of job/enqueue-",
                "kubectl create role podium-pods --verb=list --resource=pods",
            ],
        ),
        (
            "GET",
            "/jobs?",
            refused(
                403,
                r#"jobs.batch is forbidden: User "jane" cannot list resource "jobs" in API group "batch" in the namespace "keda-demo""#,
            ),
            &[
                "follow job/enqueue-",
                "kubectl create role podium-jobs --verb=list",
            ],
        ),
    ]
}

fn of_the_removal() -> Vec<Case> {
    vec![
        (
            "DELETE",
            "/scaledobjects/queue-worker",
            refused(
                403,
                r#"scaledobjects.keda.sh "queue-worker" is forbidden: User "jane" cannot delete resource "scaledobjects" in API group "keda.sh" in the namespace "keda-demo""#,
            ),
            &[
                "delete scaledobject/queue-worker: ",
                "kubectl create role podium-scaledobjects --verb=delete --resource=scaledobjects.keda.sh",
            ],
        ),
        (
            "DELETE",
            "/scaledobjects/queue-worker",
            refused(
                400,
                r#"admission webhook "team.example" denied the request: not on a Friday"#,
            ),
            &["not on a Friday", "a rule of this cluster forbids it"],
        ),
        (
            "DELETE",
            "/deployments/queue-worker",
            refused(500, "etcdserver: request timed out"),
            &["delete deployment/queue-worker: ", "readyz?verbose"],
        ),
        (
            "DELETE",
            "/deployments/redis",
            Fault::Busy(429, 60),
            &["delete deployment/redis: ", "the API server is throttling"],
        ),
        (
            "DELETE",
            "/services/redis",
            Fault::Lost,
            &["the connection was cut"],
        ),
        (
            "DELETE",
            "/services/redis",
            Fault::Cut,
            &["the connection was cut"],
        ),
        (
            "DELETE",
            "/secrets/redis",
            refused(401, "Unauthorized"),
            &["delete secret/redis: Unauthorized", "log in again"],
        ),
    ]
}

#[tokio::test]
async fn an_api_server_that_throttles_without_end_is_told_as_that_and_in_time() {
    let (_talk, meddler, desk, config) = meddled().await;
    meddler.spoil("PATCH", "/", usize::MAX, Fault::Busy(429, 1));
    let begun = Instant::now();
    let output = desk.podium(&config, &["deploy-queue-demo"]).await;
    says(
        Desk::complaint(&output),
        &[
            "apply namespace/keda-demo: ",
            "the API server is throttling",
            "wait a moment",
        ],
    );
    assert!(begun.elapsed().as_secs() >= 5, "{:?}", begun.elapsed());
    assert!(begun.elapsed().as_secs() < 12, "{:?}", begun.elapsed());
}

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
    let config = Config {
        manifests: Some(folder.path().to_owned()),
        ..Config::default()
    };
    let manifests = manifests::load(&config).unwrap();
    let text = std::fs::read_to_string(talk.kubeconfig()).unwrap();
    let cluster = Cluster::from_kubeconfig_text(&text).await.unwrap();
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
        Conflicts::Refuse,
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
        Conflicts::Refuse,
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
