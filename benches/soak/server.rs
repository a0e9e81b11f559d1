//! The Redis under the soak: a `redis-server` that writes every command to disk before it answers, and can so be killed
//! and started again; or the embedded broker, which keeps nothing on disk and is left alive.

use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const PODIUM: &str = env!("CARGO_BIN_EXE_podium");

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    RedisServer,
    EmbeddedBroker,
}

impl Kind {
    /// Whether it comes back with what it had.
    pub(crate) fn persists(self) -> bool {
        self == Self::RedisServer
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RedisServer => "redis-server, appendfsync always",
            Self::EmbeddedBroker => "the embedded broker",
        }
    }
}

/// A running server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    process: Child,
}

impl Server {
    /// Starts on a free port, with its files in `folder`.
    pub(crate) async fn start(kind: Kind, folder: PathBuf) -> Result<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = free.local_addr()?;
        drop(free);
        let process = command(kind, address, &folder)
            .spawn()
            .with_context(|| format!("cannot start {}: is redis-server installed?", kind.name()))?;
        let mut server = Self {
            kind,
            address,
            folder,
            process,
        };
        server.listens().await?;
        Ok(server)
    }

    /// Kills it as the out-of-memory killer would, leaves it away for a while, and starts it on what is on disk.
    pub(crate) async fn restart(&mut self, away: Duration) -> Result<()> {
        self.process.kill().await?;
        tokio::time::sleep(away).await;
        self.process = command(self.kind, self.address, &self.folder).spawn()?;
        self.listens().await
    }

    async fn listens(&mut self) -> Result<()> {
        for _ in 0..400 {
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            let ended = self.process.try_wait()?;
            ensure!(
                ended.is_none(),
                "{} ended at its start: {ended:?}",
                self.kind.name()
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        anyhow::bail!("{} did not listen within 10 s", self.kind.name())
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.process.id().context("the server has ended")
    }
}

fn command(kind: Kind, address: SocketAddr, folder: &PathBuf) -> Command {
    let mut command = match kind {
        Kind::RedisServer => {
            let mut redis = Command::new("redis-server");
            redis
                .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
                .args(["--save", "", "--appendonly", "yes"])
                .args(["--appendfsync", "always"])
                .arg("--dir")
                .arg(folder);
            redis
        }
        Kind::EmbeddedBroker => {
            let mut broker = Command::new(PODIUM);
            broker
                .args(["broker", "--listen", &address.to_string()])
                .env("PODIUM_STATE_DIR", folder);
            broker
        }
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
