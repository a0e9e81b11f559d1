//! HTTP/1.1 for strangers: connections come in, requests go to a router, and nothing that a peer does is without a limit.
//!
//! axum's own server accepts whoever comes and waits for them as long as they like, which is right behind a proxy that
//! knows better and wrong for a laptop on a venue's network. So the accepting is ours, on hyper:
//!
//! 1. `limits` has the numbers, and why;
//! 2. `census` gives each connection a place, or none; who gets none is told so (503) and closed;
//! 3. `conversation` serves one connection, through the socket of `patient`, which ends when its peer takes nothing;
//! 4. `takeover` hands a connection to a handler that speaks another protocol on it;
//! 5. this file accepts, waits out what the operating system refuses, and stops.
//!
//! HTTP/2 is left out: browsers speak it over TLS alone, which is a proxy's business here, and its limits are a list of
//! their own. Both of our HTTP servers stand on this one: the pages, and the embedded cluster's API.

mod census;
mod conversation;
mod limits;
mod patient;
mod takeover;

pub use limits::Limits;
pub use takeover::Takeover;

use axum::Router;
use census::Census;
use conversation::Conversations;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a connection without a place reads. The pages' scripts come back by themselves, later and later.
const NO_PLACE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 47\r\n\
    retry-after: 5\r\nconnection: close\r\n\r\nToo many are connected; try again in a moment.\n";

/// How many are told so at a time; the others are closed without a word, which a browser takes for a network error and
/// tries again. Saying it costs a file and a moment each, and somebody who floods us must not choose how many.
const TOLD_AT_A_TIME: usize = 64;

/// How long telling one may take.
const TELLING: Duration = Duration::from_secs(1);

/// The pause after the first error of accepting; it doubles up to [`LONGEST_PAUSE`]. The usual error is that the files
/// have run out, and they come back when connections end: trying on without a pause would only heat the machine.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Trouble with accepting is over when there has been none for so long.
const CALM: Duration = Duration::from_secs(10);

/// Serves `router` on `listener` within `limits`, until `shutdown`; then every connection may finish what it is at,
/// within [`Limits::farewell`].
///
/// A request carries its peer's address as `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let census = Census::new(limits);
    let conversations = Conversations::new(router, limits, shutdown.clone());
    let telling = Arc::new(Semaphore::new(TOLD_AT_A_TIME));
    let connections = TaskTracker::new();
    let accepting = async {
        let mut pause = Pause::default();
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    pause.over();
                    match census.admit(peer.ip()) {
                        Some(place) => {
                            let conversation = conversations.hold(stream, peer);
                            connections.spawn(async move {
                                conversation.await;
                                drop(place);
                            });
                        }
                        None => turn_away(stream, &telling, &connections),
                    }
                }
                Err(error) => pause.take(&error).await,
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown.cancelled() => {}
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Tells a peer that there is no place, if not too many are being told already.
fn turn_away(stream: TcpStream, telling: &Arc<Semaphore>, tasks: &TaskTracker) {
    if let Ok(turn) = Arc::clone(telling).try_acquire_owned() {
        tasks.spawn(async move {
            // Best effort: it may be gone already.
            let _ = tokio::time::timeout(TELLING, say_no_place(stream)).await;
            drop(turn);
        });
    }
}

async fn say_no_place(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(NO_PLACE).await?;
    stream.shutdown().await?;
    // Closing on a request that nobody read would reset the connection, and take the answer away with it.
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// The pauses between attempts to accept, and what the log is told of them.
#[derive(Default)]
struct Pause {
    last: Option<Duration>,
    /// When the latest error of this trouble came.
    trouble: Option<Instant>,
}

impl Pause {
    /// Waits after an error. While files come and go, errors and successes alternate: that is one trouble, told once.
    async fn take(&mut self, error: &io::Error) {
        let of_one_peer = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
        );
        if of_one_peer {
            return;
        }
        if self.trouble.is_none() {
            tracing::warn!(%error, "connections cannot be accepted; trying on");
        }
        self.trouble = Some(Instant::now());
        let length = self
            .last
            .map_or(FIRST_PAUSE, |last| (last * 2).min(LONGEST_PAUSE));
        self.last = Some(length);
        tokio::time::sleep(length).await;
    }

    /// Notes a success.
    fn over(&mut self) {
        self.last = None;
        if self.trouble.is_some_and(|last| last.elapsed() >= CALM) {
            self.trouble = None;
            tracing::info!("connections are accepted again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(NO_PLACE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_second_and_a_success_ends_them() {
        let full = io::Error::from_raw_os_error(24);
        let mut pause = Pause::default();
        let mut lengths = Vec::new();
        for _ in 0..9 {
            let before = Instant::now();
            pause.take(&full).await;
            lengths.push(before.elapsed().as_millis());
        }
        assert_eq!(lengths, [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        pause.over();
        let before = Instant::now();
        pause.take(&full).await;
        assert_eq!(before.elapsed(), FIRST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_left_before_it_was_accepted_costs_no_pause() {
        let before = Instant::now();
        let aborted = io::ErrorKind::ConnectionAborted.into();
        Pause::default().take(&aborted).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
