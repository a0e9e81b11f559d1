//! However the server stops, nothing stays behind, and the next start finds its way.

use crate::talk::{Talk, podium, run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);

/// All processes below `root`, by parentage, from /proc.
pub(crate) fn descendants(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // The name, in parentheses, may hold anything; the parent is the second field after it.
        let parent = status
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut queue = vec![root];
    while let Some(pid) = queue.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            found.push(*child);
            queue.push(*child);
        }
    }
    found
}

/// Waits until none of the processes exists. A process that ended and waits to be collected counts as gone.
async fn gone(pids: &[u32], limit: Duration) {
    let alive = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .trim_start()
                .starts_with('Z')
        })
    };
    let wait = async {
        while pids.iter().any(alive) {
            // The operating system has no event for the end of a stranger's process.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(limit, wait)
        .await
        .expect("no process outlives the server");
}

/// The server's address, as `127.0.0.1:3030`.
fn address(talk: &Talk) -> String {
    let url = talk.url.trim_start_matches("http://");
    url.trim_end_matches('/').to_owned()
}

/// Somebody of the audience who has begun to read the stream; with little memory on our side, for there are many.
async fn viewer(talk: &Talk) -> TcpStream {
    let address = address(talk);
    let mut viewer = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n");
    viewer.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 15];
    viewer.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    viewer
}

/// Presses a button that must begin.
async fn begin(talk: &Talk, kind: &str, fields: Value) {
    let (status, answer) = talk.act(kind, fields).await;
    assert_eq!(status, 202, "{answer}");
}

#[tokio::test]
async fn sigterm_ends_the_server_its_pods_and_its_viewers_streams_within_five_seconds() {
    let mut talk = Talk::start().await;
    talk.deploy().await;
    let mut viewers = Vec::new();
    for _ in 0..2_000 {
        viewers.push(viewer(&talk).await);
    }
    let pods = descendants(talk.pid());
    assert!(pods.len() >= 2, "the broker and a worker run: {pods:?}");
    talk.signal("TERM").await;
    let status = talk.ended(Duration::from_secs(5)).await;
    assert!(status.success(), "{status}");
    gone(&pods, Duration::from_secs(1)).await;
    let all_ended = async {
        for mut viewer in viewers {
            // Cut off or closed, both are an end.
            let _ = viewer.read_to_end(&mut Vec::new()).await;
        }
    };
    tokio::time::timeout(SOON, all_ended)
        .await
        .expect("the streams have ended");
    assert!(!talk.state.path().join("connection.json").exists());
}

#[tokio::test]
async fn sigkill_leaves_no_pod_behind_and_the_next_start_works() {
    let mut talk = Talk::start().await;
    talk.deploy().await;
    let pods = descendants(talk.pid());
    assert!(pods.len() >= 2, "the broker and a worker run: {pods:?}");
    talk.signal("KILL").await;
    talk.ended(Duration::from_secs(5)).await;
    gone(&pods, Duration::from_secs(5)).await;
    let output = talk.command(&["queue-depth"]).await;
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("start `podium serve` again"),
        "{}",
        output.stderr
    );
    let next = Talk::start_in(talk.state, &[]).await;
    assert_eq!(next.get("healthz").await.0, 200);
}

#[tokio::test]
async fn a_stop_in_the_middle_says_what_it_interrupted() {
    let state = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = podium(state.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.stderr(log.reopen().unwrap());
    let mut talk = Talk::start_by(command, state).await;
    talk.deploy().await;
    let mut events = talk.events().await;
    begin(&talk, "enqueue", json!({"count": "9", "delay_ms": "60000"})).await;
    events
        .until(SOON, |event, data| {
            event == "action" && data["kind"] == "enqueue" && data["done"] == 1
        })
        .await;
    talk.signal("TERM").await;
    let status = talk.ended(Duration::from_secs(5)).await;
    assert!(status.success(), "{status}");
    let log = std::fs::read_to_string(log.path()).unwrap();
    let interrupted = "Enqueue was interrupted: the server was stopped; 1 of 9 jobs enqueued";
    assert!(log.contains(interrupted), "{log}");
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    for (second, code) in [("TERM", 143), ("INT", 130)] {
        let mut talk = Talk::start().await;
        let mut events = talk.events().await;
        // A request that never comes to its end is waited for, a while.
        let address = address(&talk);
        let mut slow = TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
        );
        slow.write_all(request.as_bytes()).await.unwrap();
        // The server has it in hand, and asks for the rest.
        let mut asked = [0; 12];
        slow.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100");
        talk.signal("TERM").await;
        // The stream's end shows that the first signal has been heard.
        while events.next().await.is_some() {}
        talk.signal(second).await;
        let status = talk.ended(Duration::from_secs(1)).await;
        assert_eq!(status.code(), Some(code));
    }
}

/// Whether an event shows that the moment has come.
type Moment = fn(&str, &Value) -> bool;

