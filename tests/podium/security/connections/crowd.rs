//! Many clients: places for each address and in all, files that run out, and a full room that is to be left.

use super::{House, PATIENCE, address_of, first_bytes, request, status, still_answers, to_the_end};
use crate::talk::{PODIUM, Talk};
use podium::server::Limits;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

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
