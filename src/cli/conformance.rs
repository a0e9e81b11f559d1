//! `podium conformance hpa FILE`: replays recorded decisions of the real HPA controller through our rules.
//!
//! In: a file of series, each an HPA spec and one observation a sync with what the real controller made of it. Out: a
//! line for every field in which ours differs, then `N decisions, M differ`. The replayed target is always what the
//! recording says, so that one wrong decision shows as one difference and does not drag the rest along.

use crate::autoscale::hpa::{self, Memory, Observation, Pods, Spec};
use crate::autoscale::quantity::Quantity;
use crate::autoscale::{Event, Severity};
use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    name: String,
    hpa_spec: Value,
    ticks: Vec<Tick>,
}

/// One recorded sync: what the controller saw, and what it did.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tick {
    at_ms: i64,
    spec_replicas: i32,
    status_replicas: i32,
    metric: Option<String>,
    desired: i32,
    event: Option<String>,
    current: Option<String>,
    #[serde(default)]
    conditions: BTreeMap<String, String>,
}

/// What a sync shows to the outside, in the recording's form.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    desired: i32,
    event: String,
    current: String,
    conditions: BTreeMap<String, String>,
}

/// Replays the series in `file` and writes the differences and the count to `out`; `verbose` also writes a line for
/// each series. `true` when nothing differs.
///
/// # Errors
/// When the file cannot be read or is not of this form, or `out` cannot be written.
pub fn run(file: &Path, verbose: bool, out: &mut impl Write) -> anyhow::Result<bool> {
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let all: Vec<Series> = serde_json::from_str(&text)
        .with_context(|| format!("{name} is not a file of recorded HPA decisions"))?;
    let (mut decisions, mut differ) = (0, 0);
    for series in &all {
        let spec = Spec::from_json(&series.hpa_spec)
            .with_context(|| format!("{name}: series {}", series.name))?;
        let wrong = replay(series, &spec, out)?;
        if verbose {
            let count = series.ticks.len();
            writeln!(out, "{}: {count} decisions, {wrong} differ", series.name)?;
        }
        decisions += series.ticks.len();
        differ += wrong;
    }
    writeln!(out, "{decisions} decisions, {differ} differ")?;
    Ok(differ == 0)
}

/// The number of decisions of one series that differ, each difference written to `out`.
fn replay(series: &Series, spec: &Spec, out: &mut impl Write) -> anyhow::Result<usize> {
    let mut memory = Memory::default();
    // Conditions that a sync does not touch keep what an earlier one set.
    let mut conditions = BTreeMap::new();
    let mut wrong = 0;
    for tick in &series.ticks {
        let ours = decide(series, spec, &mut memory, &mut conditions, tick)?;
        let differences = differences(tick, &ours);
        for (field, expected, ours) in &differences {
            writeln!(
                out,
                "{} at {} ms: {field}: expected {expected:?}, ours {ours:?}",
                series.name, tick.at_ms
            )?;
        }
        wrong += usize::from(!differences.is_empty());
    }
    Ok(wrong)
}

fn decide(
    series: &Series,
    spec: &Spec,
    memory: &mut Memory,
    conditions: &mut BTreeMap<String, String>,
    tick: &Tick,
) -> anyhow::Result<Outcome> {
    let metric = metric(series, tick)?;
    let pods = u32::try_from(tick.status_replicas).unwrap_or(0);
    let seen = Observation {
        now_ms: tick.at_ms,
        namespace: "keda-demo",
        spec_replicas: tick.spec_replicas,
        status_replicas: tick.status_replicas,
        pods: Pods {
            matching: pods,
            ready: pods,
        },
        metrics: vec![metric; spec.metrics.len()],
    };
    let mut decision = hpa::sync(spec, memory, &seen);
    hpa::rescaled(spec, memory, tick.at_ms, &mut decision, Ok(()));
    for condition in &decision.conditions {
        let status = if condition.status { "True" } else { "False" };
        let text = format!("{status} {}", condition.reason);
        conditions.insert(condition.kind.name().to_owned(), text);
    }
    let events: Vec<String> = decision.events.iter().map(text).collect();
    let current = decision.metrics.first().and_then(|current| current.text());
    Ok(Outcome {
        desired: decision
            .rescale
            .map_or(tick.spec_replicas, |rescale| rescale.to),
        event: comparable(&events.join(" | ")),
        current: current.unwrap_or_default(),
        conditions: conditions.clone(),
    })
}

