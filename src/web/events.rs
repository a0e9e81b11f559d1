//! `/events`: the one stream of a page, as server-sent events.
//!
//! The frames come encoded from the hub. A browser that reads too slowly skips to a fresh snapshot; one that comes back
//! with `Last-Event-ID` gets what it missed. The stream ends by itself at shutdown, or the server could not.
//!
//! `/events?window=w-1&kind=presenter` in the speaker's session is a stream of the speaker's: it says that the window is
//! there, which is what its right to drive hangs on, and it is not counted as a viewer. It ends when the speaker's key
//! is changed; the browser comes back by itself, as the speaker's if it has the new session and as a viewer if not.

use super::auth::{MaybeTenure, Tenure};
use super::error::Error;
use super::position;
use crate::live::hub::{Frame, Hub, Viewer};
use crate::live::room::{Presence, Room};
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// A comment this often keeps proxies from closing a quiet stream.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long the browser waits before it reconnects.
const RETRY: &[u8] = b"retry: 1000\n\n";

struct Reader {
    hub: Hub,
    waiting: VecDeque<Bytes>,
    frames: broadcast::Receiver<Frame>,
    shutdown: CancellationToken,
    who: Who,
}

/// Whose stream it is, for as long as it is open.
enum Who {
    Audience(Viewer),
    Speaker {
        #[expect(dead_code, reason = "its life is its meaning")]
        presence: Presence,
        tenure: Tenure,
    },
}

impl Who {
    /// Waits until the stream is theirs no more.
    async fn is_deposed(&mut self) {
        match self {
            Self::Audience(_) => std::future::pending().await,
            Self::Speaker { tenure, .. } => tenure.ended().await,
        }
    }
}

/// Which of the speaker's windows asks. Its `kind` is for the reader of a log.
#[derive(Deserialize)]
pub struct Asking {
    window: Option<String>,
}

/// The stream of one browser.
///
/// # Errors
/// [`Error::Input`], as JSON, when the window's id is none.
pub async fn stream(
    State(hub): State<Hub>,
    State(room): State<Room>,
    State(shutdown): State<CancellationToken>,
    MaybeTenure(tenure): MaybeTenure,
    Query(asking): Query<Asking>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let window = asking.window.filter(|_| tenure.is_some());
    let window = window.map(|id| position::window(&id)).transpose();
    let who = match (window.map_err(Error::into_json)?, tenure) {
        (Some(window), Some(tenure)) => Who::Speaker {
            presence: room.enter(window),
            tenure,
        },
        _ => Who::Audience(hub.watch()),
    };
    let last_seen = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let subscription = hub.subscribe(last_seen);
    let mut waiting = VecDeque::from([Bytes::from_static(RETRY)]);
    waiting.extend(subscription.first.into_iter().map(|frame| frame.bytes));
    let reader = Reader {
        hub,
        waiting,
        frames: subscription.then,
        shutdown,
        who,
    };
    let frames = stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

impl Reader {
    /// What to send next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(bytes) = self.waiting.pop_front() {
            return Some(bytes);
        }
        tokio::select! {
            () = self.shutdown.cancelled() => None,
            () = self.who.is_deposed() => None,
            () = tokio::time::sleep(HEARTBEAT) => Some(Bytes::from_static(b": still here\n\n")),
            frame = self.frames.recv() => match frame {
                Ok(frame) => {
                    if let Who::Audience(viewer) = &self.who {
                        viewer.took(&frame);
                    }
                    Some(frame.bytes)
                }
                Err(RecvError::Lagged(_)) => {
                    let fresh = self.hub.subscribe(None);
                    self.frames = fresh.then;
                    self.waiting.extend(fresh.first.into_iter().map(|frame| frame.bytes));
                    self.waiting.pop_front()
                }
                Err(RecvError::Closed) => None,
            },
        }
    }
}
