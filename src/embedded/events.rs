//! Events: what the controllers tell the audience of `kubectl get events` and `kubectl describe`.
//!
//! Kubernetes' clients do not write every event as a new object, or a spike would bury everything else; the rules are
//! those of client-go's event correlator. The same event again only counts up. From the tenth similar event in ten
//! minutes (same object, source, type and reason) they collapse into one "(combined from similar events)". And one
//! source may tell at most 25 things about an object in a burst, then one every five minutes; the rest is dropped.
//!
//! The correlator of client-go remembers what it sent. This one reads the events back from the store instead, which
//! has them anyway, so nothing is remembered twice and clones of the store agree.

use crate::embedded::store::{self, EVENTS, Key, Object, Store};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

/// From how many different messages on similar events collapse: `defaultAggregateMaxEvents`.
const MOST_SIMILAR: usize = 10;

/// For how long events are similar: `defaultAggregateIntervalInSeconds`.
const SIMILAR_FOR_MS: i64 = 600_000;

/// Events about one object that a source may send at once: `defaultSpamBurst`.
const BURST: f64 = 25.0;

/// The time after which a source may send one more: `defaultSpamQPS` is one in five minutes.
const REFILL_MS: f64 = 300_000.0;

const COMBINED: &str = "(combined from similar events): ";

/// How serious an event is; the API's `type` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `Normal`
    Normal,
    /// `Warning`
    Warning,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Records that `component` (for example `deployment-controller`) saw `reason` happen to `involved`.
pub fn record(
    store: &Store,
    component: &str,
    involved: &Value,
    severity: Severity,
    reason: &str,
    message: &str,
) {
    let now_ms = store.clock().now_ms();
    let about = from_source_about(store, component, involved, severity);
    if tokens_left(&about, now_ms) < 1.0 {
        return;
    }
    let similar: Vec<&Object> = about
        .iter()
        .filter(|event| {
            event["reason"] == reason && now_ms - last_ms(event).unwrap_or(0) <= SIMILAR_FOR_MS
        })
        .collect();
    let message = if is_one_too_many(&similar, message) {
        format!("{COMBINED}{message}")
    } else {
        message.to_owned()
    };
    let combined = message.starts_with(COMBINED);
    let known = similar.iter().find(|event| {
        if combined {
            is_combined(event)
        } else {
            event["message"] == message.as_str()
        }
    });
    match known {
        Some(event) => count_up(store, event, &message),
        None => create(store, component, involved, severity, reason, &message),
    }
}

/// The events that `component` recorded about `involved` with this severity.
fn from_source_about(
    store: &Store,
    component: &str,
    involved: &Value,
    severity: Severity,
) -> Vec<Object> {
    let prefix = format!("{}.", store::name(involved));
    let (events, _) = store.list(EVENTS, Some(store::namespace(involved)));
    events
        .into_iter()
        .filter(|event| {
            store::name(event).starts_with(&prefix)
                && event["source"]["component"] == component
                && event["involvedObject"]["uid"] == store::uid(involved)
                && event["involvedObject"]["kind"] == involved["kind"]
                && event["type"] == severity.name()
        })
        .collect()
}

/// What is left in the token bucket of these events' source and object. The bucket is replayed from the events: the
/// first occurrence of each at its first time, all further ones at its last.
fn tokens_left(events: &[Object], now_ms: i64) -> f64 {
    let mut spent: Vec<(i64, f64)> = Vec::new();
    for event in events {
        let first = first_ms(event).unwrap_or(now_ms);
        let count = event["count"].as_f64().unwrap_or(1.0);
        spent.push((first, 1.0));
        spent.push((last_ms(event).unwrap_or(first), count - 1.0));
    }
    spent.sort_by_key(|(at, _)| *at);
    let mut tokens = BURST;
    let mut before = spent.first().map_or(now_ms, |(at, _)| *at);
    for (at, count) in spent {
        tokens = refilled(tokens, at - before) - count;
        before = at;
    }
    refilled(tokens, now_ms - before)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a token bucket; f64 is exact far beyond any uptime"
)]
fn refilled(tokens: f64, elapsed_ms: i64) -> f64 {
    (tokens + elapsed_ms.max(0) as f64 / REFILL_MS).min(BURST)
}

/// Whether `message` would be the tenth different one (the combined event stands for ten or more).
fn is_one_too_many(similar: &[&Object], message: &str) -> bool {
    let others = similar
        .iter()
        .filter(|event| !is_combined(event) && event["message"] != message)
        .count();
    similar.iter().any(|event| is_combined(event)) || others + 1 >= MOST_SIMILAR
}

