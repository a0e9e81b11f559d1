//! The buttons pressed twice, by two, at the wrong moment, and never left waiting: each press has one outcome, which
//! its answer and the log both tell.

use crate::talk::{Events, Talk};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(10);

/// Manifests that neither get ready nor go: an image that nobody has, and a finalizer that nobody clears.
pub(crate) fn stuck_manifests() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("kustomization.yaml", "resources: [demo.yaml]\n"),
        (
            "demo.yaml",
            "apiVersion: v1
kind: Namespace
metadata: {name: keda-demo}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: held, namespace: keda-demo, finalizers: [example.com/hold]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stuck, namespace: keda-demo}
spec:
  selector: {matchLabels: {app: stuck}}
  template:
    metadata: {labels: {app: stuck}}
    spec: {containers: [{name: stuck, image: nobody/has:this}]}
",
        ),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// A Redis that takes connections and never answers: whatever asks it goes on asking.
async fn mute_redis() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    format!("redis://{address}")
}

fn fields(kind: &str) -> Value {
    match kind {
        "remove" | "purge" => json!({"confirm": "yes"}),
        "enqueue" => json!({"count": "1000", "delay_ms": "60000"}),
        _ => Value::Null,
    }
}

/// Presses a button that must begin, and answers the action's number.
async fn begin(talk: &Talk, kind: &str, fields: Value) -> u64 {
    let (status, answer) = talk.act(kind, fields).await;
    assert_eq!(status, 202, "{kind}: {answer}");
    answer["action"]["id"].as_u64().unwrap()
}

/// The end of an action, as the pages see it.
async fn end(events: &mut Events, id: u64, limit: Duration) -> Value {
    events
        .until(limit, |event, data| {
            event == "action" && data["id"] == id && data["state"] != "running"
        })
        .await
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

#[tokio::test]
async fn every_press_while_something_runs_begins_or_is_refused_as_the_matrix_says() {
    let (redis, manifests) = (mute_redis().await, stuck_manifests());
    let folder = manifests.path().to_str().unwrap();
    let talk = Talk::start_with(&["--redis", &redis, "--manifests", folder]).await;
    let kinds = ["deploy", "remove", "enqueue", "spike", "purge"];
    // A row a running action, a letter a pressed one: refused, begins, or stops the one that runs.
    let matrix = [
        ("deploy", "rsbbb"),
        ("enqueue", "bsrbb"),
        ("spike", "bsbrb"),
        ("purge", "bsbbr"),
        // Last: its finalizer holds the namespace from then on.
        ("remove", "rrrrr"),
    ];
    for (running, row) in matrix {
        for (pressed, outcome) in kinds.iter().zip(row.chars()) {
            let case = format!("{pressed} while {running} runs");
            let mut events = talk.events().await;
            let first = begin(&talk, running, fields(running)).await;
            if running == "remove" {
                // It deletes what the rows before it left, and then stands before the finalizer.
                events
                    .until(SOON, |event, data| {
                        event == "action" && data["id"] == first && !data["steps"][0].is_null()
                    })
                    .await;
            }
            let (status, answer) = talk.act(pressed, fields(pressed)).await;
            let mut ids = vec![first];
            if outcome == 'r' {
                assert_eq!(status, 409, "{case}: {answer}");
                assert!(text(&answer["error"], "message").contains("is still running"));
                assert!(text(&answer["error"], "remedy").contains("cancel it"));
            } else {
                assert_eq!(status, 202, "{case}: {answer}");
                ids.push(answer["action"]["id"].as_u64().unwrap());
            }
            if outcome == 's' {
                let stopped = end(&mut events, ids.remove(0), SOON).await;
                assert_eq!(stopped["state"], "cancelled", "{case}: {stopped}");
                assert!(text(&stopped, "message").contains("the demo is being removed"));
            }
            // Nothing here ends by itself but a removal that finds nothing, so what is told is the cancellation.
            let _ = talk.act("cancel", Value::Null).await;
            for id in ids {
                let ended = end_of(&talk, id).await;
                assert_ne!(ended["state"], "failed", "{case}: {ended}");
            }
        }
    }
}

/// The end of an action that may be over already: from the snapshot, or as it comes.
async fn end_of(talk: &Talk, id: u64) -> Value {
    let mut events = talk.events().await;
    let mut found = Value::Null;
    events
        .until(SOON, |event, data| {
            let actions = if event == "action" {
                vec![data.clone()]
            } else {
                data["actions"].as_array().cloned().unwrap_or_default()
            };
            let ended = actions
                .into_iter()
                .find(|action| action["id"] == id && action["state"] != "running");
            found = ended.unwrap_or_default();
            !found.is_null()
        })
        .await;
    found
}

#[tokio::test]
async fn what_is_stuck_can_be_cancelled_and_the_next_press_goes_on_from_there() {
    let manifests = stuck_manifests();
    let talk = Talk::start_with(&["--manifests", manifests.path().to_str().unwrap()]).await;
    let mut events = talk.events().await;
    let deploy = begin(&talk, "deploy", Value::Null).await;
    events
        .until(SOON, |event, data| {
            event == "action" && data["steps"][3]["name"] == "stuck ready"
        })
        .await;
    let remove = begin(&talk, "remove", fields("remove")).await;
    let ended = end(&mut events, deploy, SOON).await;
    assert!(
        text(&ended, "message").contains("deployment/stuck not ready yet"),
        "{ended}"
    );
    events
        .until(SOON, |event, data| {
            event == "action" && data["id"] == remove && data["steps"][1]["state"] == "deleted"
                || event == "action" && data["steps"][3]["detail"] == "terminating"
        })
        .await;
    let (status, answer) = talk.act("cancel", json!({"action": remove})).await;
    assert_eq!(status, 202, "{answer}");
    let ended = end(&mut events, remove, SOON).await;
    assert_eq!(ended["state"], "cancelled", "{ended}");
    assert!(
        text(&ended, "message").contains("goes on deleting"),
        "{ended}"
    );
    // The namespace is on its way out and takes nothing in: deploying waits for it, and says so.
    let deploy = begin(&talk, "deploy", Value::Null).await;
    events
        .until(SOON, |event, data| {
            event == "action"
                && data["id"] == deploy
                && data["steps"][0]["detail"] == "the old one is terminating"
        })
        .await;
    let patch = r#"{"metadata":{"finalizers":null}}"#;
    talk.merge("cm/held", patch).await;
    events
        .until(SOON, |event, data| {
            event == "action" && data["steps"][2]["state"] == "created"
        })
        .await;
}

#[tokio::test]
async fn a_long_enqueueing_is_cancelled_by_number_and_what_it_did_is_told() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let mut events = talk.events().await;
    let id = begin(&talk, "enqueue", fields("enqueue")).await;
    let first = |event: &str, data: &Value| {
        event == "action" && data["id"] == id && data["done"].as_u64() >= Some(1)
    };
    events.until(SOON, first).await;
    // As many other actions as the log keeps: the one that runs must stay for a page that connects.
    for _ in 0..25 {
        let purge = begin(&talk, "purge", fields("purge")).await;
        end(&mut events, purge, SOON).await;
    }
    let (_, snapshot) = talk.events().await.next().await.unwrap();
    let known = snapshot["actions"].as_array().unwrap().iter();
    assert!(
        known
            .clone()
            .any(|action| action["id"] == id && action["state"] == "running")
    );
    let (status, answer) = talk.act("cancel", json!({"action": id})).await;
    assert_eq!(
        (status, &answer["cancelling"][0]["id"]),
        (202, &json!(id)),
        "{answer}"
    );
    let ended = end(&mut events, id, SOON).await;
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(ended["message"], "cancelled; 1 of 1000 jobs enqueued");
    let (status, answer) = talk.act("cancel", json!({"action": id})).await;
    assert_eq!(status, 409, "{answer}");
    assert!(text(&answer["error"], "message").contains("is not running"));
    let (status, answer) = talk.act("cancel", json!({"action": "first"})).await;
    assert_eq!((status, &answer["error"]["field"]), (422, &json!("action")));
    let form = talk
        .request(reqwest::Method::POST, "actions/cancel")
        .bearer_auth(&talk.key)
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 409);
    assert!(form.text().await.unwrap().contains("nothing is running"));
}

