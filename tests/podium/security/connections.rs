//! The connection layer, attacked with raw sockets: too slow, too much, malformed, never reading. Each attack ends as it
//! should, and somebody else is answered meanwhile.
//!
//! What takes long at the real limits is tried on the same server in this process, with shorter ones.

mod crowd;
mod embedded;
mod malformed;
mod slow;

use crate::talk::Talk;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use futures::stream;
use podium::server::{self, Limits};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A limit that a test can wait for.
const SHORT: Duration = Duration::from_millis(300);

/// Longer than anything should take, on two busy cores.
const PATIENCE: Duration = Duration::from_secs(10);

const CHUNK: &[u8] = &[b'x'; 16 << 10];

/// The server in this process, with limits of the test's own.
struct House {
    address: SocketAddr,
    /// Bytes that `/endless` has given out.
    given: Arc<AtomicUsize>,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl House {
    async fn open(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (given, shutdown) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let counter = Arc::clone(&given);
        let endless = move || async move {
            let chunks = stream::repeat_with(move || {
                counter.fetch_add(CHUNK.len(), Ordering::Relaxed);
                Ok::<_, Infallible>(Bytes::from_static(CHUNK))
            });
            Body::from_stream(chunks)
        };
        let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
        let router = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/peer", get(peer))
            .route("/body", post(|body: Bytes| async move { body }))
            .route("/endless", get(endless));
        let serving = tokio::spawn(server::serve(listener, router, limits, shutdown.clone()));
        Self {
            address,
            given,
            shutdown,
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The status of a request from this address of our own; the connection stays open.
    async fn ask_from(&self, source: Ipv4Addr) -> (TcpStream, u16) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        // Who is refused at once may be closed already.
        let _ = stream.write_all(&request("/healthz")).await;
        let head = timeout(PATIENCE, first_bytes(&mut stream)).await.unwrap();
        let status = status(&head);
        (stream, status)
    }

    /// Waits until there is a place again.
    async fn until_answered_from(&self, source: Ipv4Addr) {
        let asking = async {
            while self.ask_from(source).await.1 != 200 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, asking).await.expect("a place in time");
    }
}

fn request(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

async fn first_bytes(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = vec![0; 512];
    let read = stream.read(&mut head).await.unwrap_or(0);
    head.truncate(read);
    head
}

/// The status of an answer, 0 when there is none.
fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    let code = text
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Everything until the server closes; a reset ends it as well.
async fn to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let reading =
        async { while matches!(stream.read_buf(&mut all).await, Ok(read) if read > 0) {} };
    timeout(PATIENCE, reading)
        .await
        .expect("the server closes the connection");
    all
}

/// Sends these bytes and reads to the end. The server may stop reading before we stop sending.
async fn attack(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let sending = async {
        let _ = writer.write_all(bytes).await;
        // Kept open: closing our side would end the connection without the server's doing.
        writer
    };
    let reading = async {
        let mut all = Vec::new();
        while matches!(reader.read_buf(&mut all).await, Ok(read) if read > 0) {}
        all
    };
    let both = async { tokio::join!(sending, reading).1 };
    timeout(PATIENCE, both)
        .await
        .expect("the server closes the connection")
}

async fn still_answers(address: SocketAddr) {
    let ask = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request("/healthz")).await.unwrap();
        status(&first_bytes(&mut stream).await)
    };
    let status = timeout(Duration::from_secs(2), ask).await;
    assert_eq!(status, Ok(200), "somebody else is answered at once");
}

fn address_of(talk: &Talk) -> SocketAddr {
    let url = talk.url.trim_end_matches('/');
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_handler_knows_its_peer() {
    let house = House::open(Limits::default()).await;
    let mut stream = house.connect().await;
    let here = stream.local_addr().unwrap().to_string();
    stream.write_all(&request("/peer")).await.unwrap();
    let answer = first_bytes(&mut stream).await;
    assert!(String::from_utf8_lossy(&answer).ends_with(&here));
}
