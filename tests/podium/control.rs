//! The buttons and what they set in motion, over HTTP and server-sent events.

use crate::talk::Talk;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_page_that_connects_gets_one_snapshot_and_then_samples() {
    let talk = Talk::start().await;
    let mut events = talk.events().await;
    let (first, snapshot) = events.next().await.unwrap();
    assert_eq!(first, "snapshot");
    for field in ["samples", "milestones", "actions", "health"] {
        assert!(!snapshot[field].is_null(), "{field}");
    }
    // What the cluster shows is unknown until it has been read for the first time.
    for field in ["pods", "deployment"] {
        assert!(snapshot.get(field).is_some(), "{field}");
    }
    let sample = events.sample(Duration::from_secs(5), |_| true).await;
    for field in [
        "t",
        "depth",
        "in_flight",
        "enqueued",
        "processed",
        "failed",
        "dead",
        "duplicates",
        "arrival_rate",
        "service_rate",
        "external_metric",
        "desired",
        "replicas",
        "ready",
        "starting",
        "terminating",
    ] {
        assert!(sample.get(field).is_some(), "{field} is in every sample");
    }
    assert_eq!(
        sample["depth"],
        Value::Null,
        "no queue yet: unknown, not zero"
    );
}

#[tokio::test]
async fn deploying_tells_object_by_object_and_twice_is_unchanged() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let output = talk.command(&["deploy-queue-demo"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for object in [
        "namespace/keda-demo",
        "secret/redis",
        "service/redis",
        "deployment/queue-worker",
        "scaledobject/queue-worker",
    ] {
        assert!(
            output.stdout.contains(&format!("{object} unchanged")),
            "{object}: {}",
            output.stdout
        );
    }
}

#[tokio::test]
async fn what_destroys_asks_first_and_an_action_is_not_started_twice() {
    let talk = Talk::start().await;
    for kind in ["remove", "purge"] {
        let (status, answer) = talk.act(kind, json!({})).await;
        assert_eq!(
            (status, &answer["error"]["field"]),
            (422, &json!("confirm")),
            "{answer}"
        );
    }
    let (first, _) = talk.act("deploy", Value::Null).await;
    let (second, answer) = talk.act("deploy", Value::Null).await;
    assert_eq!((first, second), (202, 409));
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("still running"),
        "{answer}"
    );
}

#[tokio::test]
async fn enqueue_purge_and_remove_do_what_they_say() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let mut events = talk.events().await;
    let output = talk.command(&["enqueue", "200", "msg", "0"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    events
        .sample(Duration::from_secs(5), |sample| sample["enqueued"] == 200)
        .await;
    let (status, _) = talk.act("purge", json!({"confirm": "yes"})).await;
    assert_eq!(status, 202);
    events
        .sample(Duration::from_secs(5), |sample| sample["depth"] == 0)
        .await;
    let output = talk.command(&["remove-queue-demo", "--yes"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let gone = events
        .until(Duration::from_secs(20), |event, data| {
            event == "deployment" && data["state"] == "absent"
        })
        .await;
    assert_eq!(gone["redis_ready"], false);
    let sample = events
        .sample(Duration::from_secs(10), |sample| sample["depth"].is_null())
        .await;
    assert_eq!(sample["replicas"], Value::Null);
}
