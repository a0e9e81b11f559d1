//! The peer: the least that could do the same. A router with one route, a broadcast channel, a frame of a sample's size
//! five times a second, in a process of its own: what of memory and delay is the machine's and the libraries', and what
//! is Podium's.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures::stream;
use podium::clock::Clock;
use podium::live::sample::Sample;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::broadcast;

/// The argument that makes this program the bare server.
pub(crate) const ARGUMENT: &str = "bare-server";

/// As often as Podium samples while something moves.
const SAMPLE_EVERY: Duration = Duration::from_millis(200);
/// As many frames as Podium's hub keeps.
const RING: usize = 256;

/// A running bare server; it is killed when dropped.
pub(crate) struct BareServer {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl BareServer {
    /// Starts this program once more, as the bare server.
    pub(crate) async fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("its standard output")?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?.context("the bare server ended")?;
        let address = line.parse()?;
        Ok(Self { child, address })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the bare server has ended")
    }
}

/// Serves until killed; prints its address first.
pub(crate) async fn serve() -> Result<()> {
    let frames = broadcast::channel::<Bytes>(RING).0;
    let audience = frames.clone();
    let events = get(move || {
        let receiver = audience.subscribe();
        async { Body::from_stream(stream::unfold(receiver, next)) }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    tokio::spawn(sample(frames));
    axum::serve(listener, Router::new().route("/events", events)).await?;
    Ok(())
}

async fn next(
    mut frames: broadcast::Receiver<Bytes>,
) -> Option<(Result<Bytes, Infallible>, broadcast::Receiver<Bytes>)> {
    loop {
        match frames.recv().await {
            Ok(frame) => return Some((Ok(frame), frames)),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return None,
        }
    }
}

async fn sample(frames: broadcast::Sender<Bytes>) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    loop {
        ticks.tick().await;
        let sample = Sample {
            t: Clock::wall().now_ms(),
            ..Sample::default()
        };
        let data = serde_json::json!(sample);
        // No receiver is no error: nobody watches yet.
        let _ = frames.send(Bytes::from(format!("event: sample\ndata: {data}\n\n")));
    }
}
