//! The connection layer, attacked with raw sockets: too slow, too much, malformed, never reading. Each attack ends as it
//! should, and somebody else is answered meanwhile.
//!
//! What takes long at the real limits is tried on the same server in this process, with shorter ones.

use crate::redis_server::Redis;
use crate::talk::{PODIUM, Talk};
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
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
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

/// Sends a byte now and then until the server closes; how long that took.
async fn drip(address: SocketAddr, start: &str) -> (Duration, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let began = Instant::now();
    stream.write_all(start.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let dripping = async {
        loop {
            tokio::select! {
                read = stream.read_buf(&mut answer) => if !matches!(read, Ok(read) if read > 0) {
                    return;
                },
                () = sleep(Duration::from_millis(50)) => {
                    let _ = stream.write_all(b"x").await;
                }
            }
        }
    };
    timeout(Duration::from_secs(20), dripping)
        .await
        .expect("the server's patience ends");
    (began.elapsed(), answer)
}

#[tokio::test]
async fn headers_that_take_more_than_ten_seconds_end_the_connection() {
    let talk = Talk::start().await;
    let address = address_of(&talk);
    let (dripping, silent) = tokio::join!(
        drip(address, "GET / HTTP/1.1\r\nhost: localhost\r\nx: "),
        async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let began = Instant::now();
            let mut answer = Vec::new();
            let silence = stream.read_to_end(&mut answer);
            let _ = timeout(Duration::from_secs(20), silence)
                .await
                .expect("closed");
            (began.elapsed(), answer)
        }
    );
    for (time, answer) in [dripping, silent] {
        assert!(time > Duration::from_secs(9), "{time:?}");
        assert!(answer.is_empty());
    }
    still_answers(address).await;
}

