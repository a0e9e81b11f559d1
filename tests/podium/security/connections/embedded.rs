//! The embedded API and broker, which let nobody stay who has no token or password.

use super::{attack, request, status, still_answers};
use crate::connect::api;
use crate::redis_server::Redis;
use crate::talk::Talk;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

#[tokio::test]
async fn the_embedded_api_keeps_no_connection_of_somebody_without_the_token() {
    let talk = Talk::start().await;
    let (address, _) = api(&talk);
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
        let (address, token) = api(talk);
        assert!(address.ip().is_loopback());
        token
    });
    assert!(tokens.iter().all(|token| token.len() == 32), "{tokens:?}");
    assert_ne!(tokens[0], tokens[1]);
    assert_ne!(talks[0].key, talks[1].key);
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
