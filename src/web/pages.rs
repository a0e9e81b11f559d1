//! The pages: the deck with one slide lit, and the speaker's control page.

use super::auth::{MaybeSpeaker, Speaker};
use super::error::Error;
use crate::deck::reload::DeckHandle;
use crate::deck::{self, Deck, Settings, SlideView};
use crate::live::room::Room;
use crate::stage::action::{Action, ActionState};
use crate::stage::actions::Actions;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "deck.html")]
struct DeckPage<'a> {
    title: &'a str,
    settings: &'a Settings,
    version: &'a str,
    slides: Vec<SlideView<'a>>,
    /// How many fragments of the addressed step are revealed at first.
    click: u16,
    /// Whether the page goes where the speaker goes from the start.
    follows: bool,
    speaker: bool,
}

/// `?clicks=2`, as other tools write it; nonsense is zero.
#[derive(Deserialize)]
pub struct Clicks {
    clicks: Option<String>,
}

#[derive(Template)]
#[template(path = "control.html")]
struct ControlPage {
    flow: String,
    error: Option<Notice>,
    /// What runs, for browsers without JavaScript.
    running: Vec<Action>,
    /// The last deployment, for the same, if it failed.
    failed: Option<Action>,
}

/// A value of a field in a page's words.
fn shown(value: Option<&serde_json::Value>) -> String {
    match value {
        Some(value) => value.to_string(),
        None => "a value that is not shown".to_owned(),
    }
}

/// Something that went wrong with a form sent without JavaScript.
pub struct Notice {
    /// What, and why.
    pub message: String,
    /// What to press.
    pub remedy: String,
}

/// `/`: the deck where the talk is, and it goes on following.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn first(
    State(handle): State<DeckHandle>,
    State(room): State<Room>,
    MaybeSpeaker(speaker): MaybeSpeaker,
) -> Result<Response, Error> {
    let edition = handle.edition();
    let deck = &edition.deck;
    let position = room.position();
    let shown = deck.find(&position.address);
    render(&DeckPage {
        title: &deck.title,
        settings: &deck.settings,
        version: &edition.version,
        // A step that an edit of the deck took away: the start is better than nothing.
        slides: deck.view(shown.unwrap_or_else(|| deck.first()).address),
        click: position.click,
        follows: true,
        speaker,
    })
}

/// `/9`, `/9.2`, `/9.2?clicks=1`: the deck at a slide.
///
/// # Errors
/// [`Error::NotFound`] says which slides there are.
pub async fn slide(
    State(handle): State<DeckHandle>,
    Path(address): Path<String>,
    Query(query): Query<Clicks>,
    MaybeSpeaker(speaker): MaybeSpeaker,
) -> Result<Response, Error> {
    let edition = handle.edition();
    let deck = &edition.deck;
    let Some(found) = deck.find(&address) else {
        return Err(unknown_slide(deck, &address));
    };
    let clicks = query.clicks.and_then(|clicks| clicks.parse().ok());
    render(&DeckPage {
        title: &deck.title,
        settings: &deck.settings,
        version: &edition.version,
        slides: deck.view(found.address),
        click: clicks.unwrap_or(0),
        follows: false,
        speaker,
    })
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

/// There is no such step; says which there are.
pub(super) fn unknown_slide(deck: &Deck, asked: &str) -> Error {
    let last = deck.last_number();
    Error::NotFound {
        what: format!("There is no slide or page {asked:?}"),
        remedy: format!("The deck goes from /1 to /{last}; steps are written /9.2."),
    }
}

fn render(page: &DeckPage<'_>) -> Result<Response, Error> {
    Ok(Html(page.render()?).into_response())
}

/// `/control`: the buttons and what they set in motion.
pub async fn control(_: Speaker, State(actions): State<Actions>) -> Response {
    control_with(&actions, None)
}

/// The control page, with word of a form that failed.
#[must_use]
pub fn control_with(actions: &Actions, error: Option<Notice>) -> Response {
    // The flow diagram is ours and fixed; a deck's broken diagram cannot reach this page.
    let flow = deck::diagram::live_flow().unwrap_or_default();
    let running = actions.running();
    let failed = actions
        .last_deployment()
        .filter(|last| last.state == ActionState::Failed);
    let page = ControlPage {
        flow,
        error,
        running,
        failed,
    };
    match page.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => Error::Rendering(error).into_response(),
    }
}
