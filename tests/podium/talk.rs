//! The harness: a running `podium serve` of its own for each test, and what a browser, `kubectl` and a script do to it.

use futures::StreamExt as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The binary under test.
pub(crate) const PODIUM: &str = env!("CARGO_BIN_EXE_podium");

/// How long a server may take to say that it is on: generous, since tests share two cores.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running server. Dropping it kills it.
pub(crate) struct Talk {
    child: Child,
    printed: Arc<Mutex<String>>,
    /// Its state folder.
    pub(crate) state: TempDir,
    /// Its URL, with a slash at the end.
    pub(crate) url: String,
    /// The speaker's key.
    pub(crate) key: String,
    http: reqwest::Client,
}

impl Talk {
    /// Starts a server on a free port.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with more arguments.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), arguments).await
    }

    /// Starts a server in a state folder that may have been used before.
    pub(crate) async fn start_in(state: TempDir, arguments: &[&str]) -> Self {
        let listening = [&["--listen", "127.0.0.1:0"], arguments].concat();
        Self::serve(state, &listening).await
    }

    /// Starts a server that listens where the arguments say.
    pub(crate) async fn start_listening(arguments: &[&str]) -> Self {
        Self::serve(tempfile::tempdir().unwrap(), arguments).await
    }

    /// Starts a server on a free port that drives the cluster of `kubeconfig`, if there is one; with what it logs.
    pub(crate) async fn start_logged(kubeconfig: Option<&Path>, arguments: &[&str]) -> (Self, Log) {
        let state = tempfile::tempdir().unwrap();
        let mut command = podium(state.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        if let Some(kubeconfig) = kubeconfig {
            command.args(["--cluster", "kubeconfig"]);
            command.env("KUBECONFIG", kubeconfig);
        }
        command.args(arguments).stderr(Stdio::piped());
        let mut talk = Self::start_by(command, state).await;
        let log = Log::of(talk.child.stderr.take().unwrap());
        (talk, log)
    }

    async fn serve(state: TempDir, arguments: &[&str]) -> Self {
        let mut command = podium(state.path());
        command.arg("serve").args(arguments);
        Self::start_by(command, state).await
    }

    /// Starts a server by a command that a test put together, which names the state folder: with other surroundings, or
    /// another standard error.
    pub(crate) async fn start_by(mut command: Command, state: TempDir) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed = Arc::new(Mutex::new(String::new()));
        let note = |printed: &Mutex<String>, line: &str| {
            let mut printed = printed.lock().unwrap();
            printed.push_str(line);
            printed.push('\n');
        };
        let started = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                note(&printed, &line);
                if line.contains("tells `podium spike`") {
                    return;
                }
            }
            panic!("podium serve ended before it was on");
        };
        tokio::time::timeout(START_LIMIT, started)
            .await
            .expect("podium serve is on in time");
        let more = Arc::clone(&printed);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                note(&more, &line);
            }
        });
        let connection = read_connection(state.path());
        Self {
            child,
            printed,
            state,
            url: connection["url"].as_str().unwrap().to_owned(),
            key: connection["speaker_key"].as_str().unwrap().to_owned(),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        }
    }

    /// What the server has printed on its standard output.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the server is running")
    }

    /// Sends the server a signal by name.
    pub(crate) async fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .await;
        assert!(status.unwrap().success());
    }

    /// Waits for the server to end.
    pub(crate) async fn ended(&mut self, limit: Duration) -> std::process::ExitStatus {
        tokio::time::timeout(limit, self.child.wait())
            .await
            .expect("podium ends in time")
            .unwrap()
    }

    /// A GET without a session.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A request to build on.
    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// An action as a script sends it, with the speaker's key.
    pub(crate) async fn act(&self, kind: &str, fields: Value) -> (u16, Value) {
        let answer = self
            .request(reqwest::Method::POST, &format!("actions/{kind}"))
            .bearer_auth(&self.key)
            .header("accept", "application/json")
            .json(&fields)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A request of one of the speaker's windows: its status and answer, null when there is none.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = self
            .request(reqwest::Method::POST, path)
            .bearer_auth(&self.key)
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Opens the event stream, as somebody of the audience.
    pub(crate) async fn events(&self) -> Events {
        Self::read(self.request(reqwest::Method::GET, "events")).await
    }

    /// Opens the event stream of one of the speaker's windows.
    pub(crate) async fn window(&self, id: &str) -> Events {
        let path = format!("events?window={id}&kind=stage");
        Self::read(
            self.request(reqwest::Method::GET, &path)
                .bearer_auth(&self.key),
        )
        .await
    }

    async fn read(request: reqwest::RequestBuilder) -> Events {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Events {
            bytes: Box::pin(answer.bytes_stream()),
            buffer: String::new(),
        }
    }

    /// Deploys the demo and waits until it is ready.
    pub(crate) async fn deploy(&self) {
        let mut events = self.events().await;
        let (status, answer) = self.act("deploy", Value::Null).await;
        assert_eq!(status, 202, "{answer}");
        let ended = events
            .until(Duration::from_secs(40), |event, data| {
                event == "action" && data["kind"] == "deploy" && data["state"] != "running"
            })
            .await;
        assert_eq!(ended["state"], "done", "{ended}");
    }

    /// A `podium` command against this server; its standard output, standard error and exit code.
    pub(crate) async fn command(&self, arguments: &[&str]) -> Output {
        run(podium(self.state.path()).args(arguments)).await
    }

    /// `kubectl` against this server's cluster.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("kubectl");
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.state.path())
            .args(arguments);
        run(&mut command).await
    }

    /// Merges `patch` into one of the demo's objects, as somebody else would.
    pub(crate) async fn merge(&self, object: &str, patch: &str) {
        let place = ["patch", object, "-n", "keda-demo"];
        let patched = [&place[..], &["--type=merge", "-p", patch]].concat();
        let patched = self.kubectl(&patched).await;
        assert_eq!(patched.code, Some(0), "{patched:?}");
    }

    /// The path of its kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.state.path().join("kubeconfig")
    }

    /// What connection.json says now.
    pub(crate) fn connection(&self) -> Value {
        read_connection(self.state.path())
    }
}