#[tokio::test]
async fn the_headers_of_a_later_request_have_their_time_too() {
    let house = House::open(Limits {
        idle: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = house.connect().await;
    stream.write_all(&request("/healthz")).await.unwrap();
    stream.write_all(b"GET /healthz HT").await.unwrap();
    let answer = to_the_end(&mut stream).await;
    assert_eq!(status(&answer), 200);
    still_answers(house.address).await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_with_408_and_closed() {
    let house = House::open(Limits {
        answer: SHORT,
        ..Limits::default()
    })
    .await;
    let head = "POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n";
    let (_, answer) = drip(house.address, head).await;
    assert_eq!(status(&answer), 408);
    still_answers(house.address).await;
}

#[tokio::test]
async fn one_address_gets_256_connections_and_the_others_their_own() {
    let house = House::open(Limits::default()).await;
    let greedy = Ipv4Addr::new(127, 0, 0, 2);
    let (mut held, mut refused) = (Vec::new(), 0);
    for _ in 0..300 {
        match house.ask_from(greedy).await {
            (stream, 200) => held.push(stream),
            (_, 503) => refused += 1,
            (_, other) => panic!("answered with {other}"),
        }
    }
    assert_eq!((held.len(), refused), (256, 44));
    assert_eq!(house.ask_from(Ipv4Addr::new(127, 0, 0, 3)).await.1, 200);
    still_answers(house.address).await;
    drop(held);
    house.until_answered_from(greedy).await;
}

#[tokio::test]
async fn a_full_house_says_so_and_has_a_place_for_the_speakers_machine() {
    let house = House::open(Limits {
        connections: 4,
        kept_for_this_machine: 2,
        ..Limits::default()
    })
    .await;
    let stranger = Ipv4Addr::new(127, 0, 0, 2);
    let held = [
        house.ask_from(stranger).await,
        house.ask_from(stranger).await,
    ];
    assert!(held.iter().all(|(_, status)| *status == 200));
    let (mut refused, status) = house.ask_from(stranger).await;
    assert_eq!(status, 503);
    to_the_end(&mut refused).await;
    still_answers(house.address).await;
    drop(held);
    house.until_answered_from(stranger).await;
}

/// Sends `bytes` again and again, reads nothing, and returns once the server's buffers are full.
async fn clog(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sending = async { while stream.write_all(bytes).await.is_ok() {} };
    let _ = timeout(Duration::from_millis(200), sending).await;
    stream
}

#[tokio::test]
async fn whoever_reads_nothing_is_dropped_and_has_held_little() {
    let limits = Limits {
        connections: 1,
        kept_for_this_machine: 0,
        stall: SHORT,
        ..Limits::default()
    };
    // An endless answer; and a flood of pipelined requests whose answers pile up.
    for asked in [request("/endless"), request("/healthz").repeat(10_000)] {
        let house = House::open(limits).await;
        let deaf = clog(house.address, &asked).await;
        house.until_answered_from(Ipv4Addr::LOCALHOST).await;
        let given = house.given.load(Ordering::Relaxed);
        assert!(given < 8 << 20, "{given} bytes for one who reads nothing");
        drop(deaf);
    }
}

#[tokio::test]
async fn whoever_reads_slowly_but_reads_stays() {
    let house = House::open(Limits {
        stall: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = house.connect().await;
    stream.write_all(&request("/endless")).await.unwrap();
    let mut bytes = vec![0; 512 << 10];
    for _ in 0..20 {
        sleep(SHORT / 3).await;
        assert!(stream.read(&mut bytes).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn shutdown_waits_for_nobody_who_reads_nothing() {
    let house = House::open(Limits {
        farewell: SHORT,
        ..Limits::default()
    })
    .await;
    let _deaf = clog(house.address, &request("/endless")).await;
    let mut idle = house.connect().await;
    idle.write_all(&request("/healthz")).await.unwrap();
    house.shutdown.cancel();
    timeout(PATIENCE, house.serving)
        .await
        .expect("the server stops")
        .unwrap();
    to_the_end(&mut idle).await;
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

/// What is sent, and the status that refuses it; 0 for a connection that is closed without a word.
fn malformed() -> Vec<(&'static str, Vec<u8>, u16)> {
    let host = "host: localhost\r\n";
    let get = |rest: &str| format!("GET / HTTP/1.1\r\n{host}{rest}").into_bytes();
    let post = |rest: &str| format!("POST /login HTTP/1.1\r\n{host}{rest}").into_bytes();
    let target = |length: usize| request(&format!("/{}", "a".repeat(length)));
    vec![
        (
            "a target of 9 KB",
            {
                let mut bytes = target(9 << 10);
                // 414 is an answer like any other: the connection is closed after it because we say so.
                bytes.extend(request("/healthz"));
                bytes
            },
            414,
        ),
        ("a target of 1 MB", target(1 << 20), 431),
        ("10,000 header lines", get(&"x: y\r\n".repeat(10_000)), 431),
        (
            "a header without an end",
            get(&format!("x: {}", "y".repeat(1 << 20))),
            431,
        ),
        ("a folded header", get("x: y\r\n z\r\n\r\n"), 400),
        ("a space before the colon", get("x : y\r\n\r\n"), 400),
        ("a NUL in a header", get("x: \0\r\n\r\n"), 400),
        ("two hosts", get("host: elsewhere.example\r\n\r\n"), 400),
        (
            "two lengths",
            post("content-length: 1\r\ncontent-length: 2\r\n\r\nab"),
            400,
        ),
        ("a signed length", post("content-length: +1\r\n\r\na"), 400),
        (
            "a transfer coding that is not chunked",
            post("transfer-encoding: gzip\r\n\r\n"),
            400,
        ),
        (
            "chunks in HTTP/1.0",
            b"POST /login HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
            400,
        ),
        (
            "an unknown version",
            b"GET / HTTP/3.0\r\n\r\n".to_vec(),
            400,
        ),
        ("HTTP/0.9", b"GET /\r\n\r\n".to_vec(), 400),
        (
            "HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            0,
        ),
        (
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
            400,
        ),
        (
            "a large body",
            post(&format!(
                "content-length: 1000000\r\n\r\n{}",
                "a".repeat(100)
            )),
            413,
        ),
    ]
}

#[tokio::test]
async fn malformed_and_outsized_requests_are_refused_and_closed() {
    let talk = Talk::start().await;
    let address = address_of(&talk);
    for (what, bytes, expected) in malformed() {
        let answer = attack(address, &bytes).await;
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(status(&answer), expected, "{what}: {text}");
        assert!(text.matches("HTTP/1.1 ").count() <= 1, "{what}: {text}");
        still_answers(address).await;
    }
}

#[tokio::test]
async fn nothing_smuggled_behind_a_transfer_coding_is_read_as_a_request() {
    let talk = Talk::start().await;
    let address = address_of(&talk);
    let smuggled = "0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let length = smuggled.len();
    for headers in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked"),
        format!("transfer-encoding: chunked\r\ncontent-length: {length}"),
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked".to_owned(),
        "transfer-encoding: chunked".to_owned(),
    ] {
        let request =
            format!("POST /login HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n{smuggled}");
        let answer = attack(address, request.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{headers}: {text}");
        assert!((400..500).contains(&status(&answer)), "{headers}: {text}");
        still_answers(address).await;
    }
}

#[tokio::test]
async fn a_viewer_that_closes_its_side_is_gone() {
    let talk = Talk::start().await;
    let mut stream = TcpStream::connect(address_of(&talk)).await.unwrap();
    stream.write_all(&request("/events")).await.unwrap();
    assert_eq!(status(&first_bytes(&mut stream).await), 200);
    stream.shutdown().await.unwrap();
    to_the_end(&mut stream).await;
}

#[tokio::test]
async fn two_thousand_viewers_leave_within_five_seconds_of_the_order_to_stop() {
    // The viewers' ends are files of this process.
    let _ = Limits::for_the_room(true);
    let mut talk = Talk::start().await;
    let address = address_of(&talk);
    let mut viewers = Vec::new();
    for _ in 0..2_000 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request("/events")).await.unwrap();
        viewers.push(stream);
    }
    let last = viewers.last_mut().unwrap();
    let head = timeout(PATIENCE, first_bytes(last)).await.unwrap();
    assert_eq!(status(&head), 200);
    still_answers(address).await;
    talk.signal("TERM").await;
    let ended = talk.ended(Duration::from_secs(5)).await;
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn the_embedded_api_keeps_no_connection_of_somebody_without_the_token() {
    let talk = Talk::start().await;
    let address = embedded_api(&talk);
    let answer = attack(address, &request("/api/v1/namespaces")).await;
    assert_eq!(status(&answer), 401);
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(1 << 20));
    assert_eq!(status(&attack(address, endless.as_bytes()).await), 431);
    still_answers(address).await;
}

#[tokio::test]
async fn the_embedded_api_is_on_loopback_with_a_token_of_its_own_each_time() {
    let talks = [Talk::start().await, Talk::start().await];
    let tokens = talks.each_ref().map(|talk| {
        assert!(embedded_api(talk).ip().is_loopback());
        kubeconfig(talk)["users"][0]["user"]["token"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    assert!(tokens.iter().all(|token| token.len() == 32), "{tokens:?}");
    assert_ne!(tokens[0], tokens[1]);
    assert_ne!(talks[0].key, talks[1].key);
}

fn kubeconfig(talk: &Talk) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(talk.kubeconfig()).unwrap()).unwrap()
}

fn embedded_api(talk: &Talk) -> SocketAddr {
    let config = kubeconfig(talk);
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    server.rsplit('@').next().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_broker_keeps_no_connection_of_somebody_without_the_password() {
    let redis = Redis::embedded_with(Some("opensesame")).await;
    let mut stream = TcpStream::connect(redis.address).await.unwrap();
    stream.write_all(b"PING\r\n").await.unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).starts_with("-NOAUTH"));
    assert!(began.elapsed() >= Duration::from_secs(29), "{began:?}");
}

/// Processor time of a process so far, in hundredths of a second.
fn processor_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [11, 12]
        .iter()
        .map(|at| fields[*at].parse::<u64>().unwrap())
        .sum()
}

#[tokio::test]
async fn a_server_whose_files_run_out_waits_without_spinning_and_answers_when_they_are_back() {
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\"", PODIUM])
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("PODIUM_STATE_DIR", state.path());
    let talk = Talk::start_by(command, state).await;
    let address = address_of(&talk);
    let mut held = Vec::new();
    for _ in 0..150 {
        // Those that the server cannot accept wait in the listener's backlog.
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(&request("/events")).await;
        held.push(stream);
    }
    let before = processor_time(talk.pid());
    sleep(Duration::from_secs(1)).await;
    let spent = processor_time(talk.pid()) - before;
    assert!(spent < 50, "{spent} hundredths of a second of work in one");
    drop(held);
    let answered = async {
        loop {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _ = stream.write_all(&request("/healthz")).await;
            if status(&first_bytes(&mut stream).await) == 200 {
                return;
            }
        }
    };
    timeout(PATIENCE, answered).await.expect("answers again");
}
