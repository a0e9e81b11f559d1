//! `/preflight`: what the place is like that Deploy would deploy to, for the speaker alone.
//!
//! A page for who has no scripts and JSON for scripts, each once all is answered. The control page asks for lines
//! instead, one for each check as it is answered, with the row as the page draws it: there is one place that draws it.

use super::auth::{Speaker, wants_json};
use super::error::Error;
use crate::stage::actions::Actions;
use crate::stage::preflight::{Check, Place, Verdict};
use askama::Template;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::json;
use std::convert::Infallible;
use tokio::sync::mpsc;

/// One JSON value a line.
const LINES: &str = "application/x-ndjson";

#[derive(Template)]
#[template(path = "preflight.html")]
struct PreflightPage {
    rows: Vec<String>,
    summary: String,
}

#[derive(Template)]
#[template(path = "preflight_row.html")]
struct Row<'a> {
    check: &'a Check,
}

/// Makes the checks.
pub async fn page(_: Speaker, State(actions): State<Actions>, parts: Parts) -> Response {
    let accepts = parts
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accepts == Some(LINES) {
        return lines(actions);
    }
    let checks = actions.preflight(|_, _| {}).await;
    if wants_json(&parts.headers) {
        return Json(json!({"checks": checks})).into_response();
    }
    let rows: Result<Vec<_>, _> = checks.iter().map(|check| Row { check }.render()).collect();
    let page = rows.and_then(|rows| {
        let summary = summary(&checks);
        PreflightPage { rows, summary }.render()
    });
    match page {
        Ok(page) => Html(page).into_response(),
        Err(error) => Error::Rendering(error).into_response(),
    }
}

/// The checks as they are answered, then the summary.
fn lines(actions: Actions) -> Response {
    let (say, said) = mpsc::unbounded_channel::<String>();
    // Bounded by the preflight's own limit, whether anybody goes on reading or not.
    tokio::spawn(async move {
        let row = |Place { place, of }: Place, check: &Check| {
            let row = Row { check }.render().unwrap_or_default();
            // Nobody listens once the page is closed.
            let _ = say.send(format!(
                "{}\n",
                json!({"place": place, "of": of, "row": row})
            ));
        };
        let checks = actions.preflight(row).await;
        let _ = say.send(format!("{}\n", json!({"summary": summary(&checks)})));
    });
    let stream = futures::stream::unfold(said, async |mut said| {
        let line = said.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(line)), said))
    });
    let headers = [
        (CONTENT_TYPE, LINES),
        // Compressed, the lines would be held back until they fill a block.
        (CONTENT_ENCODING, "identity"),
    ];
    (headers, Body::from_stream(stream)).into_response()
}

fn summary(checks: &[Check]) -> String {
    let count = |verdict| {
        checks
            .iter()
            .filter(|check| check.verdict == verdict)
            .count()
    };
    let (failed, warnings, unknown) = (
        count(Verdict::Failed),
        count(Verdict::Warning),
        count(Verdict::Unknown),
    );
    let rest = match (warnings, unknown) {
        (0, 0) => String::new(),
        (warnings, 0) => format!(", {}", plural(warnings, "warning")),
        (0, unknown) => format!(", {unknown} unknown"),
        (warnings, unknown) => format!(", {}, {unknown} unknown", plural(warnings, "warning")),
    };
    match failed {
        0 => format!("Ready to deploy{rest}."),
        failed => format!("Not ready: {failed} failed{rest}."),
    }
}

fn plural(count: usize, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {word}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_what_is_not_well() {
        let check = |verdict| Check {
            title: "KEDA".to_owned(),
            verdict,
            detail: String::new(),
            fixes: Vec::new(),
            stops_deploy: false,
        };
        let told = |verdicts: &[Verdict]| {
            summary(&verdicts.iter().copied().map(check).collect::<Vec<_>>())
        };
        assert_eq!(told(&[Verdict::Ok]), "Ready to deploy.");
        assert_eq!(
            told(&[Verdict::Ok, Verdict::Warning, Verdict::Unknown]),
            "Ready to deploy, 1 warning, 1 unknown."
        );
        assert_eq!(
            told(&[Verdict::Failed, Verdict::Warning, Verdict::Warning]),
            "Not ready: 1 failed, 2 warnings."
        );
    }
}
