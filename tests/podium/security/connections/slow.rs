//! Clients that take their time: with a request's head or body, and with reading what they asked for.

use super::{House, PATIENCE, SHORT, address_of, request, status, still_answers, to_the_end};
use crate::talk::Talk;
use podium::server::Limits;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

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

/// Sends `bytes` again and again, reads nothing, and returns once the server's buffers are full.
async fn clog(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sending = async { while stream.write_all(bytes).await.is_ok() {} };
    let _ = timeout(Duration::from_millis(200), sending).await;
    stream
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
