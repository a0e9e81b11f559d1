//! The manifests as a cluster takes them: every folder is a kustomization, and the embedded API, which checks strictly,
//! accepts every object in it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use crate::talk::Talk;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests");

/// The folder whose kind the embedded cluster does not have: the Gateway API is an extension.
const NEEDS_GATEWAY_API: &str = "podium-httproute";

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(MANIFESTS)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 5, "{folders:?}");
    folders
}

/// What `kubectl kustomize` makes of a folder.
async fn rendered(folder: &Path) -> (String, Vec<Value>) {
    let output = Command::new("kubectl")
        .arg("kustomize")
        .arg(folder)
        .output()
        .await
        .expect("kubectl is needed for this test: put it on PATH");
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}: {errors}", folder.display());
    assert_eq!(errors, "", "{} is valid, yet", folder.display());
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    (text, objects)
}

async fn object(folder: &str, kind: &str, name: &str) -> Value {
    let (_, objects) = rendered(&Path::new(MANIFESTS).join(folder)).await;
    let found = objects
        .into_iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("{folder} has no {kind} {name}"))
}

/// `kubectl` with something on its standard input.
async fn kubectl(talk: &Talk, arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("kubectl")
        .args(arguments)
        .env("KUBECONFIG", talk.kubeconfig())
        .env("HOME", talk.state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// A dry run creates no namespace, and without one it would refuse what goes into it.
async fn make_namespaces(talk: &Talk, objects: &[Value]) {
    for object in objects {
        if let Some(namespace) = object["metadata"]["namespace"].as_str() {
            let manifest = serde_json::json!(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            let (done, said) = kubectl(talk, &["apply", "-f", "-"], &manifest.to_string()).await;
            assert!(done, "{said}");
        }
    }
}

#[tokio::test]
async fn every_folder_of_manifests_passes_a_strict_dry_run() {
    let talk = Talk::start().await;
    for folder in folders() {
        let (text, objects) = rendered(&folder).await;
        make_namespaces(&talk, &objects).await;
        let dry_run = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
        let (passed, said) = kubectl(&talk, &dry_run, &text).await;
        if folder.ends_with(NEEDS_GATEWAY_API) {
            assert!(
                !passed && said.contains("no matches for kind \"HTTPRoute\""),
                "{said}"
            );
        } else {
            assert!(passed, "{}: {said}", folder.display());
        }
        let accepted = said.matches("(server dry run)").count();
        let others = objects
            .iter()
            .filter(|object| object["kind"] != "HTTPRoute");
        assert_eq!(accepted, others.count(), "{}: {said}", folder.display());
    }
}

#[tokio::test]
async fn podiums_pod_is_what_the_restricted_standard_asks_for() {
    let namespace = object("podium", "Namespace", "podium").await;
    let labels = &namespace["metadata"]["labels"];
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
    let deployment = object("podium", "Deployment", "podium").await;
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[field].is_null(), "{field}");
    }
    for container in pod["containers"].as_array().unwrap() {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]));
        assert!(security["privileged"].is_null());
        for limit in ["cpu", "memory"] {
            assert!(container["resources"]["requests"][limit].is_string());
            assert!(container["resources"]["limits"][limit].is_string());
        }
    }
}

#[tokio::test]
async fn kubectl_lists_a_budget_an_ingress_and_a_network_policy_in_their_columns() {
    let talk = Talk::start().await;
    let (text, objects) = rendered(&Path::new(MANIFESTS).join("podium-ingress")).await;
    make_namespaces(&talk, &objects).await;
    let wanted = ["Ingress", "PodDisruptionBudget"];
    let documents = text.split("\n---\n").filter(|document| {
        wanted
            .iter()
            .any(|kind| document.contains(&format!("kind: {kind}\n")))
    });
    let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: podium, namespace: podium}, \
                  spec: {podSelector: {matchLabels: {app.kubernetes.io/name: podium}}, ingress: [{ports: [{port: 3030}]}]}}";
    let all: Vec<&str> = documents.chain([policy]).collect();
    let (applied, said) = kubectl(&talk, &["apply", "-f", "-"], &all.join("\n---\n")).await;
    assert!(applied, "{said}");
    for (kind, expected) in [
        (
            "pdb",
            "NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE podium N/A 0 0",
        ),
        (
            "ing",
            "NAME CLASS HOSTS ADDRESS PORTS AGE podium <none> talk.example.org 80, 443",
        ),
        (
            "netpol",
            "NAME POD-SELECTOR AGE podium app.kubernetes.io/name=podium",
        ),
    ] {
        let (_, said) = kubectl(&talk, &["get", "-n", "podium", kind], "").await;
        let words: Vec<&str> = said.split_whitespace().collect();
        assert!(words.join(" ").starts_with(expected), "{kind}: {said}");
    }
    let (_, policy) = kubectl(&talk, &["get", "-n", "podium", "netpol", "-o", "json"], "").await;
    let policy: Value = serde_json::from_str(&policy).unwrap();
    let spec = &policy["items"][0]["spec"];
    assert_eq!(spec["policyTypes"], serde_json::json!(["Ingress"]));
    assert_eq!(spec["ingress"][0]["ports"][0]["protocol"], "TCP");
}

/// The container's own arguments and variables, on this machine: what the pod runs must be what Podium understands.
#[tokio::test]
async fn podium_starts_as_its_pod_would_start_it_and_keeps_a_given_key_out_of_the_log() {
    let deployment = object("podium", "Deployment", "podium").await;
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("podium");
    let mut command = Command::new(crate::talk::PODIUM);
    let arguments = container["args"].as_array().unwrap();
    command.args(arguments.iter().map(|argument| argument.as_str().unwrap()));
    for variable in container["env"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let value = match name {
            "PODIUM_STATE_DIR" => folder.to_str().unwrap(),
            "PODIUM_SPEAKER_KEY" => "a-key-of-a-secret",
            _ => variable["value"].as_str().unwrap(),
        };
        command.env(name, value);
    }
    // There is no cluster around this test; the message says so, and that the arguments were understood.
    let output = command
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not in a cluster"), "{said}");

    let mut command = Command::new(crate::talk::PODIUM);
    command
        .env("PODIUM_SPEAKER_KEY", "a-key-of-a-secret")
        .args(["serve", "--listen", "127.0.0.1:0", "--state-dir"])
        .arg(state.path());
    let talk = Talk::start_by(command, state).await;
    assert_eq!(talk.key, "a-key-of-a-secret");
    assert!(
        !talk.printed().contains("a-key-of-a-secret"),
        "{}",
        talk.printed()
    );
    assert!(talk.printed().contains("PODIUM_SPEAKER_KEY"));
    let asked = talk
        .request(reqwest::Method::GET, "control")
        .bearer_auth(&talk.key);
    assert_eq!(asked.send().await.unwrap().status(), 200);
    for probe in ["healthz", "readyz"] {
        assert_eq!(talk.get(probe).await, (200, "ok".to_owned()));
    }
}
