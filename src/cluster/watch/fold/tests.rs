//! What a list in the middle of things may and may not change.

use super::*;
use serde::de::DeserializeOwned;
use serde_json::json;
use watcher::Event::{Apply, Init, InitApply, InitDone};

fn object<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

fn pod(name: &str, ready: bool) -> Pod {
    let status = if ready { "True" } else { "False" };
    object(json!({
        "metadata": {"name": format!("queue-worker-5d4-{name}"), "generateName": "queue-worker-5d4-"},
        "spec": {"nodeName": "podium", "containers": []},
        "status": {"phase": if ready { "Running" } else { "Pending" }, "conditions": [{"type": "Ready", "status": status}]},
    }))
}

fn hpa(version: &str, desired: i32) -> HorizontalPodAutoscaler {
    object(json!({
        "metadata": {"name": "keda-hpa-queue-worker", "resourceVersion": version},
        "spec": {"maxReplicas": 48, "scaleTargetRef": {"kind": "Deployment", "name": "queue-worker"}},
        "status": {
            "desiredReplicas": desired,
            "currentReplicas": 1,
            "conditions": [{"type": "AbleToScale", "status": "True"}],
        },
    }))
}

fn rescale(name: &str, version: &str) -> Event {
    object(json!({
        "metadata": {"name": name, "namespace": "keda-demo", "resourceVersion": version},
        "involvedObject": {}, "reason": "SuccessfulRescale", "message": format!("{name} {version}"),
    }))
}

/// A fold whose first lists are in: a pod and a rescale of before, nothing else.
fn complete() -> Fold {
    let names = Names {
        namespace: "keda-demo".to_owned(),
        worker: "queue-worker".to_owned(),
        redis: "redis".to_owned(),
        scaled_object: "queue-worker".to_owned(),
    };
    let mut fold = Fold::new(names, Clock::following_tokio(1_000));
    list(&mut fold, Seen::Pod, vec![pod("old", true)]);
    list(&mut fold, Seen::Event, vec![rescale("first", "1")]);
    list(&mut fold, Seen::Deployment, Vec::new());
    list(&mut fold, Seen::Hpa, Vec::new());
    list(&mut fold, Seen::ScaledObject, Vec::new());
    list(&mut fold, Seen::Quota, Vec::new());
    assert!(fold.view.complete && fold.view.rescales.is_empty());
    fold
}

fn list<K>(fold: &mut Fold, seen: fn(watcher::Event<K>) -> Seen, objects: Vec<K>) {
    fold.take(seen(Init));
    for object in objects {
        fold.take(seen(InitApply(object)));
    }
    fold.take(seen(InitDone));
}

async fn pass(ms: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
}

