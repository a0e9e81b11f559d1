//! The live loop under faults. Every source is lost in every way it can be: the room sees its numbers go at once, with
//! the reason, the others go on, everything comes back without a reload, and the history keeps the gap.

mod api_server;
mod gate;
mod redis;
mod viewers;

use crate::talk::{Events, Log, Talk};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// When a source that hangs must be known to hang at the latest: two seconds, and as much again for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(4);
/// When everything must be back after the fault has ended.
const BACK: Duration = Duration::from_secs(15);

/// The series of each source that the checks look at.
const OF_CLUSTER: [&str; 2] = ["ready", "replicas"];
const OF_REDIS: [&str; 2] = ["depth", "enqueued"];
const OF_METRICS: [&str; 1] = ["external_metric"];

/// A page: its stream, and what the stream last said.
struct Page {
    events: Events,
    sample: Value,
    health: Value,
    deployment: Value,
}

impl Page {
    async fn open(talk: &Talk) -> Self {
        Self {
            events: talk.events().await,
            sample: Value::Null,
            health: Value::Null,
            deployment: Value::Null,
        }
    }

    /// Takes the next event in.
    async fn hear(&mut self) {
        let (event, data) = self.events.next().await.expect("the stream goes on");
        match event.as_str() {
            "snapshot" => {
                self.sample = data["sample"].clone();
                self.health = data["health"].clone();
                self.deployment = data["deployment"].clone();
            }
            "sample" => self.sample = data,
            "health" => self.health = data["sources"].clone(),
            "deployment" => self.deployment = data,
            _ => {}
        }
    }

    /// Reads until the page shows what is wanted; how long that took.
    async fn until(
        &mut self,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&Self) -> bool,
    ) -> Duration {
        let from = Instant::now();
        while !wanted(self) {
            let left = limit.saturating_sub(from.elapsed());
            if tokio::time::timeout(left, self.hear()).await.is_err() {
                panic!(
                    "{what}: not within {limit:?}; {} {}",
                    self.sample, self.health
                );
            }
        }
        from.elapsed()
    }

    fn knows(&self, series: &[&str]) -> bool {
        series.iter().all(|name| self.sample[name].is_number())
    }

    fn knows_nothing_of(&self, series: &[&str]) -> bool {
        self.sample.is_object() && series.iter().all(|name| self.sample[name].is_null())
    }

    fn light(&self, source: &str) -> &Value {
        let mut lights = self.health.as_array().into_iter().flatten();
        lights
            .find(|light| light["name"] == source)
            .unwrap_or(&Value::Null)
    }

    /// Waits until the source's numbers are gone and its light says why, and since when.
    async fn loses(&mut self, source: &str, series: &[&str], reasons: &[&str]) {
        let before = self.sample["t"].as_i64().unwrap();
        let took = self
            .until(AT_ONCE, &format!("{source} is lost"), |page| {
                page.knows_nothing_of(series) && page.light(source)["ok"] == false
            })
            .await;
        let light = self.light(source);
        let reason = light["reason"].as_str().unwrap();
        assert!(
            reasons.iter().any(|wanted| reason.contains(wanted)),
            "{source} after {took:?}: {reason}"
        );
        let since = light["since"].as_i64().unwrap();
        assert!(since >= before - 1_000, "{since} is before {before}");
    }

    /// Waits until the source's numbers are back and its light is on.
    async fn finds(&mut self, source: &str, series: &[&str]) {
        self.until(BACK, &format!("{source} is back"), |page| {
            page.knows(series) && page.light(source)["ok"] == true
        })
        .await;
    }
}

/// How often the log calls the source away, and back.
fn told(log: &Log, source: &str) -> (usize, usize) {
    let lines = log.lines();
    let count = |words: &str| {
        let words = format!("{source} is {words}");
        lines.iter().filter(|line| line.contains(&words)).count()
    };
    (count("away"), count("back"))
}

/// The history that a page gets when it connects now: `t` rises, and `series` has a gap between two known stretches.
async fn history_has_a_gap(talk: &Talk, series: &str) {
    let mut events = talk.events().await;
    let snapshot = events
        .until(Duration::from_secs(5), |event, _| event == "snapshot")
        .await;
    let column = |name: &str| snapshot["samples"][name].as_array().unwrap().clone();
    let times: Vec<_> = column("t").iter().map(|t| t.as_i64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let known: Vec<bool> = column(series).iter().map(Value::is_number).collect();
    let first = known.iter().position(|known| *known).expect("known once");
    let gap = known[first..].iter().position(|known| !known);
    let gap = first + gap.unwrap_or_else(|| panic!("{series} has no gap: {known:?}"));
    assert!(
        known[gap..].contains(&true),
        "{series} is not back: {known:?}"
    );
}
