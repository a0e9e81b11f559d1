//! Watching: the change log as a stream of events, one JSON line each.
//!
//! A watch starts at a resource version, or (without one, or with `0`) from the objects as they are, shown as ADDED.
//! Selectors are evaluated on both sides of every change: an object that begins to match is ADDED, one that ceases to
//! is DELETED. A watch that the log has left behind ends with an ERROR event that carries a 410 Status, on which every
//! client lists again. The stream ends by itself at `timeoutSeconds` and at shutdown.

use super::convert;
use super::error::ApiError;
use super::read;
use super::request::{Form, Query, Target};
use super::selector::Selector;
use super::table;
use crate::embedded::store::{Change, ChangeKind, Object, Store, StoreError, Watch};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Interval, Sleep};
use tokio_util::sync::CancellationToken;

/// How often a client that allows bookmarks gets one: as the API server, about once a minute.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);

/// A running watch: what it selects, how it shows it, and what waits to be written.
struct Stream {
    store: Store,
    target: Target,
    query: Query,
    form: Form,
    selector: Selector,
    watch: Option<Watch>,
    pending: VecDeque<Bytes>,
    columns_sent: bool,
    bookmarks: Option<Interval>,
    end: Pin<Box<Sleep>>,
    shutdown: CancellationToken,
}

/// `GET …?watch=true`.
pub(super) fn watch(
    store: &Store,
    target: Target,
    query: Query,
    form: Form,
    shutdown: CancellationToken,
) -> Result<Response, ApiError> {
    let selector = query.selector(target.kind)?;
    let timeout = query.watch_timeout()?;
    let version = query.number("resourceVersion")?.unwrap_or(0);
    let initial = query.flag("sendInitialEvents");
    if initial && query.text("resourceVersionMatch") != "NotOlderThan" {
        return Err(ApiError::BadRequest(
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan".to_owned(),
        ));
    }
    let bookmarks = query.flag("allowWatchBookmarks").then(|| {
        let start = tokio::time::Instant::now() + BOOKMARK_PERIOD;
        tokio::time::interval_at(start, BOOKMARK_PERIOD)
    });
    let mut stream = Stream {
        store: store.clone(),
        target,
        query,
        form,
        selector,
        watch: None,
        pending: VecDeque::new(),
        columns_sent: false,
        bookmarks,
        end: Box::pin(tokio::time::sleep(timeout)),
        shutdown,
    };
    stream.begin(version, initial);
    let body = futures::stream::unfold(stream, |mut stream| async move {
        let line = stream.next().await?;
        Some((Ok::<Bytes, Infallible>(line), stream))
    });
    Ok((
        [(CONTENT_TYPE, "application/json")],
        Body::from_stream(body),
    )
        .into_response())
}

impl Stream {
    fn begin(&mut self, version: u64, initial: bool) {
        let from = if version == 0 || initial {
            let (objects, now) = self
                .store
                .list(self.target.kind.resource, self.target.namespace.as_deref());
            for object in objects {
                if self.selector.matches(&object) {
                    self.show("ADDED", &object);
                }
            }
            if initial {
                self.bookmark(now, true);
            }
            now
        } else {
            version
        };
        // A version from the future is one of an earlier life of this server: the client must list again.
        let watch = if from > self.store.version() {
            Err(StoreError::Expired {
                requested: from,
                oldest: self.store.version(),
            })
        } else {
            self.store.watch(from)
        };
        match watch {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => self.fail(error),
        }
    }

    /// The next line; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                return Some(line);
            }
            let watch = self.watch.as_mut()?;
            let position = watch.position();
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return None,
                () = &mut self.end => return None,
                change = watch.next() => match change {
                    Ok(change) => self.tell(&change),
                    Err(error) => self.fail(error),
                },
                () = tick(self.bookmarks.as_mut()) => self.bookmark(position, false),
            }
        }
    }

    fn tell(&mut self, change: &Change) {
        let elsewhere = change.key.resource != self.target.kind.resource
            || self
                .target
                .namespace
                .as_ref()
                .is_some_and(|namespace| *namespace != change.key.namespace);
        if elsewhere {
            return;
        }
        let before = change
            .previous
            .as_ref()
            .is_some_and(|previous| self.selector.matches(previous));
        let after = change.kind != ChangeKind::Deleted && self.selector.matches(&change.object);
        match (before, after) {
            (false, true) => self.show("ADDED", &change.object),
            (true, true) => self.show("MODIFIED", &change.object),
            (true, false) => self.show("DELETED", &change.object),
            (false, false) => {}
        }
    }

    fn show(&mut self, event: &str, object: &Object) {
        let shown = match self.form {
            Form::Object => convert::outward(self.target.kind, object),
            Form::Metadata => read::metadata_of(object),
            Form::Table => {
                let version = object["metadata"]["resourceVersion"].clone();
                let metadata = json!({"resourceVersion": version});
                let now = self.store.clock().now_ms();
                let mut table = table::table(
                    self.target.kind,
                    std::slice::from_ref(object),
                    &metadata,
                    &self.query,
                    now,
                );
                if self.columns_sent {
                    table["columnDefinitions"] = Value::Null;
                }
                self.columns_sent = true;
                table
            }
        };
        self.push(event, &shown);
    }

    fn bookmark(&mut self, version: u64, initial_events_end: bool) {
        let kind = self.target.kind;
        let mut object = json!({
            "kind": kind.kind,
            "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null},
        });
        if initial_events_end {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        self.push("BOOKMARK", &object);
    }

    fn fail(&mut self, error: StoreError) {
        self.watch = None;
        self.push("ERROR", &ApiError::from(error).status());
    }

    fn push(&mut self, event: &str, object: &Value) {
        let mut line = json!({"type": event, "object": object}).to_string();
        line.push('\n');
        self.pending.push_back(line.into());
    }
}

async fn tick(interval: Option<&mut Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}
