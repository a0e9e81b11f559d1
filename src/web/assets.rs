//! Files: our own from the binary, the deck's images from its folder.

use super::DeckFolder;
use super::error::Error;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use std::path::{Component, Path as FilePath};

#[derive(RustEmbed)]
#[folder = "static"]
#[exclude = "vendor.mjs"]
pub(super) struct Static;

/// A stylesheet, script or font of ours. Revalidated by content hash, so that a new binary is seen at once.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn static_file(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let file = Static::get(&path).ok_or_else(|| not_found(&path))?;
    let hash = file.metadata.sha256_hash();
    let tag: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{tag}\"");
    let known = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let caching = [(ETAG, tag), (CACHE_CONTROL, "no-cache".to_owned())];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let content = [(CONTENT_TYPE, content_type(&path))];
    Ok((caching, content, file.data.into_owned()).into_response())
}

/// A file that the deck refers to, from the deck's own folder and nowhere else.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn deck_file(
    State(folder): State<DeckFolder>,
    Path(path): Path<String>,
) -> Result<Response, Error> {
    let folder = folder.0.ok_or_else(|| not_found(&path))?;
    let plain = FilePath::new(&path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let kind = content_type(&path);
    if !plain || !kind.starts_with("image/") {
        return Err(not_found(&path));
    }
    let file = tokio::fs::canonicalize(folder.join(&path))
        .await
        .map_err(|_| not_found(&path))?;
    let inside = tokio::fs::canonicalize(folder.as_path())
        .await
        .is_ok_and(|root| file.starts_with(root));
    // Reading a pipe or a device would hold a thread for ever.
    let is_file = tokio::fs::metadata(&file)
        .await
        .is_ok_and(|found| found.is_file());
    if !inside || !is_file {
        return Err(not_found(&path));
    }
    let content = tokio::fs::read(file).await.map_err(|_| not_found(&path))?;
    Ok(([(CONTENT_TYPE, kind)], content).into_response())
}

fn not_found(path: &str) -> Error {
    Error::NotFound {
        what: format!("There is no file {path:?} here"),
        remedy: "Check the spelling; files of a deck lie in its own folder.".to_owned(),
    }
}

/// The media type of a file, by its name.
pub(super) fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "woff2" => "font/woff2",
        _ => "text/plain; charset=utf-8",
    }
}
