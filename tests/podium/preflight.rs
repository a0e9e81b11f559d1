//! The preflight: a place that is well, and each thing that can be wrong with one, by `podium status` and on the page.

mod unwell;

use crate::fault_proxy::{Fault, Meddler};
use crate::redis_server::Redis;
use crate::talk::{Output, Talk, podium, run};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;

const ALWAYS: usize = usize::MAX;
const DEFINITION: &str = "/customresourcedefinitions/scaledobjects.keda.sh";
const API_SERVICE: &str = "/apiservices/v1beta1.external.metrics.k8s.io";

/// A cluster behind a proxy that spoils what it says.
struct Place {
    talk: Talk,
    meddler: Meddler,
    kubeconfig: PathBuf,
}

impl Place {
    async fn new() -> Self {
        let talk = Talk::start().await;
        let text = std::fs::read_to_string(talk.kubeconfig()).unwrap();
        let (_, rest) = text.split_once("127.0.0.1:").unwrap();
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let api = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
        let meddler = Meddler::before(api).await;
        let kubeconfig = talk.state.path().join("spoiled");
        let spoiled = text.replace(&api.to_string(), &meddler.address.to_string());
        std::fs::write(&kubeconfig, spoiled).unwrap();
        Self {
            talk,
            meddler,
            kubeconfig,
        }
    }

    async fn status(&self, arguments: &[&str]) -> Output {
        let mut command = podium(self.talk.state.path());
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .args(["status", "--format", "json", "--cluster", "kubeconfig"])
            .args(arguments);
        run(&mut command).await
    }

    /// The check of this title, and the exit code.
    async fn check(&self, title: &str, arguments: &[&str]) -> (Value, Option<i32>) {
        let output = self.status(arguments).await;
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["title"] == title);
        let found = found.unwrap_or_else(|| panic!("no check {title:?} in {report:#}"));
        (found.clone(), output.code)
    }

    fn spoil(&self, method: &'static str, path: &str, fault: Fault) {
        self.meddler.heal();
        self.meddler.spoil(method, path, ALWAYS, fault);
    }
}

fn absent() -> Fault {
    Fault::Refused(404, "not found".to_owned())
}

fn forbidden() -> Fault {
    Fault::Refused(403, "forbidden: not for you".to_owned())
}

#[track_caller]
fn is(check: &Value, state: &str, parts: &[&str]) {
    assert_eq!(check["state"], state, "{check:#}");
    let text = check.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {check:#}");
    }
}

#[tokio::test]
async fn a_place_that_is_well_passes_and_the_demo_is_listed_once_it_is_there() {
    let talk = Talk::start().await;
    let before = talk.command(&["status"]).await;
    assert_eq!(before.code, Some(0), "{before:?}");
    assert!(
        before
            .stdout
            .lines()
            .take(18)
            .all(|line| line.starts_with('✓')),
        "{}",
        before.stdout
    );
    for part in [
        "v1.36.0+podium at http://127.0.0.1",
        "not deployed. Next: podium deploy-queue-demo",
        "49 pods",
    ] {
        assert!(before.stdout.contains(part), "{part}: {}", before.stdout);
    }
    talk.deploy().await;
    let after = talk.command(&["status"]).await;
    assert_eq!(after.code, Some(0), "{after:?}");
    for part in [
        "deployment/queue-worker",
        "1/1 ready",
        "0 jobs wait",
        "as Redis 7.0.15",
    ] {
        assert!(after.stdout.contains(part), "{part}: {}", after.stdout);
    }
}

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
async fn missing_rights_are_named_one_by_one_with_the_command_that_grants_them() {
    let place = Place::new().await;
    place.spoil(
        "POST",
        "/selfsubjectaccessreviews",
        Fault::Answered(json!({"status": {"allowed": false}})),
    );
    let who = json!({"status": {"userInfo": {"username": "jane"}}});
    place
        .meddler
        .spoil("POST", "/selfsubjectreviews", ALWAYS, Fault::Answered(who));
    let (check, code) = place.check("rights: pods", &[]).await;
    is(
        &check,
        "failed",
        &[
            "jane may not list, watch pods in namespace keda-demo",
            "kubectl create role podium-pods --verb=list,watch --resource=pods -n keda-demo",
            "kubectl create rolebinding podium-pods --role=podium-pods --user=jane -n keda-demo",
        ],
    );
    assert_eq!(code, Some(1));
    let (check, _) = place.check("rights: namespaces", &[]).await;
    is(
        &check,
        "failed",
        &["clusterrole podium-namespaces", "in the whole cluster"],
    );

    place.spoil("POST", "/selfsubjectaccessreviews", absent());
    let (check, code) = place.check("rights: pods", &[]).await;
    is(&check, "unknown", &["the cluster does not say"]);
    assert_eq!(code, Some(0), "unknown is not failed");
}

