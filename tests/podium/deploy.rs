//! Deploying where others are too: rehearsed, in other namespaces, beside other managers, on a Redis that is there.

pub(crate) mod existing_redis;
mod failures;
mod interrupted;
mod producer_job;

use crate::talk::Talk;
use serde_json::json;
use std::time::Duration;

/// What `kubectl get … -o jsonpath` prints.
pub(crate) async fn field(talk: &Talk, namespace: &str, object: &str, path: &str) -> String {
    let output = format!("jsonpath={path}");
    let found = talk
        .kubectl(&["get", "-n", namespace, object, "-o", &output])
        .await;
    assert_eq!(found.code, Some(0), "{object}: {}", found.stderr);
    found.stdout
}

#[tokio::test]
async fn a_rehearsal_tells_what_would_become_of_each_object_and_changes_nothing() {
    let talk = Talk::start().await;
    let first = talk.command(&["deploy-queue-demo", "--dry-run"]).await;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first
            .stdout
            .starts_with("namespace/keda-demo created (server dry run)\n"),
        "{}",
        first.stdout
    );
    let untried = "secret/redis not tried: its namespace is not there yet";
    assert!(first.stdout.contains(untried), "{}", first.stdout);
    assert!(
        first
            .stderr
            .contains("1 of 6 objects tried, nothing changed"),
        "{}",
        first.stderr
    );
    let namespaces = talk.kubectl(&["get", "ns", "-o", "name"]).await.stdout;
    assert!(!namespaces.contains("keda-demo"), "{namespaces}");

    talk.deploy().await;
    let again = talk.command(&["deploy-queue-demo", "--dry-run"]).await;
    let lines: Vec<_> = again.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{}", again.stdout);
    for line in lines {
        assert!(line.ends_with(" unchanged (server dry run)"), "{line}");
    }
    let image = ["deploy-queue-demo", "--dry-run", "--image", "podium:2"];
    let changed = talk.command(&image).await.stdout;
    let configured = "deployment/queue-worker configured (server dry run)";
    assert!(changed.contains(configured), "{changed}");
    assert_eq!(changed.matches(" unchanged ").count(), 5, "{changed}");
    let path = "{.spec.template.spec.containers[0].image}";
    let image = field(&talk, "keda-demo", "deploy/queue-worker", path).await;
    assert_eq!(image, "podium:latest");
}

#[tokio::test]
async fn the_demo_lives_in_another_namespace_with_another_image() {
    let arguments = [
        "--namespace",
        "team-a",
        "--image",
        "registry.example/stage/podium:9",
    ];
    let talk = Talk::start_with(&arguments).await;
    assert!(
        talk.printed().contains("-n team-a queue-worker"),
        "{}",
        talk.printed()
    );
    talk.deploy().await;
    let mut events = talk.events().await;
    events
        .sample(Duration::from_secs(20), |sample| {
            sample["external_metric"].is_number() && sample["depth"] == 0 && sample["ready"] == 1
        })
        .await;
    let path = "{.spec.template.spec.containers[0].image}";
    let image = field(&talk, "team-a", "deploy/queue-worker", path).await;
    assert_eq!(image, "registry.example/stage/podium:9");
    let status = talk.command(&["status", "--namespace", "team-a"]).await;
    assert!(
        status.stdout.contains("✓ scaledobject/queue-worker"),
        "{}",
        status.stdout
    );
    let namespaces = talk.kubectl(&["get", "ns", "-o", "name"]).await.stdout;
    assert!(!namespaces.contains("keda-demo"), "{namespaces}");
    let gone = talk
        .command(&["remove-queue-demo", "--yes", "--namespace", "team-a"])
        .await;
    assert!(gone.stdout.contains("namespace/team-a deleted"), "{gone:?}");
}

#[tokio::test]
async fn a_namespace_that_was_there_before_stays_with_what_is_in_it() {
    let talk = Talk::start_with(&["--namespace", "team-b"]).await;
    for arguments in [
        &["create", "namespace", "team-b"][..],
        &["create", "configmap", "theirs", "-n", "team-b"],
    ] {
        let made = talk.kubectl(arguments).await;
        assert_eq!(made.code, Some(0), "{}", made.stderr);
    }
    let kept = "namespace/team-b unchanged it was there before the demo, and stays";
    let on = |command: &'static [&'static str]| [command, &["--namespace", "team-b"]].concat();
    let rehearsal = talk.command(&on(&["deploy-queue-demo", "--dry-run"])).await;
    assert!(
        rehearsal
            .stdout
            .contains("secret/redis created (server dry run)"),
        "{rehearsal:?}"
    );
    let deployed = talk.command(&on(&["deploy-queue-demo"])).await;
    assert!(deployed.stdout.contains(kept), "{deployed:?}");
    let labels = field(&talk, "team-b", "ns/team-b", "{.metadata.labels}").await;
    assert!(!labels.contains("podium"), "{labels}");

    let removed = talk.command(&on(&["remove-queue-demo", "--yes"])).await;
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    assert!(removed.stdout.contains(kept), "{}", removed.stdout);
    let kinds = "configmaps,secrets,services,deployments,scaledobjects";
    let left = talk
        .kubectl(&["get", kinds, "-n", "team-b", "-o", "name"])
        .await;
    assert_eq!(left.stdout.trim(), "configmap/theirs", "{}", left.stderr);
}

