//! Why a request was refused, and the `Status` object that says so.
//!
//! `kubectl` builds its own sentences from `reason` and `details`, so these matter as much as the message: an invalid
//! object's causes become the list under "The Deployment … is invalid". Reasons and texts are the API server's.

use super::attributes::{Attributes, On};
use super::identity::User;
use super::kind::Kind;
use super::managers::Conflict;
use crate::embedded::store::{Key, StoreError};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, …
    pub(super) reason: &'static str,
    /// Path of the field: `spec.template.metadata.labels`.
    pub(super) field: String,
    /// What is wrong, starting with `Invalid value: …` or `Required value`.
    pub(super) message: String,
}

impl Cause {
    /// `field` has a value that it must not have.
    pub(super) fn invalid(field: &str, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.to_owned(),
            message: format!("Invalid value: {value}: {why}"),
        }
    }

    fn shown(&self) -> Value {
        json!({"reason": self.reason, "field": self.field, "message": self.message})
    }

    /// `field` must not be given.
    pub(super) fn forbidden(field: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.to_owned(),
            message: format!("Forbidden: {why}"),
        }
    }

    /// `field` has a value that is none of those it may have.
    pub(super) fn unsupported(field: &str, value: &str, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        Self {
            reason: "FieldValueNotSupported",
            field: field.to_owned(),
            message: format!(
                "Unsupported value: {value:?}: supported values: {}",
                supported.join(", ")
            ),
        }
    }

    /// `field` must be given.
    pub(super) fn required(field: &str, why: &str) -> Self {
        let message = if why.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {why}")
        };
        Self {
            reason: "FieldValueRequired",
            field: field.to_owned(),
            message,
        }
    }
}

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such path, group, version or resource.
    #[error("the server could not find the requested resource")]
    NoSuchResource,
    /// The path exists; the verb does not.
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// No or a wrong bearer token.
    #[error("Unauthorized")]
    Unauthorized,
    /// The request cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// Admission said no.
    #[error("{message}")]
    Forbidden {
        /// Which object, when it is one.
        key: Option<Key>,
        /// The whole sentence.
        message: String,
    },
    /// No rule allows it.
    #[error("{}", denied_text(asked, why))]
    Denied {
        /// What was asked.
        asked: Box<Attributes>,
        /// The sentence that says who may not do what.
        why: String,
    },
    /// What a request that is no object asks for breaks the rules.
    #[error("{kind}.{group} {name:?} is invalid: {}: {}", cause.field, cause.message)]
    InvalidRequest {
        /// The API group.
        group: &'static str,
        /// `TokenRequest`
        kind: &'static str,
        /// The object that it is about.
        name: String,
        /// The broken rule.
        cause: Cause,
    },
    /// The object breaks its kind's rules.
    #[error("{}", invalid_text(kind, name, causes))]
    Invalid {
        /// The object's kind.
        kind: &'static Kind,
        /// The object's name.
        name: String,
        /// Every broken rule.
        causes: Vec<Cause>,
    },
    /// The options of a request break their rules.
    #[error("{kind}.meta.k8s.io \"\" is invalid: {}: {}", cause.field, cause.message)]
    InvalidOptions {
        /// `PatchOptions`, `CreateOptions`, …
        kind: &'static str,
        /// The broken rule.
        cause: Cause,
    },
    /// An apply that would change fields of others.
    #[error("{}", conflict_text(.0))]
    ApplyConflict(Vec<Conflict>),
    /// A patch that does not apply.
    #[error("the server rejected our request due to an error in our request")]
    BadPatch,
    /// A patch whose result is not an object of its kind.
    #[error("patch: {0}")]
    PatchedNonsense(String),
    /// The body is in a format that is not served.
    #[error("the body of the request was in an unknown format - accepted media types include: {0}")]
    UnsupportedMediaType(&'static str),
    /// The client takes no form that is served.
    #[error(
        "only the following media types are accepted: application/json, application/json;stream=watch"
    )]
    NotAcceptable,
    /// The next page of a list whose state the log has left behind; clients start the list over.
    #[error(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
    )]
    ContinueExpired,
    /// A list at a version that the log has left behind.
    #[error("The resourceVersion for the provided list is too old.")]
    ListExpired,
    /// A version that is not there yet: the API server waits for it in vain.
    #[error("Timeout: Too large resource version: {wanted}, current: {current}")]
    VersionTooLarge {
        /// What the client asked for.
        wanted: u64,
        /// The newest.
        current: u64,
    },
    /// The body is larger than the API server's limit.
    #[error("Request entity too large: limit is {0}")]
    TooLarge(usize),
    /// Something behind the API failed; upstream answers 500 without a reason.
    #[error("{0}")]
    Internal(String),
}

fn invalid_text(kind: &Kind, name: &str, causes: &[Cause]) -> String {
    let group = if kind.group.is_empty() {
        String::new()
    } else {
        format!(".{}", kind.group)
    };
    let list: Vec<String> = causes
        .iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    let list = match list.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    format!("{}{group} \"{name}\" is invalid: {list}", kind.kind)
}

fn denied_text(asked: &Attributes, why: &str) -> String {
    match &asked.on {
        On::Path(_) => format!("forbidden: {why}"),
        On::Resource(resource) if resource.name.is_empty() => {
            format!("{} is forbidden: {why}", resource.with_group())
        }
        On::Resource(resource) => {
            let name = &resource.name;
            format!("{} {name:?} is forbidden: {why}", resource.with_group())
        }
    }
}

