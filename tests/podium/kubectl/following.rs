//! Waiting for changes and being told of them: `-w`, `--watch-only`, `wait`, and `diff`, which tells what would change.

use super::*;
use podium::embedded::events::{self, Severity};

fn worker() -> Key {
    Key::new(DEPLOYMENTS, "keda-demo", "queue-worker")
}

/// Starts `kubectl` and changes the world with `change` until it has printed `count` lines.
async fn lines(
    kubectl: &Kubectl,
    arguments: &[&str],
    count: usize,
    mut change: impl FnMut(u32),
) -> Vec<String> {
    let mut child = kubectl.command(arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    for attempt in 1.. {
        // Before its watch is open, kubectl sees no change; so there is one after the other until it has seen enough.
        change(attempt);
        while seen.len() < count
            && let Ok(line) =
                tokio::time::timeout(Duration::from_millis(200), lines.next_line()).await
        {
            seen.push(line.unwrap().expect("kubectl goes on"));
        }
        if seen.len() >= count {
            break;
        }
        assert!(attempt < 100, "{seen:?}");
    }
    child.kill().await.unwrap();
    seen
}

#[tokio::test]
async fn a_watch_alone_leaves_out_what_is_there_already() {
    let kubectl = Kubectl::with_demo().await;
    let watch = ["get", "deploy", "-n", "keda-demo", "--watch-only"];
    let seen = lines(&kubectl, &watch, 2, |attempt| {
        let change = |object: &mut serde_json::Value| {
            object["spec"]["replicas"] = json!(attempt + 10);
            Ok(())
        };
        kubectl
            .cluster
            .store
            .modify(&worker(), None, change)
            .unwrap();
    })
    .await;
    assert_eq!(words(&seen[0])[0][0], "NAME");
    assert!(seen[1].starts_with("queue-worker   0/1"), "{}", seen[1]);
}

#[tokio::test]
async fn events_are_followed_as_they_come() {
    let kubectl = Kubectl::with_demo().await;
    let store = &kubectl.cluster.store;
    let deployment = store.get(&worker()).unwrap();
    let watch = ["get", "events", "-n", "keda-demo", "-w"];
    let seen = lines(&kubectl, &watch, 3, |attempt| {
        let message = format!("change {attempt}");
        events::record(
            store,
            "tester",
            &deployment,
            Severity::Warning,
            "Changed",
            &message,
        );
    })
    .await;
    assert_eq!(
        words(&seen[0])[0],
        ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    );
    let last = words(&seen[2])[0][1..5].join(" ");
    assert_eq!(last, "Warning Changed deployment/queue-worker change");
}

#[tokio::test]
async fn a_wait_is_for_a_value_for_any_value_or_for_an_end() {
    let kubectl = Kubectl::with_demo().await;
    for (condition, met) in [
        ("jsonpath={.spec.replicas}=1", true),
        ("jsonpath={.spec.selector}", true),
        ("jsonpath={.spec.replicas}=7", false),
        ("jsonpath={.status.readyReplicas}", false),
    ] {
        let condition = format!("--for={condition}");
        let wait = [
            "wait",
            "deploy/queue-worker",
            "-n",
            "keda-demo",
            "--timeout=1s",
            &condition,
        ];
        if met {
            assert_eq!(
                kubectl.ok(&wait).await,
                "deployment.apps/queue-worker condition met\n"
            );
        } else {
            assert_eq!(
                kubectl.fails(&wait).await,
                "error: timed out waiting for the condition on deployments/queue-worker"
            );
        }
    }
    let gone = [
        "wait",
        "--for=delete",
        "deploy/queue-worker",
        "-n",
        "keda-demo",
        "--timeout=20s",
    ];
    let delete = ["delete", "deploy/queue-worker", "-n", "keda-demo"];
    let (said, _) = tokio::join!(kubectl.ok(&gone), kubectl.ok(&delete));
    assert!(
        said.is_empty() || said == "deployment.apps/queue-worker condition met\n",
        "{said}"
    );
}

#[tokio::test]
async fn a_diff_says_with_its_exit_code_whether_there_is_one() {
    let kubectl = Kubectl::with_demo().await;
    let code = async |arguments: &[&str]| {
        let output = kubectl.command(arguments).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    };
    assert_eq!(code(&["diff", "-k", DEMO]).await, (Some(0), String::new()));
    let edited = std::fs::read_to_string(format!("{DEMO}/scaled-object.yaml")).unwrap();
    let file = kubectl.folder.path().join("edited.yaml");
    std::fs::write(
        &file,
        edited.replace("listLength: \"100\"", "listLength: \"50\""),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    for arguments in [
        ["diff", "-f", file].as_slice(),
        ["diff", "--server-side", "-f", file].as_slice(),
    ] {
        let (code, text) = code(arguments).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(
            text.contains("-      listLength: \"100\"\n+      listLength: \"50\"\n"),
            "{text}"
        );
    }
    let object = kubectl
        .ok(&["get", "so", "queue-worker", "-n", "keda-demo", "-o", "yaml"])
        .await;
    assert!(
        object.contains("listLength: \"100\""),
        "a diff changes nothing"
    );
}

#[tokio::test]
async fn a_prune_takes_what_is_no_longer_in_the_file() {
    let kubectl = Kubectl::start().await;
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default", "labels": {"app": "x"}}});
    let apply = async |objects: &[&str]| {
        let items: Vec<_> = objects.iter().map(|name| map(name)).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
        let prune = [
            "apply",
            "--prune",
            "-l",
            "app=x",
            "--prune-allowlist=core/v1/ConfigMap",
            "-f",
            "-",
        ];
        kubectl.run(&prune, &list).await.0
    };
    assert_eq!(
        apply(&["one", "two"]).await,
        "configmap/one created\nconfigmap/two created\n"
    );
    assert_eq!(
        apply(&["one"]).await,
        "configmap/one unchanged\nconfigmap/two pruned\n"
    );
}