fn is_combined(event: &Value) -> bool {
    event["message"]
        .as_str()
        .is_some_and(|message| message.starts_with(COMBINED))
}

fn count_up(store: &Store, event: &Object, message: &str) {
    let now = store.timestamp();
    // Swept in the meantime: an event is a courtesy, never worth failing for.
    let _ = store.modify(&Key::of(EVENTS, event), None, |event| {
        event["count"] = json!(event["count"].as_i64().unwrap_or(1) + 1);
        event["lastTimestamp"] = json!(now);
        event["message"] = json!(message);
        Ok(())
    });
}

fn create(
    store: &Store,
    component: &str,
    involved: &Value,
    severity: Severity,
    reason: &str,
    message: &str,
) {
    let now = store.timestamp();
    let suffix = &store::new_uid()[..18].replace('-', "");
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{suffix}", store::name(involved)),
            "namespace": store::namespace(involved),
        },
        "involvedObject": {
            "apiVersion": involved["apiVersion"],
            "kind": involved["kind"],
            "name": store::name(involved),
            "namespace": store::namespace(involved),
            "uid": store::uid(involved),
            "resourceVersion": involved["metadata"]["resourceVersion"],
        },
        "type": severity.name(),
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    // The name is random, so creation cannot clash; an event is a courtesy, never worth failing for.
    let _ = store.create(EVENTS, event);
}

fn first_ms(event: &Value) -> Option<i64> {
    milliseconds(&event["firstTimestamp"])
}

fn last_ms(event: &Value) -> Option<i64> {
    milliseconds(&event["lastTimestamp"])
}

fn milliseconds(timestamp: &Value) -> Option<i64> {
    let timestamp: Timestamp = timestamp.as_str()?.parse().ok()?;
    Some(timestamp.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use std::time::Duration;

    fn store() -> Store {
        Store::new(Clock::following_tokio(1_767_225_600_000))
    }

    fn tell(store: &Store, reason: &str, message: &str) {
        let set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"name": "rs", "namespace": "demo", "uid": "u"},
        });
        record(
            store,
            "replicaset-controller",
            &set,
            Severity::Normal,
            reason,
            message,
        );
    }

    /// `(message, count)` of every event, in the order of their first occurrence.
    fn told(store: &Store) -> Vec<(String, i64)> {
        let (mut events, _) = store.list(EVENTS, Some("demo"));
        events.sort_by_key(|event| {
            let created = event["metadata"]["creationTimestamp"].to_string();
            (created, is_combined(event))
        });
        let text = |event: &Object| event["message"].as_str().unwrap().to_owned();
        events
            .iter()
            .map(|event| (text(event), event["count"].as_i64().unwrap()))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_event_again_counts_up() {
        let store = store();
        tell(&store, "BackOff", "again");
        tell(&store, "BackOff", "again");
        assert_eq!(told(&store), [("again".to_owned(), 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_tenth_similar_event_begins_a_combined_one() {
        let store = store();
        for pod in 0..13 {
            tell(&store, "SuccessfulCreate", &format!("Created pod: {pod}"));
        }
        let told = told(&store);
        assert_eq!(told.len(), 10);
        let combined = format!("{COMBINED}Created pod: 12");
        assert_eq!(told[9], (combined, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_quiet_minutes_end_the_similarity() {
        let store = store();
        for pod in 0..12 {
            tell(&store, "SuccessfulCreate", &format!("Created pod: {pod}"));
        }
        tokio::time::advance(Duration::from_secs(601)).await;
        tell(&store, "SuccessfulCreate", "Created pod: late");
        assert_eq!(
            told(&store).last().unwrap(),
            &("Created pod: late".to_owned(), 1)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_of_25_only_one_event_in_five_minutes_gets_through() {
        let store = store();
        for pod in 0..30 {
            tell(&store, "SuccessfulCreate", &format!("Created pod: {pod}"));
        }
        let total = |store: &Store| told(store).iter().map(|(_, count)| count).sum::<i64>();
        assert_eq!(total(&store), 25);
        tell(&store, "SuccessfulDelete", "Deleted pod: 1");
        assert_eq!(total(&store), 25);
        tokio::time::advance(Duration::from_secs(301)).await;
        tell(&store, "SuccessfulDelete", "Deleted pod: 1");
        tell(&store, "SuccessfulDelete", "Deleted pod: 2");
        assert_eq!(total(&store), 26);
    }
}
