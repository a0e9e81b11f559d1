//! `POST /actions/{kind}`: the buttons, and `POST /actions/cancel`: the way back. Forms work without JavaScript and come
//! back to the control page; scripts send and get JSON.

use super::auth::{Speaker, wants_json};
use super::error::Error;
use super::pages::{self, Notice};
use crate::stage::action::Action;
use crate::stage::actions::{Actions, Command};
use crate::stage::contested::FieldConflict;
use crate::stage::demo::Conflicts;
use crate::stage::spike::{self, BadInput};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A button's fields by name, as text.
pub(super) type Fields = HashMap<String, String>;

/// Starts an action.
pub async fn act(
    _: Speaker,
    State(actions): State<Actions>,
    Path(kind): Path<String>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let started = fields(&parts, &body)
        .and_then(|fields| command(&kind, &fields, actions.last_deployment()))
        .and_then(|command| Ok(actions.start(command)?))
        .map(|action| json!({"action": action}));
    answer(started, &actions, &parts)
}

/// Stops the action whose number is the field `action`; without it, whatever runs.
pub async fn cancel(
    _: Speaker,
    State(actions): State<Actions>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let told = fields(&parts, &body)
        .and_then(|fields| numbered(&fields))
        .and_then(|id| Ok(actions.cancel(id)?))
        .map(|told| json!({"cancelling": told}));
    answer(told, &actions, &parts)
}

/// For scripts `result` as JSON; for forms the control page, with word of what went wrong.
fn answer(result: Result<Value, Error>, actions: &Actions, parts: &Parts) -> Response {
    if wants_json(&parts.headers) {
        return match result {
            Ok(body) => (StatusCode::ACCEPTED, axum::Json(body)).into_response(),
            Err(error) => error.into_json(),
        };
    }
    match result {
        Ok(_) => Redirect::to("/control").into_response(),
        Err(error) => {
            let status = error.status();
            let notice = Notice {
                message: error.message(),
                remedy: error.remedy(),
            };
            let page = pages::control_with(actions, Some(notice));
            (status, page).into_response()
        }
    }
}

/// The number of the action that a cancellation names.
fn numbered(fields: &Fields) -> Result<Option<u64>, Error> {
    let Some(text) = fields.get("action").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text.parse().map_err(|_| BadInput {
        field: "action",
        value: text.clone(),
        remedy: "give the number of an action that runs, or leave it away to cancel all".to_owned(),
    })?;
    Ok(Some(number))
}

/// The command that `kind` and its fields make; `last` is how the last deployment ended.
fn command(kind: &str, fields: &Fields, last: Option<Action>) -> Result<Command, Error> {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    Ok(match kind {
        "deploy" => Command::Deploy(match (field("take_over"), field("seen")) {
            ("yes", "") => Conflicts::TakeOver,
            ("yes", seen) => Conflicts::TakeOverOnly(seen_in(seen, last)?),
            _ => Conflicts::Refuse,
        }),
        "remove" => {
            confirmed("remove", field("confirm"))?;
            Command::Remove
        }
        "purge" => {
            confirmed("purge", field("confirm"))?;
            Command::Purge
        }
        "enqueue" => Command::Enqueue(spike::enqueue_request(
            field("count"),
            field("prefix"),
            field("delay_ms"),
        )?),
        "spike" => Command::Spike(spike::spike_request(field("count"))?),
        _ => {
            return Err(Error::NotFound {
                what: format!("There is no action {kind:?}"),
                remedy: "Actions are deploy, remove, enqueue, spike, purge and cancel.".to_owned(),
            });
        }
    })
}

/// The fields that the deployment number `seen` failed for, which must be the last one: what is taken over is what was
/// shown to whoever agreed to it.
fn seen_in(seen: &str, last: Option<Action>) -> Result<Vec<FieldConflict>, Error> {
    let contested = match last {
        Some(last) if last.id.to_string() == seen => return Ok(last.contested),
        Some(last) => last.contested,
        None => Vec::new(),
    };
    Err(Error::Outdated(contested))
}

/// What destroys must be confirmed.
pub(super) fn confirmed(what: &str, given: &str) -> Result<(), BadInput> {
    if given == "yes" {
        return Ok(());
    }
    Err(BadInput {
        field: "confirm",
        value: given.to_owned(),
        remedy: format!("{what} cannot be undone: tick the confirmation, or send confirm=yes"),
    })
}

/// The fields of a form or of a JSON object; none when there is no body.
pub(super) fn fields(parts: &Parts, body: &Bytes) -> Result<Fields, Error> {
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if body.is_empty() {
        return Ok(Fields::new());
    }
    if kind.starts_with("application/json") {
        let object: Option<HashMap<String, Value>> =
            serde_json::from_slice(body).map_err(|error| Error::Unreadable(error.to_string()))?;
        return Ok(object
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, plain(&value)))
            .collect());
    }
    let form = axum::extract::RawForm(body.clone());
    let uri = axum::http::Uri::builder()
        .path_and_query(format!("/?{}", String::from_utf8_lossy(&form.0)))
        .build()
        .map_err(|error| Error::Unreadable(error.to_string()))?;
    let query = axum::extract::Query::<Fields>::try_from_uri(&uri)
        .map_err(|error| Error::Unreadable(error.body_text()))?;
    Ok(query.0)
}

/// A JSON value as a form would have it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command of a button on a server that has not deployed anything.
    fn command(kind: &str, fields: &Fields) -> Result<Command, Error> {
        super::command(kind, fields, None)
    }

    fn given(pairs: &[(&str, &str)]) -> Fields {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_destroys_needs_a_confirmation() {
        assert!(matches!(
            command("purge", &given(&[])),
            Err(Error::Input(_))
        ));
        assert!(matches!(
            command("remove", &given(&[("confirm", "yes")])),
            Ok(Command::Remove)
        ));
    }

    #[test]
    fn what_nobody_was_shown_is_not_taken_over() {
        let shown = given(&[("take_over", "yes"), ("seen", "3")]);
        let error = command("deploy", &shown).unwrap_err();
        assert_eq!(error.status(), StatusCode::CONFLICT);
        let everything = command("deploy", &given(&[("take_over", "yes")]));
        assert!(matches!(
            everything,
            Ok(Command::Deploy(Conflicts::TakeOver))
        ));
        let unticked = command("deploy", &given(&[("seen", "3")]));
        assert!(matches!(unticked, Ok(Command::Deploy(Conflicts::Refuse))));
    }

    #[test]
    fn an_unknown_action_names_the_known_ones() {
        let error = command("explode", &given(&[])).unwrap_err();
        assert_eq!(error.status(), StatusCode::NOT_FOUND);
        assert!(error.remedy().contains("spike"));
    }
}
