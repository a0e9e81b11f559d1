//! `/print` and `/notes`: the deck for paper. Every step is one sheet, everything on it shown, what is live frozen to
//! the last run; a plain Ctrl+P does the rest.

use super::auth::{MaybeSpeaker, Speaker};
use super::error::Error;
use super::frozen::freeze;
use super::inline::stylesheets;
use crate::deck::{Deck, SlideView};
use crate::live::run::{Run, Runs};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "print.html")]
struct PrintPage<'a> {
    title: &'a str,
    stylesheets: &'a [&'static str],
    slides: Vec<SlideView<'a>>,
}

#[derive(Template)]
#[template(path = "notes.html")]
struct NotesPage<'a> {
    title: &'a str,
    stylesheets: &'a [&'static str],
    slides: Vec<SlideView<'a>>,
}

/// What `/print` can be asked for.
#[derive(Deserialize)]
pub struct Wanted {
    notes: Option<String>,
}

/// `/print`: one slide a page. `/print?notes`, for the speaker: the handout.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn slides(
    State(deck): State<Arc<Deck>>,
    State(runs): State<Runs>,
    MaybeSpeaker(speaker): MaybeSpeaker,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Error> {
    if wanted.notes.is_some() {
        return if speaker {
            let page = with_notes(&deck, runs.last().as_deref())?;
            Ok(([(CACHE_CONTROL, "no-store")], page).into_response())
        } else {
            Ok(Redirect::to("/login").into_response())
        };
    }
    let page = PrintPage {
        title: &deck.title,
        stylesheets: &stylesheets(),
        slides: all_shown(&deck),
    };
    let html = freeze(&page.render()?, runs.last().as_deref());
    Ok(Html(html).into_response())
}

/// `/notes`: each slide with its notes, to read or to print.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn handout(
    _: Speaker,
    State(deck): State<Arc<Deck>>,
    State(runs): State<Runs>,
) -> Result<Response, Error> {
    with_notes(&deck, runs.last().as_deref())
}

fn with_notes(deck: &Deck, run: Option<&Run>) -> Result<Response, Error> {
    let page = NotesPage {
        title: &deck.title,
        stylesheets: &stylesheets(),
        slides: all_shown(deck),
    };
    let html = freeze(&page.render()?, run);
    Ok(Html(html).into_response())
}

/// Every step as if it were the addressed one.
pub(super) fn all_shown(deck: &Deck) -> Vec<SlideView<'_>> {
    let mut views = deck.view(deck.first().address);
    for view in &mut views {
        view.current = true;
    }
    views
}
