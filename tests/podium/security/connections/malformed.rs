//! Requests that are none, are too large, or hide another one.

use super::{address_of, attack, request, status, still_answers};
use crate::talk::Talk;

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
