//! What the processes of this machine may see of each other: pods inherit nothing, no secret is in a process list, and
//! nothing needs root.

use crate::shutdown::descendants;
use crate::talk::{PODIUM, Talk, podium};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// The user and group `nobody`.
const NOBODY: u32 = 65_534;

/// Whatever has this in its value must not be seen in a pod.
const MARK: &str = "of-the-speaker-alone";

fn proc(pid: u32, what: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(what)
}

fn text(pid: u32, what: &str) -> String {
    String::from_utf8_lossy(&fs::read(proc(pid, what)).unwrap()).replace('\0', "\n")
}

/// What the open files of a process are: paths, and sockets and pipes by number.
fn open_files(pid: u32) -> Vec<(String, String)> {
    let entries = fs::read_dir(proc(pid, "fd")).unwrap().flatten();
    entries
        .filter_map(|entry| {
            let number = entry.file_name().to_string_lossy().into_owned();
            let file = fs::read_link(entry.path()).ok()?;
            Some((number, file.to_string_lossy().into_owned()))
        })
        .collect()
}

#[tokio::test]
async fn a_pod_inherits_neither_the_servers_environment_nor_its_files_nor_its_folder() {
    let state = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = podium(state.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path());
    for name in [
        "AWS_SECRET_ACCESS_KEY",
        "HTTP_PROXY",
        "KUBECONFIG",
        "LD_PRELOAD",
        "PODIUM_BROWSER",
        "REDIS_PASSWORD",
    ] {
        command.env(name, format!("/nowhere/{MARK}"));
    }
    let talk = Talk::start_by(command, state).await;
    assert!(text(talk.pid(), "environ").contains(MARK));
    talk.deploy().await;
    let pods = descendants(talk.pid());
    assert!(pods.len() >= 2, "the broker and a worker run: {pods:?}");
    let servers: BTreeSet<String> = open_files(talk.pid())
        .into_iter()
        .map(|(_, file)| file)
        .filter(|file| file.starts_with("socket:"))
        .collect();
    assert!(!servers.is_empty(), "the server listens");
    for pod in pods {
        let environment = text(pod, "environ");
        assert!(!environment.contains(MARK), "{environment}");
        assert!(!environment.contains(&talk.key), "{environment}");
        let folder = fs::read_link(proc(pod, "cwd")).unwrap();
        assert_eq!(folder, Path::new("/"));
        for (number, file) in open_files(pod) {
            assert!(!servers.contains(&file), "{number} is the server's {file}");
            if ["0", "1", "2"].contains(&number.as_str()) {
                assert!(file.starts_with("pipe:"), "{number} is {file}");
            } else {
                // Its own: sockets, and what the runtime waits with.
                let state = talk.state.path().to_string_lossy().into_owned();
                assert!(!file.starts_with(&state), "{number} is {file}");
            }
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_a_process_list() {
    let talk = Talk::start().await;
    talk.deploy().await;
    let config: Value =
        serde_json::from_str(&fs::read_to_string(talk.kubeconfig()).unwrap()).unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap();
    let password = redis_password(&talk).await;
    assert!(
        password.len() == 32 && password.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "the demo's own password is replaced by a random one"
    );
    let pods = descendants(talk.pid());
    assert!(pods.len() >= 2, "the broker and a worker run: {pods:?}");
    for pid in pods.into_iter().chain([talk.pid()]) {
        let line = text(pid, "cmdline");
        for secret in [&*talk.key, token, &password] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

/// The password of the demo's Redis, once connection.json has it.
async fn redis_password(talk: &Talk) -> String {
    let reading = async {
        loop {
            if let Some(url) = talk.connection()["redis_url"].as_str() {
                let (credentials, _) = url.rsplit_once('@').unwrap();
                return credentials.rsplit_once(':').unwrap().1.to_owned();
            }
            // The file is written when the queue is found, which nothing tells us of.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("the queue is found")
}

/// The binary where everybody may run it: the build folder may be root's alone.
fn runnable_by_all(folder: &Path) -> PathBuf {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.join("podium");
    if fs::hard_link(PODIUM, &program).is_err() {
        fs::copy(PODIUM, &program).unwrap();
    }
    program
}

#[tokio::test]
async fn server_and_pods_run_without_root() {
    let (state, bin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let is_root = fs::metadata(state.path()).unwrap().uid() == 0;
    let program = runnable_by_all(bin.path());
    let mut command = if is_root {
        std::os::unix::fs::chown(state.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        let mut command = Command::new("setpriv");
        let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
        command.args([&user, &group, "--clear-groups", "--no-new-privs"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .env("PODIUM_STATE_DIR", state.path())
        .args(["serve", "--listen", "127.0.0.1:0"]);
    let talk = Talk::start_by(command, state).await;
    talk.deploy().await;
    let mut events = talk.events().await;
    let spike = talk.command(&["spike", "12"]).await;
    assert_eq!(spike.code, Some(0), "{}", spike.stderr);
    events
        .sample(Duration::from_secs(30), |sample| sample["processed"] == 12)
        .await;
    for pid in descendants(talk.pid()).into_iter().chain([talk.pid()]) {
        let status = text(pid, "status");
        let users = status.lines().find(|line| line.starts_with("Uid:"));
        let root = users.unwrap().split_whitespace().any(|user| user == "0");
        assert!(!root, "{status}");
    }
}
