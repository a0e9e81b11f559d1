//! Who is the speaker: whoever has the key that `podium serve` printed.
//!
//! The printed link carries the key once, to `/login`; what the browser keeps is a cookie with another secret, so that
//! the key is in no later request and in no page. Scripts send the key as a bearer token. Comparison takes the same
//! time whatever is wrong.
//!
//! Every wrong key counts against its sender, wherever it was given ([`super::login_limit`]). Cookies do not count: a
//! browser that kept one from before the last start sends it with each request, and would shut its owner out; the
//! session is 128 random bits, which nobody finds by asking. The cookie goes without the `__Host-` prefix, since
//! browsers take that over HTTPS alone and a talk is mostly served over plain HTTP; behind an HTTPS `--public-url` it is
//! `Secure`.
//!
//! A [`Tenure`] is a proof with an end: the secrets can be changed while the server runs, and whatever stays open, as a
//! stream does, must then not outlive them.

use super::AppState;
use super::caller::Caller;
use super::error::Error;
use super::login_limit::LoginLimit;
use crate::stage::demo::random_key;
use axum::extract::{FromRef as _, FromRequestParts};
use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;
use tokio::time::Instant;

const COOKIE: &str = "podium_speaker";

/// Makes a new key known to those who may know it: the connection file, the terminal.
type Publish = Box<dyn Fn(&str) -> io::Result<()> + Send + Sync>;

/// The secrets that make a speaker. Clones share them.
#[derive(Clone)]
pub struct SpeakerKey(Arc<Shared>);

struct Shared {
    secrets: watch::Sender<Secrets>,
    limit: Mutex<LoginLimit>,
    publish: Publish,
}

struct Secrets {
    /// Opens `/login` and authorises scripts.
    key: String,
    /// What the cookie holds.
    session: String,
}

/// Why a key did not open.
#[derive(Debug)]
pub enum Closed {
    /// It is not the key.
    Wrong,
    /// Too many wrong ones came before it, and it was not looked at: the wait until the next try.
    TooSoon(Duration),
}

impl SpeakerKey {
    /// Secrets with this key. `publish` is told of each later one before it counts; if it fails, the old one stays.
    #[must_use]
    pub fn new(
        key: String,
        publish: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let session = random_key();
        Self(Arc::new(Shared {
            secrets: watch::Sender::new(Secrets { key, session }),
            limit: Mutex::default(),
            publish: Box::new(publish),
        }))
    }

    /// Whether `caller` gave the key.
    ///
    /// # Errors
    /// [`Closed`], when it did not or may not try yet.
    pub fn open(&self, caller: Caller, given: &str) -> Result<(), Closed> {
        let now = Instant::now();
        // Held over the comparison: of a hundred keys that arrive at once, one is looked at.
        let mut limit = self.0.limit.lock().unwrap_or_else(PoisonError::into_inner);
        limit.admit(caller, now).map_err(Closed::TooSoon)?;
        if bool::from(
            self.0
                .secrets
                .borrow()
                .key
                .as_bytes()
                .ct_eq(given.as_bytes()),
        ) {
            limit.succeeded(caller);
            return Ok(());
        }
        limit.failed(caller, now);
        Err(Closed::Wrong)
    }

    /// Makes new secrets: the old link, key and cookies open nothing any more, and streams of the speaker end. Answers
    /// with the new key.
    ///
    /// # Errors
    /// When the new key cannot be made known; then nothing has changed.
    pub fn rotate(&self) -> io::Result<String> {
        let key = random_key();
        let mut published = Ok(());
        self.0.secrets.send_if_modified(|secrets| {
            published = (self.0.publish)(&key);
            if published.is_ok() {
                let session = random_key();
                *secrets = Secrets {
                    key: key.clone(),
                    session,
                };
            }
            published.is_ok()
        });
        published.map(|()| key)
    }

    /// The cookie that makes a browser the speaker's.
    pub(super) fn cookie(&self, secure: bool) -> Cookie<'static> {
        let session = self.0.secrets.borrow().session.clone();
        Cookie::build((COOKIE, session))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(secure)
            .build()
    }

    /// The request's right to be the speaker's: `None` without a session and a key.
    fn admit(&self, parts: &Parts, caller: Caller) -> Result<Option<Tenure>, Closed> {
        // Before the secrets are read, so that a change of them in between ends the tenure at once.
        let tenure = Tenure(self.0.secrets.subscribe());
        let cookies = CookieJar::from_headers(&parts.headers);
        let session = cookies.get(COOKIE).map(Cookie::value);
        let is_session = |given: &str| {
            let secrets = self.0.secrets.borrow();
            bool::from(secrets.session.as_bytes().ct_eq(given.as_bytes()))
        };
        if session.is_some_and(is_session) {
            return Ok(Some(tenure));
        }
        let bearer = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match bearer {
            Some(given) => self.open(caller, given).map(|()| Some(tenure)),
            None => Ok(None),
        }
    }
}

/// The right of somebody who was the speaker when the request came, until the secrets change.
pub struct Tenure(watch::Receiver<Secrets>);

impl Tenure {
    /// Waits until it has ended.
    pub async fn ended(&mut self) {
        // An error means that the server itself is going.
        let _ = self.0.changed().await;
    }
}

/// Proof that the request is the speaker's. As a handler's argument it refuses everybody else.
pub struct Speaker;

/// Whether the request is the speaker's; refuses nobody.
pub struct MaybeSpeaker(pub bool);

/// The speaker's tenure, if the request is the speaker's; refuses nobody.
pub struct MaybeTenure(pub Option<Tenure>);

impl FromRequestParts<AppState> for MaybeTenure {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let key = SpeakerKey::from_ref(state);
        let caller = Caller::of(parts, &state.room_address);
        Ok(Self(key.admit(parts, caller).unwrap_or_default()))
    }
}

impl FromRequestParts<AppState> for MaybeSpeaker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let MaybeTenure(tenure) = MaybeTenure::from_request_parts(parts, state).await?;
        Ok(Self(tenure.is_some()))
    }
}

impl FromRequestParts<AppState> for Speaker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let key = SpeakerKey::from_ref(state);
        let caller = Caller::of(parts, &state.room_address);
        let error = match key.admit(parts, caller) {
            Ok(Some(_)) => return Ok(Self),
            // A person who opens /control gets the door, not an error.
            Ok(None) if parts.method == Method::GET && !wants_json(&parts.headers) => {
                return Err(Redirect::to("/login").into_response());
            }
            Ok(None) | Err(Closed::Wrong) => Error::NotSpeaker,
            Err(Closed::TooSoon(wait)) => Error::TooManyKeys(wait),
        };
        Err(error.answer(&parts.headers))
    }
}

/// Whether the caller would rather have JSON than a page.
#[must_use]
pub fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("application/json"))
}
