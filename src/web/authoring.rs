//! What only the author of the deck needs to know: what is wrong in its files.

use super::auth::Speaker;
use crate::deck::reload::DeckHandle;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// `/deck-problems`: the problems of the deck that is shown, with file, line and column, and why the files as they are
/// now make no deck (`fault`), if so.
pub async fn deck_problems(_: Speaker, State(deck): State<DeckHandle>) -> Json<Value> {
    let edition = deck.edition();
    let problems: Vec<_> = edition
        .problems()
        .iter()
        .map(|problem| {
            json!({
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "severity": problem.severity.to_string(),
                "message": problem.message,
            })
        })
        .collect();
    Json(json!({
        "version": edition.version,
        "fault": edition.fault,
        "problems": problems,
    }))
}
