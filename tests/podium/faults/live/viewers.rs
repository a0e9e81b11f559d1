//! Viewers that stall, vanish and come back: they cost nobody else anything, and the server little.

use super::Page;
use crate::talk::Talk;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// Viewers that never read.
const STALLED: usize = 40;
/// More frames than the hub keeps, each of [`STROKES`] strokes of [`POINTS`] points: some 20 MB for each viewer.
const PIECES: usize = 420;
const STROKES: usize = 5;
const POINTS: usize = 600;
/// What the server may grow by meanwhile, kB: the ring, and a few frames and snapshots that stalled viewers hold.
const GROWTH_KB: u64 = 96 * 1_024;

/// Opens the stream with next to no room to receive, and does not read.
async fn stalled(talk: &Talk) -> TcpStream {
    let authority = talk.url.trim_start_matches("http://").trim_end_matches('/');
    let address: SocketAddr = authority.parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn viewers(page: &mut Page, wanted: usize) {
    page.until(
        Duration::from_secs(10),
        &format!("{wanted} viewers"),
        |page| page.sample["viewers"] == wanted,
    )
    .await;
}

fn resident_kb(talk: &Talk) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", talk.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let digits = line.trim().trim_end_matches(" kB");
    digits.parse().unwrap()
}

/// Draws a piece of a stroke; the first coordinate of its first point is the piece's number.
async fn draw(talk: &Talk, stroke: usize, piece: usize) {
    let points: Vec<_> = (0..POINTS)
        .map(|point| {
            let x = if point == 0 { piece } else { point };
            [x as f64 / 10_000.0, 0.1234]
        })
        .collect();
    let body = json!({"window": "w-1", "address": "1", "id": stroke, "stroke": points});
    let (status, answer) = talk.post("ink", body).await;
    assert_eq!(status, 204, "{answer}");
}

/// The number of the piece that an `ink` event shows last.
fn piece_of(strokes: &Value) -> usize {
    let last = strokes.as_array().unwrap().last().unwrap();
    (last[0][0].as_f64().unwrap() * 10_000.0).round() as usize
}

#[tokio::test]
async fn stalled_viewers_hold_up_nobody_and_skip_to_a_fresh_snapshot_when_they_read_again() {
    let talk = Talk::start().await;
    let mut page = Page::open(&talk).await;
    let mut asleep = Vec::new();
    for _ in 0..STALLED {
        asleep.push(stalled(&talk).await);
    }
    viewers(&mut page, STALLED + 1).await;
    for stroke in 1..STROKES {
        draw(&talk, stroke, 1).await;
    }
    let before = resident_kb(&talk);
    let mut awake = talk.events().await;
    let watching = tokio::spawn(async move {
        let mut snapshots = 0;
        let mut pieces = Vec::new();
        while pieces.last() != Some(&PIECES) {
            let (event, data) = awake.next().await.expect("the stream goes on");
            snapshots += usize::from(event == "snapshot");
            if event == "ink" {
                pieces.push(piece_of(&data["strokes"]));
            }
        }
        (snapshots, pieces)
    });
    for piece in 1..=PIECES {
        draw(&talk, STROKES, piece).await;
    }
    let watched = tokio::time::timeout(Duration::from_secs(20), watching).await;
    let (snapshots, pieces) = watched.expect("who reads keeps the pace").unwrap();
    assert_eq!(snapshots, 1, "who reads misses nothing");
    assert!(pieces.is_sorted() && pieces.len() >= PIECES, "{pieces:?}");
    let grown = resident_kb(&talk).saturating_sub(before);
    assert!(grown < GROWTH_KB, "the server grew by {grown} kB");

    let mut sleeper = asleep.pop().unwrap();
    let fresh = tokio::time::timeout(Duration::from_secs(20), wakes(&mut sleeper)).await;
    let fresh = fresh.expect("it is served again");
    let ink = fresh["ink"].as_object().unwrap();
    let strokes = ink.values().next().expect("one step has ink");
    assert_eq!(piece_of(strokes), PIECES, "what is true now");

    // All but the page and one who just woke leave without a word.
    drop(asleep);
    page = Page::open(&talk).await;
    viewers(&mut page, 2).await;
    drop(sleeper);
    viewers(&mut page, 1).await;
}

/// Reads until the second snapshot; its data.
async fn wakes(stream: &mut TcpStream) -> Value {
    const SNAPSHOT: &str = "event: snapshot\ndata: ";
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        answer.read_line(&mut line).await.unwrap();
    }
    let mut text = String::new();
    let mut snapshots = 0;
    loop {
        let chunk = chunk(&mut answer).await;
        // A frame is a chunk, or several: the frame's head is in one of them.
        snapshots += chunk.matches(SNAPSHOT).count();
        if snapshots < 2 {
            continue;
        }
        text.push_str(&chunk);
        let data = text.rsplit_once(SNAPSHOT).map(|(_, rest)| rest);
        if let Some((data, _)) = data.and_then(|rest| rest.split_once("\n\n")) {
            return serde_json::from_str(data).unwrap();
        }
    }
}

/// The next chunk of an answer's body in HTTP/1.1.
async fn chunk(answer: &mut BufReader<&mut TcpStream>) -> String {
    let mut line = String::new();
    answer.read_line(&mut line).await.unwrap();
    let size = usize::from_str_radix(line.trim_end(), 16).expect("the stream goes on");
    let mut bytes = vec![0; size + 2];
    answer.read_exact(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..size]).into_owned()
}

#[tokio::test]
async fn a_window_id_that_no_page_gives_itself_is_refused() {
    let talk = Talk::start().await;
    for id in ["", "a%20b", &"x".repeat(65)] {
        let answer = talk
            .request(reqwest::Method::GET, &format!("events?window={id}"))
            .bearer_auth(&talk.key)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 422, "{id:?}");
    }
}