#[tokio::test]
async fn a_namespace_that_kubernetes_would_refuse_is_a_usage_error() {
    let talk = Talk::start().await;
    let refused = talk.command(&["status", "--namespace", "Team_A"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("small letters"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn what_somebody_else_has_set_is_named_and_taken_over_on_demand_only() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let set = "{\"spec\":{\"maxReplicaCount\":7}}";
    let patch = [
        "patch",
        "so",
        "queue-worker",
        "-n",
        "keda-demo",
        "--type",
        "merge",
        "--field-manager",
        "chief",
        "-p",
        set,
    ];
    assert_eq!(talk.kubectl(&patch).await.code, Some(0));
    let most = async || {
        field(
            &talk,
            "keda-demo",
            "so/queue-worker",
            "{.spec.maxReplicaCount}",
        )
        .await
    };

    let refused = talk.command(&["deploy-queue-demo"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let who = "scaledobject/queue-worker was not changed, for others have set what the demo would: .spec.maxReplicaCount (set by chief)";
    assert!(refused.stderr.contains(who), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("--force-conflicts"),
        "{}",
        refused.stderr
    );
    let mut events = talk.events().await;
    talk.act("deploy", json!(null)).await;
    let failed = events
        .until(Duration::from_secs(20), |event, data| {
            event == "action" && data["state"] == "failed"
        })
        .await;
    let contested = json!([{
        "object": "scaledobject/queue-worker", "field": ".spec.maxReplicaCount", "manager": "chief",
        "held": 7, "wanted": 48,
    }]);
    assert_eq!(failed["contested"], contested, "{failed}");
    assert!(
        failed["remedy"].as_str().unwrap().contains("Take over"),
        "{failed}"
    );
    assert_eq!(most().await, "7", "neither changed anything");

    let forced = talk
        .command(&["deploy-queue-demo", "--force-conflicts"])
        .await;
    assert!(
        forced
            .stdout
            .contains("scaledobject/queue-worker configured"),
        "{forced:?}"
    );
    let taken = "scaledobject/queue-worker .spec.maxReplicaCount of chief: taken over, it had 7, the demo wants 48";
    assert!(forced.stdout.contains(taken), "{forced:?}");
    assert_eq!(most().await, "48");
    assert_eq!(talk.kubectl(&patch).await.code, Some(0));
    // Only what the failed deployment showed; another number is of another look.
    let other = json!({"take_over": "yes", "seen": 4711});
    let (status, answer) = talk.act("deploy", other).await;
    assert_eq!(status, 409, "{answer}");
    assert_eq!(answer["error"]["contested"], contested, "{answer}");
    let seen = json!({"take_over": "yes", "seen": failed["id"]});
    let (status, answer) = talk.act("deploy", seen).await;
    assert_eq!(status, 202, "{answer}");
    let done = events
        .until(Duration::from_secs(20), |event, data| {
            event == "action" && data["state"] == "done"
        })
        .await;
    assert_eq!(done["taken_over"], contested, "{done}");
    assert_eq!(most().await, "48");
}

#[tokio::test]
async fn everything_in_the_way_is_named_at_once_and_secrets_keep_their_values() {
    let talk = Talk::start().await;
    talk.deploy().await;
    for (object, patch) in [
        ("secret/redis", "{\"data\":{\"password\":\"Y2hhbmdlZA==\"}}"),
        (
            "scaledobject/queue-worker",
            "{\"spec\":{\"maxReplicaCount\":7}}",
        ),
        (
            "deployment/queue-worker",
            "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"worker\",\"image\":\"podium:9\"}]}}}}",
        ),
    ] {
        let kind = if object.starts_with("scaled") {
            "merge"
        } else {
            "strategic"
        };
        let manager = ["--field-manager", "chief", "--type", kind, "-p", patch];
        let patched = [&["patch", object, "-n", "keda-demo"][..], &manager].concat();
        let output = talk.kubectl(&patched).await;
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }
    // A password that somebody else has set is the demo's from then on: the Secret is in nobody's way.
    let refused = talk.command(&["deploy-queue-demo"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for line in [
        "deployment/queue-worker .spec.template.spec.containers[name=\"worker\"].image of chief: it has \"podium:9\", the demo wants \"podium:latest\"\n",
        "scaledobject/queue-worker .spec.maxReplicaCount of chief: it has 7, the demo wants 48\n",
    ] {
        assert!(refused.stdout.contains(line), "{}", refused.stdout);
    }
    assert!(!refused.stdout.contains("Y2hhbmdlZA"), "{refused:?}");
}
