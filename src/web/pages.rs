//! The pages: the deck with one slide lit, and the speaker's control page.

use super::auth::{MaybeSpeaker, Speaker};
use super::error::Error;
use crate::deck::reload::{DeckHandle, Edition};
use crate::deck::{self, Address, Deck, SlideView};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "deck.html")]
struct DeckPage<'a> {
    title: &'a str,
    version: &'a str,
    slides: Vec<SlideView<'a>>,
    speaker: bool,
}

#[derive(Template)]
#[template(path = "control.html")]
struct ControlPage {
    flow: String,
    error: Option<Notice>,
}

/// Something that went wrong with a form sent without JavaScript.
pub struct Notice {
    /// What, and why.
    pub message: String,
    /// What to press.
    pub remedy: String,
}

/// `/`: the deck from its start.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn first(
    State(handle): State<DeckHandle>,
    MaybeSpeaker(speaker): MaybeSpeaker,
) -> Result<Response, Error> {
    let edition = handle.edition();
    render(&edition, edition.deck.first().address, speaker)
}

/// `/9`, `/9.2`: the deck at a slide.
///
/// # Errors
/// [`Error::NotFound`] says which slides there are.
pub async fn slide(
    State(handle): State<DeckHandle>,
    Path(address): Path<String>,
    MaybeSpeaker(speaker): MaybeSpeaker,
) -> Result<Response, Error> {
    let edition = handle.edition();
    match edition.deck.find(&address) {
        Some(found) => render(&edition, found.address, speaker),
        None => Err(unknown_slide(&edition.deck, &address)),
    }
}

/// `/slides/slide-09.md`: where the Markdown's own links lead.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn markdown_link(
    State(deck): State<Arc<Deck>>,
    Path(file): Path<String>,
) -> Result<Redirect, Error> {
    let number = file
        .strip_prefix("slide-")
        .and_then(|rest| rest.strip_suffix(".md"))
        .map(|number| number.trim_start_matches('0'));
    match number {
        Some(number) if deck.find(number).is_some() => Ok(Redirect::to(&format!("/{number}"))),
        _ => Err(unknown_slide(&deck, &file)),
    }
}

/// Everything else.
pub async fn not_found(State(deck): State<Arc<Deck>>, uri: axum::http::Uri) -> Error {
    unknown_slide(&deck, uri.path().trim_start_matches('/'))
}

fn unknown_slide(deck: &Deck, asked: &str) -> Error {
    let last = deck.last_number();
    Error::NotFound {
        what: format!("There is no slide or page {asked:?}"),
        remedy: format!("The deck goes from /1 to /{last}; steps are written /9.2."),
    }
}

fn render(edition: &Edition, current: Address, speaker: bool) -> Result<Response, Error> {
    let page = DeckPage {
        title: &edition.deck.title,
        version: &edition.version,
        slides: edition.deck.view(current),
        speaker,
    };
    Ok(Html(page.render()?).into_response())
}

/// `/control`: the buttons and what they set in motion.
pub async fn control(_: Speaker) -> Response {
    control_with(None)
}

/// The control page, with word of a form that failed.
#[must_use]
pub fn control_with(error: Option<Notice>) -> Response {
    // The flow diagram is ours and fixed; a deck's broken diagram cannot reach this page.
    let flow = deck::diagram::live_flow().unwrap_or_default();
    match (ControlPage { flow, error }).render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => Error::Rendering(error).into_response(),
    }
}