/// What a server has logged so far, line by line.
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn of(stream: tokio::process::ChildStderr) -> Self {
        let log = Self(Arc::default());
        let lines = Arc::clone(&log.0);
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                lines.lock().unwrap().push(line);
            }
        });
        log
    }

    /// All lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// What a program printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// Runs a command to its end, a minute at most.
pub(crate) async fn run(command: &mut Command) -> Output {
    let name = format!("{:?}", command.as_std());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(60), output)
        .await
        .unwrap_or_else(|_| panic!("{name} did not end"))
        .unwrap_or_else(|error| panic!("{name}: {error}; is it installed?"));
    Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code(),
    }
}

/// The binary with nothing of the developer's own settings.
pub(crate) fn podium(state: &Path) -> Command {
    let mut command = Command::new(PODIUM);
    for variable in [
        "PODIUM_CLUSTER",
        "PODIUM_REDIS",
        "PODIUM_REDIS_ROUTE",
        "PODIUM_SPEAKER_KEY",
        "PODIUM_REDIS_CA",
        "PODIUM_NAMESPACE",
        "PODIUM_IMAGE",
        "PODIUM_LISTEN",
        "PODIUM_DECK",
        "PODIUM_MANIFESTS",
        "PODIUM_BROWSER",
        "PODIUM_PUBLIC_URL",
    ] {
        command.env_remove(variable);
    }
    command.env("PODIUM_STATE_DIR", state);
    command
}

fn read_connection(state: &Path) -> Value {
    let text = std::fs::read_to_string(state.join("connection.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// An event stream, as a browser reads it.
pub(crate) struct Events {
    bytes: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    buffer: String,
}

impl Events {
    /// The next event: its name and data. `None` when the server ended the stream.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|rest| rest.trim_start().to_owned())
                };
                if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                    return Some((event, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let bytes = self.bytes.next().await?.ok()?;
            self.buffer.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// The data of the first event that `wanted` accepts.
    pub(crate) async fn until(
        &mut self,
        limit: Duration,
        mut wanted: impl FnMut(&str, &Value) -> bool,
    ) -> Value {
        let mut last = Value::Null;
        let found = async {
            while let Some((event, data)) = self.next().await {
                if wanted(&event, &data) {
                    return data;
                }
                if event == "sample" {
                    last = data;
                }
            }
            panic!("the stream ended first");
        };
        match tokio::time::timeout(limit, found).await {
            Ok(data) => data,
            Err(_) => panic!("not seen within {limit:?}; the last sample was {last}"),
        }
    }

    /// The first sample that `wanted` accepts.
    pub(crate) async fn sample(
        &mut self,
        limit: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        self.until(limit, |event, data| event == "sample" && wanted(data))
            .await
    }
}
