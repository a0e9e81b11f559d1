//! `podium rotate-key`: a new speaker's key for the server that runs here.
//!
//! For the moment when the link was on the projector or went to the wrong chat. The server makes the new key and tells
//! it; this command only asks for it, as the speaker, with the key in connection.json. Whoever has the old one can ask as
//! well: who comes first wins, and whoever comes second starts the server again.

use crate::config::Config;
use crate::connection::Connection;
use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::Write as _;
use std::time::Duration;
use tokio::net::TcpStream;

/// The server answers within milliseconds; a stopped one never does.
const PATIENCE: Duration = Duration::from_secs(10);
/// The answer holds a key.
const LARGEST_ANSWER: usize = 16 * 1024;

/// Changes the key and prints the new link.
///
/// # Errors
/// When no server runs here, or it refuses.
pub async fn run(config: &Config) -> Result<()> {
    let connection = Connection::read(&config.state_dir)?;
    let asking = tokio::time::timeout(PATIENCE, rotate(&connection));
    let answer = asking
        .await
        .map_err(|_| anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs()))
        .flatten()
        .with_context(|| format!("the key of {} was not changed", connection.url))?;
    let Some(key) = answer["speaker_key"].as_str() else {
        let error = &answer["error"];
        let said = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        bail!("{}. {}", said("message"), said("remedy"));
    };
    let renewed = Connection {
        speaker_key: key.to_owned(),
        ..connection
    };
    writeln!(
        std::io::stdout(),
        "The old link opens nothing any more, and who was logged in is of the audience now.\n  speaker    {}",
        renewed.speaker_link()
    )?;
    Ok(())
}

/// The server's answer to `POST /login/rotate`.
async fn rotate(connection: &Connection) -> Result<Value> {
    let address = connection
        .url
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let stream = TcpStream::connect(address)
        .await
        .context("nobody listens there; start `podium serve`, which makes a new key as well")?;
    let (mut sender, served) = http1::handshake(TokioIo::new(stream)).await?;
    let served = tokio::spawn(served);
    let request = Request::post("/login/rotate")
        .header(HOST, address)
        .header(AUTHORIZATION, format!("Bearer {}", connection.speaker_key))
        .header(ACCEPT, "application/json")
        .body(String::new())?;
    let answer = sender.send_request(request).await?;
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect();
    let body = body.await.map_err(anyhow::Error::from_boxed)?;
    served.abort();
    serde_json::from_slice(&body.to_bytes()).context("what answers there is no Podium")
}
