//! The speaker's own pages: `/presenter` with the current step, the next one and the notes, and `/remote`, the same
//! for a thumb.
//!
//! Both are whole without JavaScript as far as a page can be: the step, its notes and links to its neighbours. With it
//! they agree with the room over `/events`. Notes are rendered here and nowhere else.

use super::auth::Speaker;
use super::error::Error;
use super::pages::unknown_slide;
use crate::deck::{Address, Deck, Slide, SlideView};
use crate::live::room::Room;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use std::sync::Arc;
use std::time::Duration;

#[derive(Template)]
#[template(path = "presenter.html")]
struct PresenterPage<'a> {
    deck: &'a Deck,
    now: SlideView<'a>,
    next: Option<SlideView<'a>>,
    others: Vec<SlideView<'a>>,
    planned_ms: Option<u128>,
}

#[derive(Template)]
#[template(path = "remote.html")]
struct RemotePage<'a> {
    deck: &'a Deck,
    now: &'a Slide,
    next: Option<&'a Slide>,
    planned_ms: Option<u128>,
}

/// `/presenter`: where the room is.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn presenter(
    _: Speaker,
    State(deck): State<Arc<Deck>>,
    State(room): State<Room>,
) -> Result<Response, Error> {
    presenter_page(&deck, shown(&deck, &room).address)
}

/// `/presenter/9.2`: at a step; without JavaScript this is how the speaker turns.
///
/// # Errors
/// [`Error::NotFound`] says which slides there are.
pub async fn presenter_at(
    _: Speaker,
    State(deck): State<Arc<Deck>>,
    Path(address): Path<String>,
) -> Result<Response, Error> {
    match deck.find(&address) {
        Some(found) => presenter_page(&deck, found.address),
        None => Err(unknown_slide(&deck, &address)),
    }
}

/// `/remote`: notes and two thumb-sized zones.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn remote(
    _: Speaker,
    State(deck): State<Arc<Deck>>,
    State(room): State<Room>,
) -> Result<Response, Error> {
    let now = shown(&deck, &room);
    let page = RemotePage {
        deck: &deck,
        now,
        next: deck.next(now.address),
        planned_ms: planned(&deck).map(|length| length.as_millis()),
    };
    Ok(Html(page.render()?).into_response())
}

fn presenter_page(deck: &Deck, at: Address) -> Result<Response, Error> {
    let mut others = deck.view(at);
    let index = others.iter().position(|view| view.current).unwrap_or(0);
    let now = others.remove(index);
    // What came after the current step now stands in its place; after the last step nothing does.
    let next = (index < others.len()).then(|| SlideView {
        current: true,
        ..others.remove(index)
    });
    let page = PresenterPage {
        deck,
        now,
        next,
        others,
        planned_ms: planned(deck).map(|length| length.as_millis()),
    };
    Ok(Html(page.render()?).into_response())
}

/// The step that the room sees; the first one if an edit of the deck took it away.
fn shown<'a>(deck: &'a Deck, room: &Room) -> &'a Slide {
    deck.find(&room.position().address)
        .unwrap_or_else(|| deck.first())
}

/// The talk's planned length, if the deck says one; without it the clock only counts.
fn planned(deck: &Deck) -> Option<Duration> {
    deck.settings.duration
}
