//! Who is the speaker: whoever has the key that `podium serve` printed.
//!
//! The printed link carries the key once, to `/login`; what the browser keeps is a cookie with another secret, so that
//! the key is in no later request and in no page. Scripts send the key as a bearer token. Comparison takes the same
//! time whatever is wrong.

use super::AppState;
use super::error::Error;
use super::guard::host_of;
use super::qr::RoomAddress;
use askama::Template;
use axum::extract::{Form, FromRef as _, FromRequestParts, Query, State};
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use serde::Deserialize;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

const COOKIE: &str = "podium_speaker";

/// The secrets that make a speaker.
#[derive(Clone)]
pub struct SpeakerKey(Arc<Secrets>);

struct Secrets {
    key: String,
    session: String,
}

impl SpeakerKey {
    /// `key` opens `/login` and authorises scripts; `session` is what the cookie holds.
    #[must_use]
    pub fn new(key: String, session: String) -> Self {
        Self(Arc::new(Secrets { key, session }))
    }

    fn is_key(&self, given: &str) -> bool {
        self.0.key.as_bytes().ct_eq(given.as_bytes()).into()
    }

    fn is_session(&self, given: &str) -> bool {
        self.0.session.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Proof that the request is the speaker's. As a handler's argument it refuses everybody else.
pub struct Speaker;

/// Whether the request is the speaker's; refuses nobody.
pub struct MaybeSpeaker(pub bool);

impl FromRequestParts<AppState> for MaybeSpeaker {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let key = SpeakerKey::from_ref(state);
        let bearer = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let cookies = CookieJar::from_headers(&parts.headers);
        let session = cookies.get(COOKIE).map(Cookie::value);
        let is_speaker = bearer.is_some_and(|given| key.is_key(given))
            || session.is_some_and(|given| key.is_session(given));
        Ok(Self(is_speaker))
    }
}

impl FromRequestParts<AppState> for Speaker {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let MaybeSpeaker(is_speaker) = match MaybeSpeaker::from_request_parts(parts, state).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let answer = |error: Error| {
            if wants_json(parts) {
                error.into_json()
            } else {
                error.into_response()
            }
        };
        if !is_speaker {
            // A person who opens /control gets the door, not an error.
            let opens_page = parts.method == Method::GET && !wants_json(parts);
            return Err(if opens_page {
                Redirect::to("/login").into_response()
            } else {
                answer(Error::NotSpeaker)
            });
        }
        if let Some(origin) = foreign_origin(parts, &state.room_address) {
            return Err(answer(Error::ForeignOrigin(origin)));
        }
        Ok(Self)
    }
}

/// The request's origin, when it has one and it is not this server: a form on another site posts with the speaker's
/// cookie only if the browser ignores `SameSite`, and then this stops it. A proxy may have put our own host in the place
/// of the public one, so that one is ours as well.
fn foreign_origin(parts: &Parts, room: &RoomAddress) -> Option<String> {
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return None;
    }
    let origin = parts
        .headers
        .get(ORIGIN)?
        .to_str()
        .unwrap_or("an unreadable origin");
    let host = host_of(&parts.headers, &parts.uri).unwrap_or_default();
    let ours = origin
        .split_once("://")
        .is_some_and(|(_, authority)| authority == host || room.is_public(authority));
    (!ours).then(|| origin.to_owned())
}

/// Whether the caller would rather have JSON than a page.
#[must_use]
pub fn wants_json(parts: &Parts) -> bool {
    let accepts = parts.headers.get(axum::http::header::ACCEPT);
    accepts
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("application/json"))
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    failed: bool,
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
pub async fn login_page(
    State(key): State<SpeakerKey>,
    jar: CookieJar,
    Query(login): Query<Login>,
) -> Result<Response, Error> {
    match login.key {
        Some(given) => open(&key, jar, &given),
        None => Ok(Html(LoginPage { failed: false }.render()?).into_response()),
    }
}

/// The door's form.
///
/// # Errors
/// [`Error::Rendering`].
pub async fn login(
    State(key): State<SpeakerKey>,
    jar: CookieJar,
    Form(login): Form<Login>,
) -> Result<Response, Error> {
    open(&key, jar, login.key.unwrap_or_default().trim())
}

fn open(key: &SpeakerKey, jar: CookieJar, given: &str) -> Result<Response, Error> {
    if !key.is_key(given) {
        let page = LoginPage { failed: true }.render()?;
        return Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response());
    }
    let cookie = Cookie::build((COOKIE, key.0.session.clone()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict);
    Ok((jar.add(cookie), Redirect::to("/control")).into_response())
}