fn conflict_text(conflicts: &[Conflict]) -> String {
    let all: Vec<(&str, Vec<String>)> = conflicts
        .iter()
        .map(|conflict| (conflict.manager.as_str(), conflict.fields.paths()))
        .collect();
    let count: usize = all.iter().map(|(_, fields)| fields.len()).sum();
    if let ([(manager, fields)], 1) = (all.as_slice(), count) {
        return format!(
            "Apply failed with 1 conflict: conflict with {manager}: {}",
            fields[0]
        );
    }
    let lines: Vec<String> = all
        .iter()
        .map(|(manager, fields)| format!("conflicts with {manager}:\n- {}", fields.join("\n- ")))
        .collect();
    format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
}

impl ApiError {
    /// That `user` may not do what was asked; `reason` says what went wrong in looking for a rule, or is empty.
    pub(super) fn denied(user: &User, asked: &Attributes, reason: &str) -> Self {
        let mut why = asked.refusal(&user.name);
        if !reason.is_empty() {
            why = format!("{why}: {reason}");
        }
        Self::Denied {
            asked: Box::new(asked.clone()),
            why,
        }
    }

    fn code(&self) -> u16 {
        match self {
            Self::Store(StoreError::NotFound(_)) | Self::NoSuchResource => 404,
            Self::Store(
                StoreError::AlreadyExists(_)
                | StoreError::Conflict(_)
                | StoreError::WrongUid { .. },
            )
            | Self::ApplyConflict(_) => 409,
            Self::Store(StoreError::Expired { .. }) | Self::ContinueExpired | Self::ListExpired => {
                410
            }
            Self::NotAcceptable => 406,
            Self::VersionTooLarge { .. } => 504,
            Self::Store(StoreError::Rejected(_)) | Self::Internal(_) => 500,
            Self::MethodNotAllowed => 405,
            Self::Unauthorized => 401,
            Self::BadRequest(_) => 400,
            Self::Forbidden { .. } | Self::Denied { .. } => 403,
            Self::Invalid { .. }
            | Self::InvalidRequest { .. }
            | Self::InvalidOptions { .. }
            | Self::BadPatch
            | Self::PatchedNonsense(_) => 422,
            Self::UnsupportedMediaType(_) => 415,
            Self::TooLarge(_) => 413,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Store(StoreError::NotFound(_)) | Self::NoSuchResource => "NotFound",
            Self::Store(StoreError::AlreadyExists(_)) => "AlreadyExists",
            Self::Store(StoreError::Conflict(_) | StoreError::WrongUid { .. })
            | Self::ApplyConflict(_) => "Conflict",
            Self::Store(StoreError::Expired { .. }) | Self::ContinueExpired | Self::ListExpired => {
                "Expired"
            }
            Self::NotAcceptable => "NotAcceptable",
            Self::VersionTooLarge { .. } => "Timeout",
            Self::Store(StoreError::Rejected(_)) | Self::Internal(_) => "",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Unauthorized => "Unauthorized",
            Self::BadRequest(_) => "BadRequest",
            Self::Forbidden { .. } | Self::Denied { .. } => "Forbidden",
            Self::Invalid { .. }
            | Self::InvalidRequest { .. }
            | Self::InvalidOptions { .. }
            | Self::BadPatch
            | Self::PatchedNonsense(_) => "Invalid",
            Self::UnsupportedMediaType(_) => "UnsupportedMediaType",
            Self::TooLarge(_) => "RequestEntityTooLarge",
        }
    }

    fn details(&self) -> Value {
        let of_key = |key: &Key| json!({"name": key.name, "group": key.resource.group, "kind": key.resource.plural});
        match self {
            Self::Store(
                StoreError::NotFound(key)
                | StoreError::AlreadyExists(key)
                | StoreError::Conflict(key),
            )
            | Self::Forbidden { key: Some(key), .. } => of_key(key),
            Self::Invalid { kind, name, causes } => {
                let causes: Vec<Value> = causes.iter().map(Cause::shown).collect();
                json!({"name": name, "group": kind.group, "kind": kind.kind, "causes": causes})
            }
            Self::Denied { asked, .. } => match &asked.on {
                On::Path(_) => json!({}),
                On::Resource(resource) => {
                    json!({"name": resource.name, "group": resource.group, "kind": resource.resource})
                }
            },
            Self::InvalidRequest {
                group,
                kind,
                name,
                cause,
            } => {
                json!({"name": name, "group": group, "kind": kind, "causes": [cause.shown()]})
            }
            Self::InvalidOptions { kind, cause } => {
                json!({"group": "meta.k8s.io", "kind": kind, "causes": [cause.shown()]})
            }
            Self::ApplyConflict(conflicts) => {
                let causes: Vec<Value> = conflicts
                    .iter()
                    .flat_map(|conflict| {
                        let message = format!("conflict with {}", conflict.manager);
                        conflict.fields.paths().into_iter().map(move |field| {
                            json!({"reason": "FieldManagerConflict", "message": message, "field": field})
                        })
                    })
                    .collect();
                json!({"causes": causes})
            }
            Self::PatchedNonsense(message) => {
                json!({"causes": [{"reason": "FieldValueInvalid", "field": "patch", "message": message}]})
            }
            Self::VersionTooLarge { .. } => {
                json!({"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1})
            }
            Self::BadPatch | Self::NoSuchResource | Self::MethodNotAllowed => json!({}),
            _ => Value::Null,
        }
    }

    /// The `Status` object that tells the client.
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.to_string(),
            "code": self.code(),
        });
        if !self.reason().is_empty() {
            status["reason"] = json!(self.reason());
        }
        let details = self.details();
        if !details.is_null() {
            status["details"] = details;
        }
        status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if code.is_server_error() {
            tracing::warn!(error = %self, "the embedded Kubernetes API failed a request");
        }
        (code, axum::Json(self.status())).into_response()
    }
}