fn cold_start(fold: &Fold, name: &str) -> Option<i64> {
    fold.view.pods[&format!("queue-worker-5d4-{name}")].cold_start
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_starts_across_a_list_keeps_its_cold_start() {
    let mut fold = complete();
    fold.take(Seen::Pod(Apply(pod("new", false))));
    pass(1_000).await;
    fold.take(Seen::Pod(Init));
    assert_eq!(fold.view.pods.len(), 2, "a list that begins blanks nothing");
    fold.take(Seen::Pod(InitApply(pod("new", false))));
    fold.take(Seen::Pod(InitApply(pod("unseen", false))));
    fold.take(Seen::Pod(InitDone));
    let names: Vec<&String> = fold.view.pods.keys().collect();
    assert_eq!(names, ["queue-worker-5d4-new", "queue-worker-5d4-unseen"]);
    pass(600).await;
    for name in ["new", "unseen"] {
        fold.take(Seen::Pod(Apply(pod(name, true))));
    }
    assert_eq!(cold_start(&fold, "new"), Some(1_600));
    assert_eq!(cold_start(&fold, "unseen"), None, "nobody saw it appear");
    list(&mut fold, Seen::Pod, vec![pod("new", true)]);
    assert_eq!(cold_start(&fold, "new"), Some(1_600));
}

#[tokio::test(start_paused = true)]
async fn an_hpa_that_is_listed_again_has_not_synced() {
    let mut fold = complete();
    fold.take(Seen::Hpa(Apply(hpa("1", 1))));
    pass(5_000).await;
    list(&mut fold, Seen::Hpa, vec![hpa("1", 1)]);
    assert_eq!(fold.view.hpa.as_ref().unwrap().synced, Some(1_000));
    list(&mut fold, Seen::Hpa, vec![hpa("2", 25)]);
    let seen = fold.view.hpa.as_ref().unwrap();
    assert_eq!((seen.synced, seen.desired), (Some(6_000), Some(25)));
    list(&mut fold, Seen::Hpa, Vec::new());
    assert!(fold.view.hpa.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_hpa_that_the_controller_has_not_looked_at_wants_nothing_yet() {
    let mut fold = complete();
    let mut new = hpa("1", 0);
    new.status.as_mut().unwrap().conditions = None;
    fold.take(Seen::Hpa(Apply(new)));
    assert_eq!(fold.view.hpa.as_ref().unwrap().desired, None);
    fold.take(Seen::Hpa(Apply(hpa("2", 0))));
    assert_eq!(fold.view.hpa.as_ref().unwrap().desired, Some(0));
}

/// KEDA 2.20 writes the status of a reconcile over that of the first poll, which then is not told again for half a
/// minute.
#[tokio::test(start_paused = true)]
async fn a_trigger_that_was_looked_at_is_believed_where_the_condition_is_unknown() {
    let mut fold = complete();
    let cases = [
        ("True", json!({"s0": {"isActive": false}}), Some(false)),
        (
            "True",
            json!({"s0": {"isActive": false}, "s1": {"isActive": true}}),
            Some(true),
        ),
        ("True", json!({}), None),
        ("True", Value::Null, None),
        ("False", json!({"s0": {"isActive": true}}), None),
    ];
    for (ready, activity, expected) in cases {
        let status = json!({
            "conditions": [
                {"type": "Ready", "status": ready},
                {"type": "Active", "status": "Unknown"},
            ],
            "triggersActivity": activity,
        });
        fold.read_scaled_object(&status);
        assert_eq!(fold.view.scaled_object, Some(expected), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_tells_the_rescales_that_were_missed_and_no_other() {
    let mut fold = complete();
    fold.take(Seen::Event(Apply(rescale("second", "2"))));
    let again = vec![
        rescale("first", "1"),
        rescale("second", "2"),
        rescale("third", "3"),
    ];
    list(&mut fold, Seen::Event, again);
    fold.take(Seen::Event(Apply(rescale("third", "4"))));
    let told: Vec<&str> = fold
        .view
        .rescales
        .iter()
        .map(|rescale| rescale.message.as_str())
        .collect();
    assert_eq!(told, ["second 2", "third 3", "third 4"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_list_lacks_is_gone() {
    let mut fold = complete();
    let worker = || {
        object(
            json!({"metadata": {"name": "queue-worker"}, "spec": {"replicas": 2, "selector": {}, "template": {}}}),
        )
    };
    fold.take(Seen::Deployment(Apply(worker())));
    list(&mut fold, Seen::Deployment, vec![worker()]);
    assert_eq!(fold.view.worker, Some((2, 0, 0)));
    list(&mut fold, Seen::Deployment, Vec::new());
    assert_eq!(fold.view.worker, None);
}

fn list_all(fold: &mut Fold) {
    list(fold, Seen::Pod, vec![pod("old", true)]);
    list(fold, Seen::Event, Vec::new());
    list(fold, Seen::Deployment, Vec::new());
    list(fold, Seen::Hpa, Vec::new());
    list(fold, Seen::ScaledObject, Vec::new());
    list(fold, Seen::Quota, Vec::new());
}

#[tokio::test(start_paused = true)]
async fn a_lost_server_makes_the_picture_old_until_every_list_is_in_again() {
    let mut fold = complete();
    pass(500).await;
    fold.lost("no answer".to_owned());
    assert_eq!(fold.view.stale, Some(("no answer".to_owned(), 1_500)));
    pass(1_000).await;
    fold.lost("Connection refused".to_owned());
    assert_eq!(
        fold.view.stale,
        Some(("Connection refused".to_owned(), 1_500)),
        "it is one outage"
    );
    fold.found();
    assert!(fold.view.stale.is_some(), "what we know is still old");
    fold.take(Seen::Pod(Init));
    fold.take(Seen::Pod(InitApply(pod("old", true))));
    assert!(fold.view.stale.is_some(), "half a list is no picture");
    list_all(&mut fold);
    assert_eq!(fold.view.stale, None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_failed_works_again_when_its_list_is_in() {
    let mut fold = complete();
    fold.take(Seen::Failed(PODS, "too old resource version".to_owned()));
    fold.take(Seen::Hpa(Apply(hpa("1", 1))));
    assert!(fold.view.stale.is_some(), "another watch proves nothing");
    fold.take(Seen::Pod(Init));
    fold.take(Seen::Pod(InitApply(pod("old", true))));
    assert!(fold.view.stale.is_some());
    fold.take(Seen::Pod(InitDone));
    assert_eq!(fold.view.stale, None);
}
