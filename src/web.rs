//! The doors: every route of the server, grouped by who calls it.
//!
//! | who | routes |
//! |---|---|
//! | anyone | `/`, `/{slide}`, `/slides/{file}`, `/deck/{file}`, `/docs/{file}`, `/src/queue/{file}`, `/manifests/{file}`, |
//! | | `/events`, `/static/{file}`, `/login` |
//! | the speaker | `/control`, `/deck-problems`, `POST /actions/{kind}` |
//! | probes | `/healthz`, `/readyz` |
//!
//! A handler takes what it needs, calls one function of the domain and maps the result. Who may call shows in its
//! signature: a [`auth::Speaker`] argument means the speaker alone. Every answer carries the security headers; every
//! request must name a host we know.

pub mod actions;
pub mod assets;
pub mod auth;
pub mod authoring;
pub mod error;
pub mod events;
pub mod guard;
pub mod pages;
pub mod reading;

use crate::deck::Deck;
use crate::deck::reload::DeckHandle;
use crate::live::hub::Hub;
use crate::stage::actions::Actions;
use auth::SpeakerKey;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use std::net::SocketAddr;
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
    /// What the buttons do.
    pub actions: Actions,
    /// Who is the speaker.
    pub key: SpeakerKey,
    /// Ends every open stream.
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

/// Serves on `listener` until `state.shutdown`, then finishes the requests in hand.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, state: AppState) -> std::io::Result<()> {
    let shutdown = state.shutdown.clone();
    let address = listener.local_addr()?;
    axum::serve(listener, router(state, address))
        .with_graceful_shutdown(async move { shutdown.cancelled().await })
        .await
}

fn router(state: AppState, address: SocketAddr) -> Router {
    let anyone = Router::new()
        .route("/", get(pages::first))
        .route("/{address}", get(pages::slide))
        .route("/slides/{file}", get(pages::markdown_link))
        .route("/deck/{*path}", get(assets::deck_file))
        .route("/docs/{*path}", get(reading::docs))
        .route("/src/queue/{*path}", get(reading::queue_code))
        .route("/manifests/{*path}", get(reading::manifests))
        .route("/events", get(events::stream))
        .route("/static/{*path}", get(assets::static_file))
        .route("/login", get(auth::login_page).post(auth::login));
    let speaker = Router::new()
        .route("/control", get(pages::control))
        .route("/deck-problems", get(authoring::deck_problems))
        .route("/actions/{kind}", post(actions::act));
    let probes = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(|| async { "ok" }));
    anyone
        .merge(speaker)
        .merge(probes)
        .fallback(pages::not_found)
        .with_state(state)
        .layer(CompressionLayer::new())
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(axum::middleware::from_fn_with_state(
            guard::Hosts::for_address(address),
            guard::check_host,
        ))
        .layer(axum::middleware::from_fn(guard::security_headers))
}
