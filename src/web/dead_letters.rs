//! `/dead-letters`: what could not be done, and the speaker's buttons for it.
//!
//! The page is plain forms and needs no script. The control page fetches it into a sheet of its own, so that there is
//! one list, drawn in one place. Scripts get and send JSON. Nobody but the speaker sees any of it: a letter quotes what
//! anybody may have pushed, and its reason is an error's text.

use super::actions::{Fields, confirmed, fields};
use super::auth::{Speaker, wants_json};
use super::error::Error;
use super::pages::Notice;
use crate::stage::actions::Actions;
use crate::stage::dead_letters::{self, Fate, Letter, LetterError, Listing};
use crate::stage::spike::BadInput;
use askama::Template;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde_json::json;

/// Letters on the page: the newest are what the speaker wants to know of.
const SHOWN: usize = 20;

/// Characters shown of what lay on the queue. `podium dead-letters show` has it all.
const LONGEST_BODY: usize = 600;

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct DeadLettersPage {
    total: u64,
    shown: u64,
    rows: Vec<Row>,
    problem: Option<Notice>,
    /// Whether the list itself could be read.
    known: bool,
}

/// One letter on the page.
struct Row {
    id: String,
    reason: String,
    /// `ticket 5, attempt 3`
    job: Option<String>,
    worker: String,
    when: Option<When>,
    body: String,
    unretriable: Option<String>,
}

/// A moment for people and for machines.
struct When {
    words: String,
    machine: String,
}

/// The newest letters.
pub async fn list(_: Speaker, State(actions): State<Actions>, parts: Parts) -> Response {
    let listing = newest(&actions).await;
    if wants_json(&parts.headers) {
        return match listing {
            Ok(listing) => Json(listing).into_response(),
            Err(error) => Error::from(error).into_json(),
        };
    }
    page(listing, None)
}

/// Retries or discards: one letter by its `id`, or with `all=yes` all of them.
pub async fn settle(
    _: Speaker,
    State(actions): State<Actions>,
    Path(fate): Path<String>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let order = fields(&parts, &body).and_then(|fields| Order::read(&fate, &fields));
    let told = match order {
        Ok(order) => order.carry_out(&actions).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    if wants_json(&parts.headers) {
        return match told {
            Ok(told) => Json(json!({"told": told})).into_response(),
            Err(error) => error.into_json(),
        };
    }
    match told {
        Ok(_) => Redirect::to("/dead-letters").into_response(),
        Err(error) => page(newest(&actions).await, Some(error)),
    }
}

/// What a button asks for, checked.
#[derive(Debug)]
struct Order {
    fate: Fate,
    /// Which letter; `None` for all.
    id: Option<String>,
}

impl Order {
    fn read(fate: &str, fields: &Fields) -> Result<Self, Error> {
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let (fate, word) = match fate {
            "retry" => (Fate::Retry, "retrying all of them"),
            "discard" => (Fate::Discard, "discarding"),
            _ => {
                return Err(Error::NotFound {
                    what: format!("Nothing called {fate:?} can be done with dead letters"),
                    remedy: "They can be retried and discarded.".to_owned(),
                });
            }
        };
        let id = Some(field("id").trim()).filter(|id| !id.is_empty());
        let all = field("all") == "yes";
        if id.is_some() == all {
            return Err(Error::Input(BadInput {
                field: "id",
                value: field("id").to_owned(),
                remedy: "send the id of one dead letter, or all=yes".to_owned(),
            }));
        }
        if all || fate == Fate::Discard {
            confirmed(word, field("confirm"))?;
        }
        let id = id.map(str::to_owned);
        Ok(Self { fate, id })
    }

    async fn carry_out(self, actions: &Actions) -> Result<String, LetterError> {
        let queue = actions.queue_at_once().await?;
        match self.id {
            Some(id) => dead_letters::settle(&queue, &id, self.fate).await,
            None => dead_letters::settle_all(&queue, self.fate).await,
        }
    }
}

async fn newest(actions: &Actions) -> Result<Listing, LetterError> {
    dead_letters::newest(&actions.queue_at_once().await?, SHOWN).await
}

/// The page with what could be read, and with the more urgent of two problems.
fn page(listing: Result<Listing, LetterError>, problem: Option<Error>) -> Response {
    let (listing, known, unread) = match listing {
        Ok(listing) => (listing, true, None),
        Err(error) => (Listing::default(), false, Some(Error::from(error))),
    };
    let problem = problem.or(unread);
    let status = problem.as_ref().map_or(StatusCode::OK, Error::status);
    let page = DeadLettersPage {
        total: listing.total,
        shown: u64::try_from(listing.letters.len()).unwrap_or(u64::MAX),
        rows: listing.letters.into_iter().map(row).collect(),
        problem: problem.map(|error| Notice {
            message: error.message(),
            remedy: error.remedy(),
        }),
        known,
    };
    match page.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => Error::Rendering(error).into_response(),
    }
}

fn row(letter: Letter) -> Row {
    let attempt = letter.job.as_ref().map_or(0, |job| job.attempt);
    Row {
        job: letter
            .title()
            .map(|title| format!("{title}, attempt {attempt}")),
        when: letter.when().map(|words| When {
            machine: words.replacen(' ', "T", 1).replace(" UTC", "Z"),
            words,
        }),
        body: shortened(&letter.body),
        id: letter.id,
        reason: letter.reason,
        worker: letter.worker,
        unretriable: letter.unretriable,
    }
}

fn shortened(body: &str) -> String {
    match body.char_indices().nth(LONGEST_BODY) {
        Some((end, _)) => format!("{}…", &body[..end]),
        None => body.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fate: &str, pairs: &[(&str, &str)]) -> Result<Order, Error> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Order::read(fate, &pairs.iter().map(owned).collect())
    }

    #[test]
    fn what_destroys_or_moves_everything_needs_a_confirmation() {
        assert!(read("retry", &[("id", "a")]).is_ok());
        for (fate, pairs) in [
            ("discard", [("id", "a"), ("confirm", "")]),
            ("discard", [("all", "yes"), ("confirm", "no")]),
            ("retry", [("all", "yes"), ("confirm", "")]),
        ] {
            assert!(
                matches!(read(fate, &pairs), Err(Error::Input(_))),
                "{fate} {pairs:?}"
            );
        }
        assert!(read("discard", &[("all", "yes"), ("confirm", "yes")]).is_ok());
    }

    #[test]
    fn one_letter_or_all_must_be_named_and_not_both() {
        for pairs in [&[][..], &[("id", "a"), ("all", "yes"), ("confirm", "yes")]] {
            let error = read("retry", pairs).expect_err("neither or both");
            assert!(error.remedy().contains("all=yes"), "{error}");
        }
        assert_eq!(
            read("bury", &[]).expect_err("unknown").status(),
            StatusCode::NOT_FOUND
        );
    }

    #[test]
    fn a_long_body_is_cut_between_characters() {
        assert_eq!(shortened("fünf"), "fünf");
        let long = "ü".repeat(LONGEST_BODY + 1);
        assert_eq!(shortened(&long).chars().count(), LONGEST_BODY + 1);
    }
}
