//! Where the talk is: `POST /position`, `/position/clock`, `/pointer`, `/ink`. The speaker's windows ask, JSON in and
//! out; everybody learns the answer from the stream.
//!
//! A step that the deck does not have is refused here, since the room knows no deck.

use super::auth::Speaker;
use super::error::Error;
use crate::deck::Deck;
use crate::live::ink::{POINTS_IN_A_STROKE, Point};
use crate::live::position::{Blank, Change, Claim, ClockDeed, Driver, Kind, Position};
use crate::live::room::{Conflict, Room};
use crate::stage::spike::BadInput;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// The longest window id: a page's own is half of it.
const WINDOW_LENGTH: usize = 64;

/// A change as a window sends it; what is absent stays.
#[derive(Deserialize)]
struct ChangeBody {
    window: String,
    kind: Kind,
    address: Option<String>,
    click: Option<u16>,
    blank: Option<Cover>,
    qr: Option<bool>,
    #[serde(default)]
    take_over: bool,
}

/// `none` uncovers; an absent or null field leaves as is.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cover {
    None,
    Black,
    White,
}

impl From<Cover> for Option<Blank> {
    fn from(cover: Cover) -> Self {
        match cover {
            Cover::None => None,
            Cover::Black => Some(Blank::Black),
            Cover::White => Some(Blank::White),
        }
    }
}

/// Moves, covers, uncovers, takes over.
pub async fn change(
    _: Speaker,
    State(room): State<Room>,
    State(deck): State<Arc<Deck>>,
    body: Bytes,
) -> Response {
    let asked = read::<ChangeBody>(&body).and_then(|asked| {
        let address = asked.address.as_deref();
        let address = address.map(|address| known(&deck, address)).transpose()?;
        Ok((window(&asked.window)?, address, asked))
    });
    let (window, address, asked) = match asked {
        Ok(asked) => asked,
        Err(error) => return error.into_json(),
    };
    let by = Driver {
        window,
        kind: asked.kind,
    };
    let change = Change {
        address,
        click: asked.click,
        blank: asked.blank.map(Into::into),
        qr: asked.qr,
    };
    let claim = if asked.take_over {
        Claim::Firm
    } else {
        Claim::Polite
    };
    match room.change(&by, &change, claim, &deck.first().label) {
        Ok(position) => Json(position).into_response(),
        Err(conflict) => refusal(&conflict),
    }
}

fn refusal(conflict: &Conflict) -> Response {
    let place = match conflict.refused.0.kind {
        Kind::Stage => "the deck",
        Kind::Presenter => "the speaker view",
        Kind::Remote => "the phone",
    };
    let body = json!({
        "error": {
            "message": format!("Another window drives: {place}"),
            "remedy": "Take over, or go on there.",
        },
        "position": conflict.position,
    });
    (StatusCode::CONFLICT, Json(body)).into_response()
}

#[derive(Deserialize)]
struct ClockBody {
    window: String,
    #[serde(rename = "do")]
    deed: ClockDeed,
}

/// Starts, pauses or resets the clock of the talk. Any of the speaker's windows may.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Input`], as JSON.
pub async fn clock(
    _: Speaker,
    State(room): State<Room>,
    body: Bytes,
) -> Result<Json<Position>, Response> {
    let asked = read::<ClockBody>(&body).and_then(|asked| {
        window(&asked.window)?;
        Ok(asked)
    });
    Ok(Json(room.time(asked.map_err(Error::into_json)?.deed)))
}

#[derive(Deserialize)]
struct PointerBody {
    window: String,
    address: Option<String>,
    x: Option<f64>,
    y: Option<f64>,
    #[serde(default)]
    off: bool,
}