#[tokio::test]
async fn a_namespace_that_is_too_strict_or_too_small_is_told_and_the_commands_mend_it() {
    let place = Place::new().await;
    for arguments in [
        &["create", "namespace", "keda-demo"][..],
        &[
            "label",
            "namespace",
            "keda-demo",
            "pod-security.kubernetes.io/enforce=restricted",
        ],
        &[
            "create",
            "quota",
            "small",
            "--hard=pods=30,limits.cpu=4",
            "-n",
            "keda-demo",
        ],
    ] {
        let made = place.talk.kubectl(arguments).await;
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    let (strict, _) = place.check("namespace", &[]).await;
    is(
        &strict,
        "failed",
        &["restricted", "queue-worker", "enforce=baseline --overwrite"],
    );
    let (unsaid, _) = place.check("quota", &[]).await;
    is(&unsaid, "failed", &["small counts limits.cpu"]);
    mend(&place, &strict).await;
    mend(&place, &unsaid).await;
    let (small, code) = place.check("quota", &[]).await;
    is(
        &small,
        "warning",
        &["pods of quota small: 30 allowed, 49 needed"],
    );
    assert_eq!(code, Some(0));
    mend(&place, &small).await;
    is(
        &place.check("quota", &[]).await.0,
        "ok",
        &["room for 49 pods"],
    );
    is(&place.check("namespace", &[]).await.0, "ok", &["baseline"]);
}

/// Types the command that a check gives.
async fn mend(place: &Place, check: &Value) {
    let command = check["fixes"][0]["command"].as_str().unwrap();
    let mut shell = tokio::process::Command::new("sh");
    shell
        .env("KUBECONFIG", place.talk.kubeconfig())
        .env("HOME", place.talk.state.path())
        .args(["-c", command]);
    let done = run(&mut shell).await;
    assert_eq!(done.code, Some(0), "{command}: {done:?}");
}

#[tokio::test]
async fn an_image_that_no_node_has_is_told_as_the_nodes_make_can_get_it() {
    let place = Place::new().await;
    let node = |provider: &str| json!({"items": [{"metadata": {"labels": {}}, "spec": {"providerID": provider}, "status": {"images": []}}]});
    place.spoil(
        "GET",
        "/api/v1/nodes",
        Fault::Answered(node("kind://podman/kind/kind-worker")),
    );
    is(
        &place.check("images", &[]).await.0,
        "warning",
        &[
            "podium:latest is on 0 of 1",
            "IfNotPresent",
            "kind load docker-image podium:latest",
        ],
    );
    place.spoil("GET", "/api/v1/nodes", forbidden());
    is(
        &place.check("images", &[]).await.0,
        "unknown",
        &["not for you"],
    );
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

#[tokio::test]
async fn what_is_not_answered_in_time_is_unknown_and_the_rest_is_told() {
    let place = Place::new().await;
    place.spoil("GET", "/api/v1/nodes", Fault::Hanging);
    let begun = tokio::time::Instant::now();
    let output = place.status(&[]).await;
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let of = |title: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks
            .iter()
            .find(|check| check["title"] == title)
            .unwrap()
            .clone()
    };
    is(&of("images"), "unknown", &["no answer within 10 s"]);
    is(&of("KEDA"), "ok", &[]);
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_page_is_the_speakers_alone_and_scripts_get_json_or_a_line_for_each_check() {
    let talk = Talk::start().await;
    let get = |accept: &'static str| {
        talk.request(reqwest::Method::GET, "preflight")
            .header("accept", accept)
    };
    let door = get("application/json").send().await.unwrap();
    assert_eq!(door.status(), 401);
    let answer = get("application/json")
        .bearer_auth(&talk.key)
        .send()
        .await
        .unwrap();
    let report: Value = answer.json().await.unwrap();
    let checks = report["checks"].as_array().unwrap().len();
    let page = get("text/html")
        .bearer_auth(&talk.key)
        .send()
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    assert_eq!(
        page.matches("<li class=\"check\"").count(),
        checks,
        "{page}"
    );
    assert!(page.contains("Ready to deploy."), "{page}");
    let lines = get("application/x-ndjson")
        .bearer_auth(&talk.key)
        .send()
        .await
        .unwrap();
    let lines = lines.text().await.unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), checks + 1);
    assert_eq!(lines[0]["place"], 0);
    assert_eq!(lines[checks], json!({"summary": "Ready to deploy."}));
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
