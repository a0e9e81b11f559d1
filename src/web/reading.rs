//! What the slides link to besides each other: documentation, the worker's and the producer's code, the manifests. All of
//! it is in the binary, so that the links work on a train.

use super::error::Error;
use crate::deck::document;
use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "docs"]
#[include = "*.md"]
struct Docs;

#[derive(RustEmbed)]
#[folder = "src/queue"]
#[include = "*.rs"]
struct QueueCode;

#[derive(RustEmbed)]
#[folder = "manifests"]
struct Manifests;

#[derive(Template)]
#[template(path = "reading.html")]
struct ReadingPage {
    title: String,
    html: String,
}

/// `/docs/architecture.md`
///
/// # Errors
/// [`Error::NotFound`].
pub async fn docs(Path(path): Path<String>) -> Result<Response, Error> {
    let text = text(Docs::get(&path), &path)?;
    page(format!("docs/{path}"), document::document(&path, &text))
}

/// `/src/queue/worker.rs`
///
/// # Errors
/// [`Error::NotFound`].
pub async fn queue_code(Path(path): Path<String>) -> Result<Response, Error> {
    let text = text(QueueCode::get(&path), &path)?;
    page(format!("src/queue/{path}"), document::code("rust", &text))
}

/// `/manifests/queue-demo/` and the files in it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn manifests(Path(path): Path<String>) -> Result<Response, Error> {
    let title = format!("manifests/{path}");
    if let Some(file) = Manifests::get(&path) {
        let text = text(Some(file), &path)?;
        return page(title, document::code("yaml", &text));
    }
    let folder = format!("{}/", path.trim_end_matches('/'));
    let files: String = Manifests::iter()
        .filter(|file| file.starts_with(&folder))
        .map(|file| format!("- [{0}](/manifests/{file})\n", &file[folder.len()..]))
        .collect();
    if files.is_empty() {
        return Err(not_found(&path));
    }
    let list = format!("# {folder}\n\n`kubectl apply -k manifests/{folder}`\n\n{files}");
    page(title, document::document(&path, &list))
}

fn text(file: Option<rust_embed::EmbeddedFile>, path: &str) -> Result<String, Error> {
    let data: Cow<'static, [u8]> = file.ok_or_else(|| not_found(path))?.data;
    String::from_utf8(data.into_owned()).map_err(|_| not_found(path))
}

fn page(title: String, html: String) -> Result<Response, Error> {
    Ok(Html(ReadingPage { title, html }.render()?).into_response())
}

fn not_found(path: &str) -> Error {
    Error::NotFound {
        what: format!("There is no document {path:?} here"),
        remedy: "Start from /docs/architecture.md.".to_owned(),
    }
}
