//! `/login`: the door, and `POST /login/rotate`: a new lock.
//!
//! The key is in one URL only, the printed link's; the answer to it is a redirect, so that the link is neither in the
//! address bar nor in the `Referer` of what comes next. A HEAD of the link is a try like any other.

use super::auth::{Closed, Speaker, SpeakerKey, wants_json};
use super::caller::Caller;
use super::error::{Error, retry_after};
use super::guard::host_of;
use super::qr::RoomAddress;
use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;
use serde_json::json;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    failed: bool,
    /// Seconds until the next try; none when it may be made at once.
    wait: Option<u64>,
}

/// What `/login` is given.
#[derive(Deserialize)]
pub struct Login {
    key: Option<String>,
}

/// The door; with the right `?key=` it opens at once.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn page(
    State(key): State<SpeakerKey>,
    State(room): State<RoomAddress>,
    jar: CookieJar,
    Query(login): Query<Login>,
    parts: Parts,
) -> Result<Response, Error> {
    let page = LoginPage {
        failed: false,
        wait: None,
    };
    match login.key {
        Some(given) => enter(&key, &room, jar, &given, &parts),
        None => Ok(Html(page.render()?).into_response()),
    }
}

/// The door's form.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn form(
    State(key): State<SpeakerKey>,
    State(room): State<RoomAddress>,
    jar: CookieJar,
    parts: Parts,
    Form(login): Form<Login>,
) -> Result<Response, Error> {
    let given = login.key.unwrap_or_default();
    enter(&key, &room, jar, given.trim(), &parts)
}

/// A new key and a new session; every other browser and script is the audience's from then on. The one that asks stays.
///
/// # Errors
/// [`Error::NotRotated`], [`Error::Rendering`].
pub async fn rotate(
    _: Speaker,
    State(key): State<SpeakerKey>,
    State(room): State<RoomAddress>,
    jar: CookieJar,
    parts: Parts,
) -> Result<Response, Response> {
    let new = key
        .rotate()
        .map_err(|error| Error::NotRotated(error).answer(&parts.headers))?;
    let jar = jar.add(key.cookie(is_encrypted(&parts, &room)));
    Ok(if wants_json(&parts.headers) {
        (jar, axum::Json(json!({"speaker_key": new}))).into_response()
    } else {
        (jar, Redirect::to("/control")).into_response()
    })
}

fn enter(
    key: &SpeakerKey,
    room: &RoomAddress,
    jar: CookieJar,
    given: &str,
    parts: &Parts,
) -> Result<Response, Error> {
    match key.open(Caller::of(parts, room), given) {
        Ok(()) => {
            let jar = jar.add(key.cookie(is_encrypted(parts, room)));
            Ok((jar, Redirect::to("/control")).into_response())
        }
        Err(Closed::Wrong) => {
            let page = LoginPage {
                failed: true,
                wait: None,
            };
            Ok((StatusCode::UNAUTHORIZED, Html(page.render()?)).into_response())
        }
        Err(Closed::TooSoon(wait)) => {
            let (header, seconds) = retry_after(wait);
            let page = LoginPage {
                failed: true,
                wait: Some(seconds),
            };
            let page = Html(page.render()?);
            Ok((StatusCode::TOO_MANY_REQUESTS, [header], page).into_response())
        }
    }
}

/// Whether the browser came over HTTPS: it names the public host, or a proxy speaks for it. A `Secure` cookie for the
/// rest would shut out the browser on this machine, which comes over plain HTTP.
fn is_encrypted(parts: &Parts, room: &RoomAddress) -> bool {
    let names_public =
        host_of(&parts.headers, &parts.uri).is_some_and(|host| room.is_public(&host));
    let proxied = parts.headers.contains_key("x-forwarded-for");
    room.is_encrypted() && (names_public || proxied)
}
