//! KEDA's events. They go through `events.k8s.io`: a time in microseconds and a reporting controller instead of a source
//! and two timestamps, and a series once the same thing happens again.

use crate::autoscale::{Event, Severity};
use crate::embedded::store::{self, EVENTS, Key, Object, Store};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// `reportingComponent` in the core form of an event, `reportingController` in the other.
const CONTROLLER: &str = "keda-operator";

/// For how long after its last occurrence the same event is one series: `finishTime` of client-go's broadcaster.
const SERIES_MS: i64 = 360_000;

/// Tells `event` about `object`.
pub(super) fn tell(store: &Store, object: &Value, event: &Event) {
    let kind = match event.severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    };
    let now = store.clock().now();
    // client-go writes the count of a long series every half hour; here each occurrence is written, so that who looks
    // sees the true count.
    let (events, _) = store.list(EVENTS, Some(store::namespace(object)));
    let series = events.iter().find(|known| {
        known["reportingComponent"] == CONTROLLER
            && known["involvedObject"]["uid"] == object["metadata"]["uid"]
            && known["type"] == kind
            && known["reason"] == event.reason
            && known["message"] == event.message.as_str()
            && last_ms(known).is_some_and(|last| now.as_millisecond() - last <= SERIES_MS)
    });
    match series {
        Some(known) => repeat(store, known, now),
        None => create(store, object, kind, event, now),
    }
}

fn repeat(store: &Store, known: &Object, now: Timestamp) {
    // Swept in the meantime: an event is a courtesy, never worth failing for.
    let _ = store.modify(&Key::of(EVENTS, known), None, |event| {
        let count = event["series"]["count"].as_i64().unwrap_or(1) + 1;
        event["series"] = json!({"count": count, "lastObservedTime": micros(now)});
        Ok(())
    });
}

fn create(store: &Store, object: &Value, kind: &str, event: &Event, now: Timestamp) {
    let suffix = &store::new_uid()[..18].replace('-', "");
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{suffix}", store::name(object)),
            "namespace": store::namespace(object),
        },
        "involvedObject": {
            "apiVersion": object["apiVersion"],
            "kind": object["kind"],
            "name": store::name(object),
            "namespace": store::namespace(object),
            "uid": store::uid(object),
            "resourceVersion": object["metadata"]["resourceVersion"],
        },
        "type": kind,
        "reason": event.reason,
        "message": event.message,
        "action": event.reason,
        "source": {},
        "firstTimestamp": null,
        "lastTimestamp": null,
        "eventTime": micros(now),
        "reportingComponent": CONTROLLER,
        "reportingInstance": CONTROLLER,
    });
    // The name is random, so creation cannot clash.
    let _ = store.create(EVENTS, event);
}

fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn last_ms(event: &Value) -> Option<i64> {
    let last = event["series"]["lastObservedTime"].as_str();
    let time: Timestamp = last.or(event["eventTime"].as_str())?.parse().ok()?;
    Some(time.as_millisecond())
}
