//! Redis for tests: the embedded broker in this process, or a real `redis-server` beside it, and a client that
//! compares bytes, not a library's reading of them.

use podium::embedded::broker;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running server; it stops when dropped.
pub(crate) struct Redis {
    pub(crate) address: SocketAddr,
    _broker: Option<DropGuard>,
    process: Option<(Child, tempfile::TempDir)>,
}

impl Redis {
    pub(crate) async fn embedded() -> Self {
        Self::embedded_with(None).await
    }

    pub(crate) async fn embedded_with(password: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(broker::serve(listener, password.map(String::from), stopped));
        Self {
            address,
            _broker: Some(stop.drop_guard()),
            process: None,
        }
    }

    /// Fails the test when there is no `redis-server`: the comparison is the point.
    pub(crate) async fn real() -> Self {
        Self::real_with(&["--appendonly", "no"]).await
    }

    /// A real server that has every write on disk before it answers.
    pub(crate) async fn persistent() -> Self {
        Self::real_with(&PERSISTENT).await
    }

    /// A real server that follows `master`, once it does.
    pub(crate) async fn replica_of(master: &Self) -> Self {
        let (host, port) = (master.address.ip(), master.address.port());
        let follow = format!("{host} {port}");
        let replica = Self::real_with(&["--appendonly", "no", "--replicaof", &follow]).await;
        for _ in 0..400 {
            let told = replica.client().await.ask("INFO replication").await;
            if matches!(told, Answer::Bulk(info) if info.contains("master_link_status:up")) {
                return replica;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} does not follow {}", replica.address, master.address);
    }

    /// Waits until this replica has all that `master` had done by now. `WAIT` would not do: it looks only at what its
    /// own connection wrote.
    pub(crate) async fn catch_up_with(&self, master: &Self) {
        let wanted = master.replication("master_repl_offset").await;
        for _ in 0..400 {
            if self.replication("slave_repl_offset").await >= wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{} lags behind {}", self.address, master.address);
    }

    async fn replication(&self, field: &str) -> u64 {
        let told = self.client().await.ask("INFO replication").await;
        let Answer::Bulk(info) = &told else {
            panic!("no information: {told:?}")
        };
        let value = info
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.and_then(|n| n.parse().ok()).expect("an offset")
    }

    /// A real server with more options.
    pub(crate) async fn real_with(options: &[&str]) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let folder = tempfile::tempdir().expect("a folder for redis-server");
        let process = redis_server(address, folder.path(), options);
        let redis = Self {
            address,
            _broker: None,
            process: Some((process, folder)),
        };
        redis.wait_until_up().await;
        redis
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        let (process, _) = self.process.as_mut().expect("a real server");
        process.kill().await.expect("it ran");
    }

    /// After [`Redis::kill`] of a persistent one: at the same address, with its files.
    pub(crate) async fn start_again(&mut self) {
        let (process, folder) = self.process.as_mut().expect("a real server");
        *process = redis_server(self.address, folder.path(), &PERSISTENT);
        self.wait_until_up().await;
    }

    async fn wait_until_up(&self) {
        for _ in 0..200 {
            if TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("redis-server did not come up on {}", self.address);
    }

    /// The number of a real server's process.
    pub(crate) fn process(&self) -> u32 {
        let process = self.process.as_ref().and_then(|(process, _)| process.id());
        process.expect("a real server that runs")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) async fn client(&self) -> Wire {
        Wire::connect(self.address).await
    }
}

const PERSISTENT: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

fn redis_server(address: SocketAddr, folder: &std::path::Path, options: &[&str]) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", ""])
        .args(["--port", &address.port().to_string()])
        .arg("--dir")
        .arg(folder)
        // A replica gets its copy at once, instead of waiting 5 s for others that may want one.
        .args(["--repl-diskless-sync-delay", "0"])
        .args(options)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is needed: apt-get install redis-server")
}

/// A reply, as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Status(String),
    Error(String),
    Integer(i64),
    Bulk(String),
    Nil,
    NilArray,
    Array(Vec<Answer>),
}

impl Answer {
    pub(crate) fn bulk(text: &str) -> Self {
        Self::Bulk(text.into())
    }

    pub(crate) fn ok() -> Self {
        Self::Status("OK".into())
    }
}

/// A connection that speaks RESP2, byte for byte.
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self(BufReader::new(stream))
    }

    /// Sends a command without waiting for its answer.
    pub(crate) async fn send(&mut self, words: &[&str]) {
        let mut wire = format!("*{}\r\n", words.len());
        for word in words {
            wire.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.send_raw(wire.as_bytes()).await;
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.expect("connected");
    }

    pub(crate) async fn call(&mut self, words: &[&str]) -> Answer {
        self.send(words).await;
        self.answer().await
    }

    /// `call` with the words of one line.
    pub(crate) async fn ask(&mut self, line: &str) -> Answer {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.call(&words).await
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let wait = Duration::from_secs(10);
        let answer = tokio::time::timeout(wait, self.next()).await;
        answer.expect("an answer within 10 s")
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let read = self.0.read_to_string(&mut rest);
        let read = tokio::time::timeout(Duration::from_secs(10), read).await;
        read.expect("closed within 10 s").expect("closed cleanly");
        rest
    }

    async fn next(&mut self) -> Answer {
        let mut line = String::new();
        self.0.read_line(&mut line).await.expect("connected");
        let line = line.trim_end();
        assert!(!line.is_empty(), "the server closed the connection");
        let (kind, rest) = line.split_at(1);
        match kind {
            "+" => Answer::Status(rest.into()),
            "-" => Answer::Error(rest.into()),
            ":" => Answer::Integer(rest.parse().expect("an integer")),
            "$" if rest == "-1" => Answer::Nil,
            "*" if rest == "-1" => Answer::NilArray,
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().expect("a length") + 2];
                self.0.read_exact(&mut bytes).await.expect("the bulk");
                bytes.truncate(bytes.len() - 2);
                Answer::Bulk(String::from_utf8_lossy(&bytes).into_owned())
            }
            "*" => {
                let count = rest.parse().expect("a count");
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(Box::pin(self.next()).await);
                }
                Answer::Array(items)
            }
            other => panic!("unknown kind of reply {other:?}"),
        }
    }
}

/// A way to a server that can be cut: all connections through it break at once, and new ones are let in again.
pub(crate) struct Cut {
    address: SocketAddr,
    now: std::sync::Arc<tokio::sync::Notify>,
    _stop: DropGuard,
}

impl Cut {
    pub(crate) async fn between(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let now = std::sync::Arc::new(tokio::sync::Notify::new());
        let cut = std::sync::Arc::clone(&now);
        tokio::spawn(async move {
            while let Some(Ok((mut client, _))) =
                stopped.run_until_cancelled(listener.accept()).await
            {
                let cut = std::sync::Arc::clone(&cut);
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server)
                        .await
                        .expect("the server listens");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        Self {
            address,
            now,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn cut(&self) {
        self.now.notify_waiters();
    }
}
