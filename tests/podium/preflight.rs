//! The preflight: a place that is well, and each thing that can be wrong with one, by `podium status` and on the page.

mod rights;
mod room;
mod software;
mod unwell;

use crate::connect::api;
use crate::fault_proxy::{Fault, Meddler};
use crate::talk::{Output, Talk, podium, run};
use serde_json::{Value, json};
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
        let (api, _) = api(&talk);
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