#[tokio::test]
async fn two_speakers_at_once_a_purge_and_a_removal_during_an_announcement_add_up() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let mut events = talk.events().await;
    let many = json!({"count": "100000"});
    let (one, two) = tokio::join!(
        talk.act("spike", many.clone()),
        talk.act("spike", many.clone())
    );
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409], "{one:?} {two:?}");
    events
        .until(SOON, |event, data| {
            event == "action" && data["done"].as_u64() > Some(10_000)
        })
        .await;
    let purge = begin(&talk, "purge", fields("purge")).await;
    let purged = end(&mut events, purge, SOON).await;
    let purged: u64 = text(&purged, "message")
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap();
    assert!((1..100_000).contains(&purged), "in the middle: {purged}");
    let whole = |sample: &Value| {
        let count = |name: &str| sample[name].as_u64();
        let unique = count("processed")?.checked_sub(count("duplicates")?)?;
        let there = unique + count("dead")? + count("depth")? + count("in_flight")?;
        Some(count("enqueued")? == 100_000 && there + purged == 100_000)
    };
    events
        .sample(Duration::from_secs(30), |sample| {
            whole(sample) == Some(true)
        })
        .await;

    let (spike, enqueue) = tokio::join!(
        begin(&talk, "spike", many),
        begin(&talk, "enqueue", fields("enqueue"))
    );
    let remove = begin(&talk, "remove", fields("remove")).await;
    let (status, _) = talk.act("spike", Value::Null).await;
    assert_eq!(status, 409, "the removal wins");
    let removed = end(&mut events, remove, Duration::from_secs(30)).await;
    assert_eq!(removed["state"], "done", "{removed}");
    for id in [spike, enqueue] {
        let stopped = end_of(&talk, id).await;
        assert_eq!(stopped["state"], "cancelled", "{stopped}");
        assert!(text(&stopped, "message").starts_with("cancelled: the demo is being removed"));
    }
}

#[tokio::test]
async fn deploying_from_the_terminal_while_the_button_deploys_makes_one_whole_demo() {
    let talk = Talk::start().await;
    let mut events = talk.events().await;
    let (deploy, output, second) = tokio::join!(
        begin(&talk, "deploy", Value::Null),
        talk.command(&["deploy-queue-demo"]),
        talk.command(&["deploy-queue-demo"])
    );
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let ended = end_of(&talk, deploy).await;
    assert_eq!(ended["state"], "done", "{ended}");
    // Pods and Secret agree on the password: the queue can be read and is worked on.
    talk.command(&["enqueue", "4"]).await;
    events
        .sample(Duration::from_secs(20), |sample| sample["processed"] == 4)
        .await;
    let again = begin(&talk, "deploy", Value::Null).await;
    let ended = end(&mut events, again, SOON).await;
    let steps = ended["steps"].as_array().unwrap();
    assert!(
        steps
            .iter()
            .all(|step| ["unchanged", "done"].contains(&text(step, "state"))),
        "{ended}"
    );
}
