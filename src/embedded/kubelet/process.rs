//! One local process: started with a clean environment in a folder of nobody's, its output kept, stopped by signal.

use crate::clock::Clock;
use crate::embedded::logs::Logs;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The `PATH` of a container, as common base images set it; the server's own environment stays outside.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Tells a program of ours to exit when its standard input ends.
const EXIT_WITH_PARENT: &str = "PODIUM_EXIT_WITH_PARENT";

/// Longer lines are cut into pieces of this many bytes, as container runtimes do.
const LONGEST_LINE: u64 = 16 * 1024;

/// How long to wait for the rest of the output of a process that has ended. Only a grandchild could keep it open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What to run.
pub(super) struct Recipe<'a> {
    pub(super) program: &'a OsStr,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

/// Where the output goes.
#[derive(Clone)]
pub(super) struct Output {
    pub(super) logs: Logs,
    pub(super) clock: Clock,
    pub(super) pod_uid: String,
    pub(super) container: String,
}

/// A running process. Dropping it kills it.
pub(super) struct Process {
    child: Child,
    /// Held for as long as the process may live: when we are gone, however we went, it reads the end of file.
    _lifeline: Option<ChildStdin>,
    pumps: JoinSet<()>,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// When the operating system cannot start the program.
    pub(super) fn start(recipe: Recipe<'_>, output: &Output) -> io::Result<Self> {
        let mut child = Command::new(recipe.program)
            .args(recipe.arguments)
            .env_clear()
            .env("PATH", PATH)
            .envs(recipe.environment)
            .env(EXIT_WITH_PARENT, "1")
            // As in a container without a `WORKDIR`; the folder that the speaker started us in is not the pods' business.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in the server's terminal is for the server, which then stops its pods in
            // order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut pumps = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            pumps.spawn(pump(stdout, output.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            pumps.spawn(pump(stderr, output.clone()));
        }
        Ok(Self {
            _lifeline: child.stdin.take(),
            child,
            pumps,
        })
    }

    /// Its number; `None` once it has ended and was waited for.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end, and for the end of its output; the exit code as a container runtime reports it. Cancel-safe.
    pub(super) async fn wait(&mut self) -> i32 {
        let code = self.child.wait().await.map_or(-1, exit_code);
        // A grandchild may hold the pipe; its output is not worth waiting for.
        let _ = timeout(LAST_WORDS, async {
            while self.pumps.join_next().await.is_some() {}
        })
        .await;
        code
    }

    /// Asks it to stop: SIGTERM, as to a container's first process.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it: SIGKILL.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // `id` is None once the process is reaped, so this never hits another process with a recycled number.
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself just now.
            let _ = kill_process(pid, signal);
        }
    }
}

/// The process's own exit code, or 128 + the signal that ended it.
fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}

async fn pump(source: impl AsyncRead + Unpin, output: Output) {
    let mut reader = BufReader::new(source).take(LONGEST_LINE);
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.set_limit(LONGEST_LINE);
        match reader.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches(['\n', '\r']).to_owned();
                output.logs.append(
                    &output.pod_uid,
                    &output.container,
                    output.clock.now_ms(),
                    text,
                );
            }
        }
    }
}