#[tokio::test]
async fn sigkill_at_any_moment_leaves_no_process_and_a_folder_that_the_next_server_takes() {
    let moments: [(&str, Moment); 5] = [
        ("before", |event, _| event == "snapshot"),
        ("namespace", |_, data| {
            data["steps"][0]["state"] == "created"
        }),
        ("deployment/redis", |_, data| {
            data["steps"][3]["state"] == "running"
        }),
        ("rollout", |_, data| data["steps"][6]["state"] == "running"),
        ("spike", |_, data| {
            data["kind"] == "spike" && data["done"].as_u64() > Some(5_000)
        }),
    ];
    let mut state = tempfile::tempdir().unwrap();
    for (moment, reached) in moments {
        let mut talk = Talk::start_in(state, &[]).await;
        let mut events = talk.events().await;
        if moment == "spike" {
            talk.deploy().await;
            begin(&talk, "spike", json!({"count": "100000"})).await;
        } else if moment != "before" {
            begin(&talk, "deploy", Value::Null).await;
        }
        events.until(SOON * 2, reached).await;
        let pods = descendants(talk.pid());
        talk.signal("KILL").await;
        talk.ended(Duration::from_secs(5)).await;
        gone(&pods, Duration::from_secs(5)).await;
        let left = talk.command(&["status"]).await;
        assert_eq!(left.code, Some(1), "{moment}");
        assert!(
            left.stdout.contains("start `podium serve` again"),
            "{moment}: {}",
            left.stdout
        );
        state = talk.state;
    }
    let next = Talk::start_in(state, &[]).await;
    next.deploy().await;
}

#[tokio::test]
async fn a_second_server_in_the_same_folder_is_refused_and_told_of_the_first() {
    let talk = Talk::start().await;
    let before = talk.connection();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let second = run(podium(talk.state.path()).args(serve)).await;
    assert_eq!(second.code, Some(1));
    for part in [
        talk.url.as_str(),
        &format!("kill {}", talk.pid()),
        "--state-dir",
    ] {
        assert!(second.stderr.contains(part), "{part}: {}", second.stderr);
    }
    assert_eq!(talk.connection(), before, "the first is left alone");
}

#[tokio::test]
async fn a_state_folder_that_cannot_be_written_is_named_with_the_way_out() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for folder in [file.path(), Path::new("/proc/podium")] {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        let output = run(podium(folder).args(serve)).await;
        assert_eq!(output.code, Some(1));
        assert!(
            output.stderr.contains(folder.to_str().unwrap())
                && output.stderr.contains("--state-dir"),
            "{}",
            output.stderr
        );
    }
}

/// The demo's manifests, with so many ConfigMaps after the Secret that a deployment takes a while to get past them.
fn long_manifests() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/queue-demo");
    let read = |name: &str| std::fs::read_to_string(demo.join(name)).unwrap();
    let redis = read("redis.yaml");
    let (secret, rest) = redis.split_once("\n---\n").unwrap();
    let mut many = String::new();
    for number in 0..100 {
        let name = format!("name: filler-{number}, namespace: keda-demo");
        writeln!(
            many,
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{{name}}}\n---"
        )
        .unwrap();
    }
    let files = [
        ("namespace.yaml", read("namespace.yaml")),
        ("secret.yaml", secret.to_owned()),
        ("many.yaml", many),
        ("redis.yaml", rest.to_owned()),
        ("queue-worker.yaml", read("queue-worker.yaml")),
        ("scaled-object.yaml", read("scaled-object.yaml")),
    ];
    let mut list = "resources:\n".to_owned();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
        writeln!(list, "  - {name}").unwrap();
    }
    std::fs::write(folder.path().join("kustomization.yaml"), list).unwrap();
    folder
}

/// A server that drives the cluster of another, which outlives it.
async fn beside(world: &Talk, state: tempfile::TempDir, manifests: &Path) -> Talk {
    let mut command = podium(state.path());
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--cluster",
        "kubeconfig",
    ]);
    command.arg("--manifests").arg(manifests);
    command.env("KUBECONFIG", world.kubeconfig());
    Talk::start_by(command, state).await
}

#[tokio::test]
async fn a_demo_that_a_killed_server_left_half_deployed_is_completed_and_can_be_removed() {
    let (world, manifests) = (Talk::start().await, long_manifests());
    let state = tempfile::tempdir().unwrap();
    let mut talk = beside(&world, state, manifests.path()).await;
    let mut events = talk.events().await;
    begin(&talk, "deploy", Value::Null).await;
    events
        .until(SOON, |event, data| {
            event == "action" && data["steps"][2]["state"] == "created"
        })
        .await;
    talk.signal("KILL").await;
    talk.ended(SOON).await;
    let there = ["get", "secret,deploy", "-n", "keda-demo", "-o", "name"];
    let half = world.kubectl(&there).await;
    assert_eq!(half.stdout.trim(), "secret/redis", "{}", half.stderr);
    let password = [
        "get",
        "secret",
        "redis",
        "-n",
        "keda-demo",
        "-o",
        "jsonpath={.data.password}",
    ];
    let before = world.kubectl(&password).await.stdout;

    let next = beside(&world, talk.state, manifests.path()).await;
    next.deploy().await;
    assert_eq!(
        world.kubectl(&password).await.stdout,
        before,
        "the password is kept"
    );
    let mut events = next.events().await;
    events.sample(SOON, |sample| sample["depth"] == 0).await;
    begin(&next, "remove", json!({"confirm": "yes"})).await;
    let removed = events
        .until(SOON * 3, |event, data| {
            event == "action" && data["kind"] == "remove" && data["state"] != "running"
        })
        .await;
    assert_eq!(removed["state"], "done", "{removed}");
}
