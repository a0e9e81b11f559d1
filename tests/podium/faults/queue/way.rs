//! A way to a server that breaks as networks do: it is cut at a byte, loses an answer, delays, stands still, leads to
//! another server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What breaks next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trap {
    /// Nothing.
    None,
    /// After so many more bytes from clients, all connections are cut.
    After(usize),
    /// The next `EXEC` reaches the server and is answered; instead of the answer comes the end of the connection.
    LoseAnswer,
}

/// What a trap takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Rest,
    Answer,
}

/// A number above those of all connections: answers stand still only when everything does.
const BOTH_WAYS: usize = usize::MAX - 1;

/// The way itself; it closes when dropped.
pub(super) struct Way {
    address: SocketAddr,
    course: Arc<Course>,
    _stop: DropGuard,
}

struct Course {
    server: Mutex<SocketAddr>,
    trap: Mutex<Trap>,
    /// Bytes that came from clients.
    passed: Mutex<usize>,
    /// The requests of connections numbered below this stand still.
    frozen_below: watch::Sender<usize>,
    connections: Mutex<usize>,
    delay: Duration,
    cut: Notify,
}

impl Way {
    pub(super) async fn to(server: SocketAddr) -> Self {
        Self::delayed(server, Duration::ZERO).await
    }

    /// A way on which everything takes `delay` in each direction.
    pub(super) async fn delayed(server: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let course = Arc::new(Course {
            server: Mutex::new(server),
            trap: Mutex::new(Trap::None),
            passed: Mutex::new(0),
            frozen_below: watch::Sender::new(0),
            connections: Mutex::new(0),
            delay,
            cut: Notify::new(),
        });
        let stop = CancellationToken::new();
        let (stopped, shared) = (stop.clone(), Arc::clone(&course));
        tokio::spawn(async move {
            while let Some(Ok((client, _))) = stopped.run_until_cancelled(listener.accept()).await {
                tokio::spawn(Arc::clone(&shared).carry(client));
            }
        });
        Self {
            address,
            course,
            _stop: stop.drop_guard(),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(super) fn arm(&self, trap: Trap) {
        *self.course.trap.lock().unwrap() = trap;
    }

    /// Whether the last trap has gone off.
    pub(super) fn sprung(&self) -> bool {
        *self.course.trap.lock().unwrap() == Trap::None
    }

    /// Bytes that came from clients so far.
    pub(super) fn passed(&self) -> usize {
        *self.course.passed.lock().unwrap()
    }

    /// Leads new connections elsewhere.
    pub(super) fn lead_to(&self, server: SocketAddr) {
        *self.course.server.lock().unwrap() = server;
    }

    pub(super) fn cut(&self) {
        self.course.cut.notify_waiters();
    }

    /// Lets the requests of the connections of now stand still, while answers still arrive; new ones are free.
    pub(super) fn freeze(&self) {
        let connections = *self.course.connections.lock().unwrap();
        self.course.frozen_below.send_replace(connections);
    }

    /// Lets all connections, those of the future too, stand still in both directions.
    pub(super) fn freeze_all(&self) {
        self.course.frozen_below.send_replace(usize::MAX);
    }

    /// Lets everything flow again, what was held first.
    pub(super) fn thaw(&self) {
        self.course.frozen_below.send_replace(0);
    }
}

impl Course {
    async fn carry(self: Arc<Self>, client: TcpStream) {
        let number = {
            let mut connections = self.connections.lock().unwrap();
            *connections += 1;
            *connections - 1
        };
        let server = *self.server.lock().unwrap();
        // Nobody there: the client finds its connection closed.
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("a TCP socket");
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let lose = Notify::new();
        let there = self.requests(number, from_client, to_server, &lose);
        let back = self.answers(from_server, to_client, &lose);
        tokio::select! {
            ((), ()) = async { tokio::join!(there, back) } => {}
            () = self.cut.notified() => {}
        }
    }

    async fn requests(
        &self,
        number: usize,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        lose: &Notify,
    ) {
        let mut chunk = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            self.pause(number).await;
            let (kept, loss) = self.trip(&chunk[..read]);
            if to.write_all(&chunk[..kept]).await.is_err() {
                return;
            }
            if loss == Some(Loss::Answer) {
                lose.notify_one();
            } else if loss == Some(Loss::Rest) {
                // The server has these bytes and then the end of the stream, as after a crash of the client.
                let _ = to.shutdown().await;
                self.cut.notify_waiters();
                return;
            }
        }
        let _ = to.shutdown().await;
    }

    async fn answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lose: &Notify) {
        let mut chunk = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from.read(&mut chunk).await {
            self.pause(BOTH_WAYS).await;
            let lost = tokio::time::timeout(Duration::ZERO, lose.notified()).await;
            if lost.is_ok() {
                // This may answer an earlier part of the request: give the server time to read the rest.
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.cut.notify_waiters();
                return;
            }
            if to.write_all(&chunk[..read]).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    }

    async fn pause(&self, number: usize) {
        tokio::time::sleep(self.delay).await;
        let mut frozen_below = self.frozen_below.subscribe();
        let thawed = frozen_below.wait_for(|below| number >= *below).await;
        assert!(thawed.is_ok(), "the way outlives its connections");
    }

    /// Counts `bytes`; answers how many of them go on, and what is lost then.
    fn trip(&self, bytes: &[u8]) -> (usize, Option<Loss>) {
        *self.passed.lock().unwrap() += bytes.len();
        let mut trap = self.trap.lock().unwrap();
        match *trap {
            Trap::After(left) if bytes.len() >= left => {
                *trap = Trap::None;
                (left, Some(Loss::Rest))
            }
            Trap::After(left) => {
                *trap = Trap::After(left - bytes.len());
                (bytes.len(), None)
            }
            Trap::LoseAnswer if bytes.ends_with(b"EXEC\r\n") => {
                *trap = Trap::None;
                (bytes.len(), Some(Loss::Answer))
            }
            Trap::LoseAnswer | Trap::None => (bytes.len(), None),
        }
    }
}
