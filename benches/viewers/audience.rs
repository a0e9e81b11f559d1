//! The audience: thousands of raw connections to `/events`, from many addresses of this machine, so that neither the
//! ports run out nor a limit per address is met.

use crate::arrivals::{Arrivals, Reader};
use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use podium::clock::Clock;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Addresses that viewers come from: 127.0.1.1 and up.
const ADDRESSES: usize = 200;
/// Connections being made at a time.
const AT_A_TIME: usize = 100;
/// How long one viewer may take to get its first bytes: the server makes one for each of 10,000.
const PATIENCE: Duration = Duration::from_secs(30);
/// Kernel memory for what a stalled viewer does not read: the least there is.
const STALLED_BUFFER: u32 = 2_048;
/// Bytes read at a time.
const READ: usize = 16 << 10;

/// Viewers who read everything at once. They leave when it is dropped.
pub(crate) struct Idle(JoinSet<()>);

impl Idle {
    /// Lets `count` viewers in, and tells `arrivals` of what they get.
    pub(crate) async fn arrive(
        count: usize,
        server: SocketAddr,
        arrivals: &Arc<Arrivals>,
    ) -> Result<Self> {
        let mut streams = futures::stream::iter(0..count)
            .map(|number| arrive(number, server, None))
            .buffer_unordered(AT_A_TIME);
        let mut viewers = JoinSet::new();
        // Reading starts at once: nobody who waits for the others may fall behind.
        while let Some(stream) = streams.try_next().await? {
            viewers.spawn(watch(stream, Arc::clone(arrivals)));
        }
        Ok(Self(viewers))
    }

    /// How many watch still.
    pub(crate) fn watching(&mut self) -> usize {
        while self.0.try_join_next().is_some() {}
        self.0.len()
    }

    /// Waits until the server has ended all streams.
    pub(crate) async fn ended(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Lets `count` viewers in who never read again.
pub(crate) async fn stalled(count: usize, server: SocketAddr) -> Result<Vec<TcpStream>> {
    futures::stream::iter(0..count)
        .map(|number| arrive(number, server, Some(STALLED_BUFFER)))
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await
}

/// A viewer whose stream has begun.
async fn arrive(number: usize, server: SocketAddr, buffer: Option<u32>) -> Result<TcpStream> {
    let opened = tokio::time::timeout(PATIENCE, open(number, server, buffer)).await;
    opened
        .ok()
        .with_context(|| format!("viewer {number}: no answer within {PATIENCE:?}"))?
        .with_context(|| format!("viewer {number}"))
}

async fn open(number: usize, server: SocketAddr, buffer: Option<u32>) -> Result<TcpStream> {
    let host = u8::try_from(number % ADDRESSES + 1)?;
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind((Ipv4Addr::new(127, 0, 1, host), 0).into())?;
    let mut stream = socket.connect(server).await?;
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: {server}\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 12];
    let mut peeked = 0;
    while peeked < head.len() {
        stream.readable().await?;
        peeked = stream.peek(&mut head).await?;
        ensure!(peeked > 0, "closed before the answer");
    }
    ensure!(
        head == *b"HTTP/1.1 200",
        "refused with {:?}",
        String::from_utf8_lossy(&head)
    );
    Ok(stream)
}

/// Reads until the server ends the stream.
async fn watch(stream: TcpStream, arrivals: Arc<Arrivals>) {
    let (clock, mut reader) = (Clock::wall(), Reader::default());
    while stream.readable().await.is_ok() {
        // On the stack and not in the task: ten thousand such buffers would be 160 MB.
        let mut bytes = [0; READ];
        match stream.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => reader.take(&bytes[..count], |t| arrivals.note(clock.now_ms() - t)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
