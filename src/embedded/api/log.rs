//! `pods/log`: what a container printed, and with `follow` what it prints from now on.

use super::error::ApiError;
use super::request::{Query, Target};
use crate::embedded::logs::{Line, Logs};
use crate::embedded::store::{self, Store, StoreError};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use std::convert::Infallible;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

/// `GET …/pods/{name}/log`.
pub(super) fn log(
    store: &Store,
    logs: &Logs,
    target: &Target,
    query: &Query,
    shutdown: CancellationToken,
) -> Result<Response, ApiError> {
    let key = target.key(target.name.as_deref().unwrap_or_default());
    let pod = store.get(&key).ok_or(StoreError::NotFound(key))?;
    let container = container(&pod, query.text("container"))?;
    let run = run(&pod, container, query.flag("previous"))?;
    let uid = store::uid(&pod);
    // Subscribe before reading, so that a line printed in between is seen.
    let growth = logs.follow(uid, container);
    let mut lines = lines_of(logs, uid, container, run);
    let next = lines
        .last()
        .map_or(logs.runs(uid, container).current, |line| line.number + 1);
    narrow(&mut lines, query, store.clock().now_ms())?;
    let timestamps = query.flag("timestamps");
    let first = text(&lines, timestamps);
    let body = if query.flag("follow") && run == Run::Last {
        let follower = Follower {
            logs: logs.clone(),
            uid: uid.to_owned(),
            container: container.to_owned(),
            next,
            growth,
            timestamps,
            first: Some(first),
            shutdown,
        };
        Body::from_stream(futures::stream::unfold(
            follower,
            |mut follower| async move {
                let text = follower.next().await?;
                Some((Ok::<Bytes, Infallible>(text), follower))
            },
        ))
    } else {
        Body::from(first)
    };
    Ok(([(CONTENT_TYPE, "text/plain")], body).into_response())
}

/// Leaves the lines that `sinceSeconds` and `tailLines` ask for.
fn narrow(lines: &mut Vec<Line>, query: &Query, now_ms: i64) -> Result<(), ApiError> {
    if let Some(seconds) = query.number("sinceSeconds")? {
        let back_ms = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let since = now_ms.saturating_sub(back_ms);
        lines.retain(|line| line.at_ms >= since);
    }
    if let Some(tail) = query
        .number("tailLines")?
        .and_then(|tail| usize::try_from(tail).ok())
    {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    Ok(())
}

/// Which container is meant.
fn container<'a>(pod: &'a Value, asked: &str) -> Result<&'a str, ApiError> {
    let names: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .collect();
    let pod = store::name(pod);
    match (asked, names.as_slice()) {
        ("", [only]) => Ok(only),
        ("", several) => Err(ApiError::BadRequest(format!(
            "a container name must be specified for pod {pod}, choose one of: [{}]",
            several.join(" ")
        ))),
        (name, names) => names
            .iter()
            .find(|known| **known == name)
            .copied()
            .ok_or_else(|| {
                ApiError::BadRequest(format!("container {name} is not valid for pod {pod}"))
            }),
    }
}

/// Which run of a container is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// The one that runs, or ran last.
    Last,
    /// The one before it.
    Previous,
}

fn lines_of(logs: &Logs, uid: &str, container: &str, run: Run) -> Vec<Line> {
    let runs = logs.runs(uid, container);
    match run {
        Run::Last => logs.read(uid, container, runs.current),
        Run::Previous => {
            let mut lines = logs.read(uid, container, runs.previous);
            lines.retain(|line| line.number < runs.current);
            lines
        }
    }
}

/// The run that is asked for; a container that never ran has no log, and one that ran once no previous one.
fn run(pod: &Value, container: &str, previous: bool) -> Result<Run, ApiError> {
    let status = pod["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|status| status["name"] == container)
        .unwrap_or(&Value::Null);
    let name = store::name(pod);
    let state = &status["state"];
    if previous {
        if !status["lastState"]["terminated"].is_object() {
            return Err(ApiError::BadRequest(format!(
                "previous terminated container \"{container}\" in pod \"{name}\" not found"
            )));
        }
        // Between two runs the one that ended last is the previous one.
        let waits = state["waiting"].is_object();
        return Ok(if waits { Run::Last } else { Run::Previous });
    }
    let ran = state["running"].is_object()
        || state["terminated"].is_object()
        || status["lastState"]["terminated"].is_object();
    if ran {
        return Ok(Run::Last);
    }
    let reason = state["waiting"]["reason"]
        .as_str()
        .unwrap_or("ContainerCreating");
    let verb = if matches!(reason, "ContainerCreating" | "PodInitializing") {
        "is waiting to start"
    } else {
        "is waiting to start: trying and failing"
    };
    Err(ApiError::BadRequest(format!(
        "container \"{container}\" in pod \"{name}\" {verb}: {reason}"
    )))
}

fn text(lines: &[Line], timestamps: bool) -> Bytes {
    let mut text = String::new();
    for line in lines {
        if timestamps {
            let at = Timestamp::from_millisecond(line.at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
            text.push_str(&at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ ").to_string());
        }
        text.push_str(&line.text);
        text.push('\n');
    }
    text.into()
}

/// A client that follows: a position in the log, never a buffer.
struct Follower {
    logs: Logs,
    uid: String,
    container: String,
    next: u64,
    growth: Receiver<(u64, bool)>,
    timestamps: bool,
    first: Option<Bytes>,
    shutdown: CancellationToken,
}

impl Follower {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Some(first);
        }
        loop {
            let (end, finished) = *self.growth.borrow_and_update();
            let lines = self.logs.read(&self.uid, &self.container, self.next);
            self.next = lines
                .last()
                .map_or(self.next.max(end), |line| line.number + 1);
            if !lines.is_empty() {
                return Some(text(&lines, self.timestamps));
            }
            if finished {
                return None;
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                changed = self.growth.changed() => changed.ok()?,
            }
        }
    }
}
