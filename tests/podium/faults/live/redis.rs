//! Redis killed, frozen and started again: a real one, and the embedded cluster's pod.

use super::{OF_REDIS, Page, history_has_a_gap, told};
use crate::shutdown::descendants;
use crate::talk::Talk;
use std::net::SocketAddr;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A `redis-server` on a port of its own, which it keeps through restarts.
struct Server {
    address: SocketAddr,
    folder: TempDir,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let process = Self::run(address, &folder);
        Self {
            address,
            folder,
            process,
        }
    }

    fn run(address: SocketAddr, folder: &TempDir) -> Child {
        Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(address.port().to_string())
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server is needed: apt-get install redis-server")
    }

    async fn again(&mut self) {
        self.process.wait().await.unwrap();
        self.process = Self::run(self.address, &self.folder);
    }

    async fn signal(&self, name: &str) {
        signal(self.process.id().unwrap(), name).await;
    }
}

async fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status()
        .await;
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn a_redis_that_is_killed_or_frozen_takes_its_numbers_along_and_brings_them_back() {
    let mut redis = Server::start();
    let url = format!("redis://{}", redis.address);
    let (talk, log) = Talk::start_logged(None, &["--redis", &url]).await;
    let mut page = Page::open(&talk).await;
    page.finds("redis", &OF_REDIS).await;

    redis.signal("KILL").await;
    page.loses("redis", &OF_REDIS, &["lost", "not reachable"])
        .await;
    assert_eq!(page.light("cluster")["ok"], true);
    redis.again().await;
    page.finds("redis", &OF_REDIS).await;

    // Nothing closes the connection: only the clock tells.
    redis.signal("STOP").await;
    page.loses("redis", &OF_REDIS, &["no answer within 1000 ms"])
        .await;
    redis.signal("CONT").await;
    page.finds("redis", &OF_REDIS).await;

    history_has_a_gap(&talk, "depth").await;
    let (away, back) = told(&log, "redis");
    // One that starts slowly may be seen before the first kill; it is told in pairs all the same.
    assert!(
        away == back && (2..=3).contains(&away),
        "{:#?}",
        log.lines()
    );
}

#[tokio::test]
async fn the_brokers_process_takes_its_numbers_along_and_the_next_one_brings_them_back() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let mut page = Page::open(&talk).await;
    page.finds("redis", &OF_REDIS).await;
    let is_broker = |pid: &u32| {
        let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        arguments.is_ok_and(|arguments| arguments.split('\0').nth(1) == Some("broker"))
    };
    let pods = descendants(talk.pid());
    let broker = pods.into_iter().find(is_broker).expect("the broker runs");
    signal(broker, "KILL").await;
    let reasons = ["lost", "not reachable", "starting", "reset"];
    page.loses("redis", &OF_REDIS, &reasons).await;
    page.finds("redis", &OF_REDIS).await;
}
