//! A `podium serve` to measure: the real process, with a state folder of its own.

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

const PODIUM: &str = env!("CARGO_BIN_EXE_podium");

/// A running server; it is killed when dropped.
pub(crate) struct PodiumServer {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    key: String,
    http: reqwest::Client,
    _state: TempDir,
}

impl PodiumServer {
    /// Starts on a free port and waits until it is on.
    pub(crate) async fn start() -> Result<Self> {
        let state = tempfile::tempdir()?;
        let mut child = Command::new(PODIUM)
            .args(["serve", "--listen", "127.0.0.1:0", "--state-dir"])
            .arg(state.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("its standard output")?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if line.contains("tells `podium spike`") {
                break;
            }
        }
        // Read to its end, so that the server never waits for its pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let connection = std::fs::read_to_string(state.path().join("connection.json"))?;
        let connection: Value = serde_json::from_str(&connection)?;
        let text = |field: &str| connection[field].as_str().unwrap_or_default();
        let address = text("url")
            .trim_start_matches("http://")
            .trim_end_matches('/');
        Ok(Self {
            address: address.parse()?,
            key: text("speaker_key").to_owned(),
            child,
            http: reqwest::Client::new(),
            _state: state,
        })
    }

    /// Presses a button.
    pub(crate) async fn act(&self, kind: &str) -> Result<()> {
        let answer = self
            .http
            .post(format!("http://{}/actions/{kind}", self.address))
            .bearer_auth(&self.key)
            .header("accept", "application/json")
            .json(&Value::Null)
            .send()
            .await?;
        let status = answer.status();
        ensure!(status == 202, "{kind}: {status} {}", answer.text().await?);
        Ok(())
    }

    /// Reads the stream until the action of this kind is done.
    pub(crate) async fn until_done(&self, kind: &str) -> Result<()> {
        let url = format!("http://{}/events", self.address);
        let mut answer = self.http.get(url).send().await?;
        let mut text = String::new();
        while let Some(bytes) = answer.chunk().await? {
            text.push_str(&String::from_utf8_lossy(&bytes));
            while let Some((line, rest)) = text.split_once('\n') {
                let data = line.strip_prefix("data: ").unwrap_or_default();
                let data: Value = serde_json::from_str(data).unwrap_or_default();
                // A snapshot carries the actions so far, an `action` frame one of them.
                let actions = data["actions"].as_array().cloned().unwrap_or(vec![data]);
                for action in actions.iter().filter(|action| action["kind"] == kind) {
                    ensure!(action["state"] != "failed", "{kind} failed: {action}");
                    if action["state"] == "done" {
                        return Ok(());
                    }
                }
                text = rest.to_owned();
            }
        }
        anyhow::bail!("the stream ended before {kind} was done")
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Asks it to end; how long that took.
    pub(crate) async fn end(&mut self) -> Result<Duration> {
        let pid = Pid::from_raw(self.pid()?.cast_signed()).context("a process id")?;
        let asked = Instant::now();
        kill_process(pid, Signal::TERM)?;
        let status = self.child.wait().await?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(asked.elapsed())
    }
}