/// The metric's value in thousandths, or what the recorded controller got instead.
fn metric(series: &Series, tick: &Tick) -> anyhow::Result<Result<i64, String>> {
    let Some(text) = &tick.metric else {
        return Ok(Err(
            "no metrics returned from external metrics API".to_owned()
        ));
    };
    let quantity: Quantity = text
        .parse()
        .with_context(|| format!("{} at {} ms: metric {text:?}", series.name, tick.at_ms))?;
    Ok(Ok(quantity.milli()))
}

fn text(event: &Event) -> String {
    let severity = match event.severity {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    };
    format!("{severity} {} {}", event.reason, event.message)
}

/// Of Warning events only type and reason are compared: their texts quote whatever stood in for the metrics API.
fn comparable(events: &str) -> String {
    let events = events.split(" | ").map(|event| {
        if event.starts_with("Warning ") {
            event.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")
        } else {
            event.to_owned()
        }
    });
    events.collect::<Vec<_>>().join(" | ")
}

/// Field, expected, ours.
fn differences(tick: &Tick, ours: &Outcome) -> Vec<(String, String, String)> {
    let expected_event = comparable(tick.event.as_deref().unwrap_or_default());
    let mut pairs = vec![
        (
            "desired".to_owned(),
            tick.desired.to_string(),
            ours.desired.to_string(),
        ),
        ("event".to_owned(), expected_event, ours.event.clone()),
        (
            "current".to_owned(),
            tick.current.clone().unwrap_or_default(),
            ours.current.clone(),
        ),
    ];
    let kinds: std::collections::BTreeSet<&String> = tick
        .conditions
        .keys()
        .chain(ours.conditions.keys())
        .collect();
    for kind in kinds {
        let of = |conditions: &BTreeMap<String, String>| {
            conditions.get(kind).cloned().unwrap_or_default()
        };
        pairs.push((
            format!("condition {kind}"),
            of(&tick.conditions),
            of(&ours.conditions),
        ));
    }
    pairs.retain(|(_, expected, ours)| expected != ours);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/hpa-decisions.json"
    );

    fn replayed(file: &Path, verbose: bool) -> (bool, String) {
        let mut out = Vec::new();
        let equal = run(file, verbose, &mut out).unwrap();
        (equal, String::from_utf8(out).unwrap())
    }

    #[test]
    fn recorded_decisions_of_the_real_controller_come_out_the_same() {
        let (equal, out) = replayed(Path::new(RECORDED), false);
        assert_eq!(out, "188 decisions, 0 differ\n");
        assert!(equal);
    }

    #[test]
    fn a_decision_that_differs_is_named_with_its_field_and_time() {
        let text = std::fs::read_to_string(RECORDED).unwrap();
        let mut all: Value = serde_json::from_str(&text).unwrap();
        all[0]["ticks"][2]["desired"] = 99.into();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("altered.json");
        std::fs::write(&file, all.to_string()).unwrap();
        let (equal, out) = replayed(&file, true);
        assert!(!equal);
        assert!(
            out.contains("at 30000 ms: desired: expected \"99\", ours \"3\""),
            "{out}"
        );
        assert!(out.ends_with("188 decisions, 1 differ\n"), "{out}");
    }

    #[test]
    fn a_file_of_another_form_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.json");
        std::fs::write(&file, "{}").unwrap();
        let error = run(&file, false, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("other.json"), "{error}");
    }
}