/// Shows the pointer, or hides it.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Input`], as JSON.
pub async fn pointer(
    _: Speaker,
    State(room): State<Room>,
    State(deck): State<Arc<Deck>>,
    body: Bytes,
) -> Result<StatusCode, Response> {
    let asked: PointerBody = read(&body).map_err(Error::into_json)?;
    window(&asked.window).map_err(Error::into_json)?;
    match (asked.off, &asked.address, asked.x, asked.y) {
        (true, ..) => room.point(None),
        (false, Some(address), Some(x), Some(y)) => {
            let address = known(&deck, address).map_err(Error::into_json)?;
            room.point(Some((&address, on_canvas((x, y)))));
        }
        _ => {
            let error = Error::Unreadable("a pointer is address, x and y, or off".to_owned());
            return Err(error.into_json());
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct InkBody {
    window: String,
    address: Option<String>,
    #[serde(default)]
    stroke: Vec<Point>,
    /// The window's number of this stroke: it may come again, longer.
    id: Option<u32>,
    #[serde(default)]
    undo: bool,
    #[serde(default)]
    clear: bool,
}

/// Draws a stroke on a step, takes its last one away, or clears a step or all of them.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Input`], as JSON.
pub async fn ink(
    _: Speaker,
    State(room): State<Room>,
    State(deck): State<Arc<Deck>>,
    body: Bytes,
) -> Result<StatusCode, Response> {
    let asked: InkBody = read(&body).map_err(Error::into_json)?;
    draw(&room, &deck, asked).map_err(Error::into_json)?;
    Ok(StatusCode::NO_CONTENT)
}

fn draw(room: &Room, deck: &Deck, asked: InkBody) -> Result<(), Error> {
    let window = window(&asked.window)?;
    let address = asked.address.as_deref();
    let address = address.map(|address| known(deck, address)).transpose()?;
    match (asked.clear, asked.undo, address) {
        (true, _, address) => room.wipe(address.as_deref()),
        (false, true, Some(address)) => room.undo(&address),
        (false, false, Some(address)) if !asked.stroke.is_empty() => {
            let length = asked.stroke.len();
            if length > POINTS_IN_A_STROKE {
                return Err(refused_stroke(
                    length,
                    format!("A stroke has at most {POINTS_IN_A_STROKE} points; begin another."),
                ));
            }
            let name = asked.id.map(|id| format!("{window}#{id}"));
            let points = asked.stroke.into_iter().map(on_canvas).collect();
            room.draw(&address, name, points)
                .map_err(|full| refused_stroke(length, format!("{full}: press c to clear it.")))?;
        }
        _ => {
            let message = "ink is address and stroke, address and undo, or clear";
            return Err(Error::Unreadable(message.to_owned()));
        }
    }
    Ok(())
}

fn refused_stroke(points: usize, remedy: String) -> Error {
    Error::Input(BadInput {
        field: "stroke",
        value: format!("{points} points"),
        remedy,
    })
}

fn read<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Unreadable(error.to_string()))
}

/// A window id that can be told to every page.
pub(super) fn window(id: &str) -> Result<String, Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !id.is_empty() && id.len() <= WINDOW_LENGTH && id.bytes().all(plain) {
        return Ok(id.to_owned());
    }
    Err(Error::Input(BadInput {
        field: "window",
        value: id.chars().take(WINDOW_LENGTH).collect(),
        remedy: "A window id is up to 64 letters, digits and dashes.".to_owned(),
    }))
}

/// The step's own way to write its address: `9` is `9.1` in a slide of several steps.
fn known(deck: &Deck, address: &str) -> Result<String, Error> {
    let found = deck.find(address).map(|slide| slide.label.clone());
    found.ok_or_else(|| {
        Error::Input(BadInput {
            field: "address",
            value: address.chars().take(WINDOW_LENGTH).collect(),
            remedy: format!(
                "The deck goes from 1 to {}; steps are written 9.2.",
                deck.last_number()
            ),
        })
    })
}

/// Inside the canvas, and no more digits than a screen has pixels.
fn on_canvas((x, y): Point) -> Point {
    let tidy = |value: f64| (value.clamp(0.0, 1.0) * 10_000.0).round() / 10_000.0;
    (tidy(x), tidy(y))
}
