//! Errors as the visitor sees them: a page for people, JSON for scripts, nothing of our entrails for either.

use super::auth::wants_json;
use crate::stage::actions::{Busy, NotRunning};
use crate::stage::contested::FieldConflict;
use crate::stage::dead_letters::{LetterError, Trouble};
use crate::stage::spike::BadInput;
use askama::Template;
use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;
use std::io;
use std::time::Duration;

/// What can be wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such page.
    #[error("{what}")]
    NotFound {
        /// What was asked for, in words.
        what: String,
        /// Where to go instead.
        remedy: String,
    },
    /// The speaker alone may do this.
    #[error("this needs the speaker's key")]
    NotSpeaker,
    /// Too many wrong keys came from this address; it has to wait this long.
    #[error("too many wrong keys came from your address")]
    TooManyKeys(Duration),
    /// There is no new key, because nobody could be told.
    #[error("the speaker's key was not changed: {0}")]
    NotRotated(io::Error),
    /// The request came from another site.
    #[error("this request came from {0}, which is not this server")]
    ForeignOrigin(String),
    /// The request names a host that is not us.
    #[error("this server does not answer to the name {0:?}")]
    UnknownHost(String),
    /// A field cannot be used.
    #[error(transparent)]
    Input(#[from] BadInput),
    /// Another action stands in the way.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// A dead letter could not be handled.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// There is nothing to cancel.
    #[error(transparent)]
    NotRunning(#[from] NotRunning),
    /// Fields shall be taken over as they were shown, which is not how they are now. Those that the last deployment found.
    #[error("what others have set was looked at again since this page showed it")]
    Outdated(Vec<FieldConflict>),
    /// The body is neither a form nor JSON, or is malformed.
    #[error("the request cannot be read: {0}")]
    Unreadable(String),
    /// A page could not be put together.
    #[error("this page could not be put together")]
    Rendering(#[from] askama::Error),
}

impl Error {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::NotSpeaker => StatusCode::UNAUTHORIZED,
            Self::TooManyKeys(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotRotated(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ForeignOrigin(_) => StatusCode::FORBIDDEN,
            Self::UnknownHost(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Input(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy(_) | Self::NotRunning(_) | Self::Outdated(_) => StatusCode::CONFLICT,
            Self::Letter(error) => match error.trouble() {
                Trouble::Gone => StatusCode::NOT_FOUND,
                Trouble::Refused => StatusCode::CONFLICT,
                Trouble::Away => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Rendering(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotFound { remedy, .. } => remedy.clone(),
            Self::NotSpeaker => {
                "Open the speaker's link that `podium serve` printed, or send its key as `Authorization: Bearer KEY`."
                    .to_owned()
            }
            Self::TooManyKeys(wait) => {
                let (_, seconds) = retry_after(*wait);
                format!(
                    "Try again in {seconds} s. A browser that is logged in goes on working, and the printed link opens on the machine that Podium runs on, whatever others try."
                )
            }
            Self::NotRotated(_) => {
                "The old link still opens. Make room or rights for Podium's state folder, then try again.".to_owned()
            }
            Self::ForeignOrigin(_) => "Press the button on Podium's own page.".to_owned(),
            Self::UnknownHost(_) => {
                "Use the address that `podium serve` printed.".to_owned()
            }
            Self::Input(input) => input.remedy.clone(),
            Self::Busy(_) => "Wait until it is done, or cancel it.".to_owned(),
            Self::NotRunning(_) => {
                "It may have ended a moment ago: see what happened.".to_owned()
            }
            Self::Outdated(_) => {
                "Press Deploy: it names what is in the way now, if anything is.".to_owned()
            }
            Self::Letter(error) => error.in_two().1,
            Self::Unreadable(_) => {
                "Send a form or a JSON object with the fields that the action takes.".to_owned()
            }
            Self::Rendering(_) => "Reload; if it stays, look at the server's log.".to_owned(),
        }
    }

    /// What is wrong, without the remedy.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Input(input) => format!("{} {:?} cannot be used", input.field, input.value),
            Self::Letter(error) => error.in_two().0,
            other => other.to_string(),
        }
    }

    /// The answer in the form that the request prefers.
    #[must_use]
    pub fn answer(self, headers: &HeaderMap) -> Response {
        if wants_json(headers) {
            self.into_json()
        } else {
            self.into_response()
        }
    }

    fn wait(&self) -> Option<[(HeaderName, String); 1]> {
        match self {
            Self::TooManyKeys(wait) => Some([retry_after(*wait).0]),
            _ => None,
        }
    }

    /// The answer for scripts.
    #[must_use]
    pub fn into_json(self) -> Response {
        let (field, value) = match &self {
            Self::Input(input) => (Some(input.field), Some(input.value.clone())),
            _ => (None, None),
        };
        let mut body = json!({"error": {
            "message": self.message(), "field": field, "value": value, "remedy": self.remedy(),
        }});
        if let Self::Outdated(contested) = &self {
            body["error"]["contested"] = json!(contested);
        }
        (self.status(), self.wait(), axum::Json(body)).into_response()
    }
}

/// A wait as `Retry-After` tells it: in whole seconds, rounded up, so that who obeys is not early.
pub(super) fn retry_after(wait: Duration) -> ((HeaderName, String), u64) {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    ((RETRY_AFTER, seconds.to_string()), seconds)
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    status: u16,
    title: String,
    message: String,
    remedy: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = ?self, "request failed");
        }
        let page = ErrorPage {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            message: self.message(),
            remedy: self.remedy(),
        };
        match page.render() {
            Ok(page) => (status, self.wait(), Html(page)).into_response(),
            Err(_) => (status, self.to_string()).into_response(),
        }
    }
}
