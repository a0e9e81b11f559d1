//! The doors: every route of the server, grouped by who calls it.
//!
//! | who | routes |
//! |---|---|
//! | anyone | `/`, `/{slide}`, `/slides/{file}`, `/deck/{file}`, `/docs/{file}`, `/src/queue/{file}`, `/manifests/{file}`, |
//! | | `/events`, `/static/{file}`, `/login`, `/print`, `/qr`, `/qr.svg`, `/runs`, `/runs/{id}` |
//! | the speaker | `/control`, `/presenter`, `/presenter/{slide}`, `/remote`, `/notes`, `/print?notes`, |
//! | | `/deck-problems`, `/preflight`, `POST /actions/{kind}`, `/dead-letters`, `POST /dead-letters/{retry,discard}`, |
//! | | `POST /position`, `POST /position/clock`, `POST /pointer`, `POST /ink`, `POST /login/rotate` |
//! | probes | `/healthz`, `/readyz` |
//!
//! A handler takes what it needs, calls one function of the domain and maps the result. Who may call shows in its
//! signature: a [`auth::Speaker`] argument means the speaker alone. Every answer carries the security headers; every
//! request must name a host we know, and no other site's page may make it.

pub mod actions;
pub mod assets;
pub mod auth;
pub mod authoring;
pub mod caller;
pub mod dead_letters;
pub mod error;
pub mod events;
pub mod export;
mod frozen;
pub mod guard;
mod inline;
pub mod login;
pub mod login_limit;
pub mod origin;
pub mod pages;
pub mod position;
pub mod preflight;
pub mod presenter;
pub mod print;
mod probes;
pub mod qr;
pub mod reading;
pub mod runs;

use crate::deck::Deck;
use crate::deck::reload::DeckHandle;
use crate::live::hub::Hub;
use crate::live::room::Room;
use crate::live::run::Runs;
use crate::server::{self, Limits};
use crate::stage::actions::Actions;
use auth::SpeakerKey;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use qr::RoomAddress;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// The largest request body: a form of three fields needs a hundred bytes.
const LARGEST_BODY: usize = 16 * 1024;

/// What handlers share; cheap to clone.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The deck; a handler that takes `State<Arc<Deck>>` gets the one that is shown now.
    pub deck: DeckHandle,
    /// Where the deck's images are; `None` for the built-in talk.
    pub deck_folder: DeckFolder,
    /// Frames for the browsers.
    pub hub: Hub,
    /// Where the talk is, and who drives.
    pub room: Room,
    /// The last runs.
    pub runs: Runs,
    /// What the buttons do.
    pub actions: Actions,
    /// Where the room finds us.
    pub room_address: RoomAddress,
    /// Who is the speaker.
    pub key: SpeakerKey,
    /// Ends every open stream, and being ready.
    pub shutdown: CancellationToken,
}

impl FromRef<AppState> for Arc<Deck> {
    fn from_ref(state: &AppState) -> Self {
        state.deck.deck()
    }
}

/// Where the deck's images are.
#[derive(Clone)]
pub struct DeckFolder(pub Option<Arc<PathBuf>>);

/// Serves on `listener` within `limits` until `state.shutdown`, then finishes the requests in hand.
pub async fn serve(listener: TcpListener, state: AppState, limits: Limits) {
    let shutdown = state.shutdown.clone();
    server::serve(listener, router(state), limits, shutdown).await;
}

/// Every route, on what its handlers share.
pub fn router(state: AppState) -> Router {
    let room = state.room_address.clone();
    let anyone = Router::new()
        .route("/", get(pages::first))
        .route("/{address}", get(pages::slide))
        .route("/slides/{file}", get(pages::markdown_link))
        .route("/deck/{*path}", get(assets::deck_file))
        .route("/docs/{*path}", get(reading::docs))
        .route("/src/queue/{*path}", get(reading::queue_code))
        .route("/manifests/{*path}", get(reading::manifests))
        .route("/print", get(print::slides))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(runs::run))
        .route("/events", get(events::stream))
        .route("/qr", get(qr::page))
        .route("/qr.svg", get(qr::code))
        .route("/static/{*path}", get(assets::static_file));
    let door = Router::new()
        .route("/login", get(login::page).post(login::form))
        .route("/login/rotate", post(login::rotate));
    let speaker = Router::new()
        .route("/control", get(pages::control))
        .route("/notes", get(print::handout))
        .route("/preflight", get(preflight::page))
        .route("/presenter", get(presenter::presenter))
        .route("/presenter/{address}", get(presenter::presenter_at))
        .route("/remote", get(presenter::remote))
        .route("/deck-problems", get(authoring::deck_problems))
        .route("/actions/cancel", post(actions::cancel))
        .route("/actions/{kind}", post(actions::act))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/{fate}", post(dead_letters::settle))
        .route("/position", post(position::change))
        .route("/position/clock", post(position::clock))
        .route("/pointer", post(position::pointer))
        .route("/ink", post(position::ink));
    let probes = Router::new()
        .route("/healthz", get(probes::alive))
        .route("/readyz", get(probes::ready));
    anyone
        .merge(speaker.merge(door).layer(guard::keep_nowhere()))
        .merge(probes)
        .fallback(pages::not_found)
        .with_state(state)
        .layer(CompressionLayer::new())
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(axum::middleware::from_fn_with_state(
            room.clone(),
            origin::check_origin,
        ))
        .layer(axum::middleware::from_fn_with_state(
            room.hosts(),
            guard::check_host,
        ))
        .layer(axum::middleware::from_fn(guard::security_headers))
}
