//! However the server stops, nothing stays behind.

use crate::talk::Talk;
use std::collections::BTreeMap;
use std::time::Duration;

/// All processes below `root`, by parentage, from /proc.
fn descendants(root: u32) -> Vec<u32> {
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

#[tokio::test]
async fn sigterm_ends_the_server_its_pods_and_its_viewers_streams_within_five_seconds() {
    let mut talk = Talk::start().await;
    talk.deploy().await;
    let mut viewers = Vec::new();
    for _ in 0..20 {
        viewers.push(talk.events().await);
    }
    let pods = descendants(talk.pid());
    assert!(pods.len() >= 2, "the broker and a worker run: {pods:?}");
    talk.signal("TERM").await;
    let status = talk.ended(Duration::from_secs(5)).await;
    assert!(status.success(), "{status}");
    gone(&pods, Duration::from_secs(1)).await;
    for mut viewer in viewers {
        let ended = async { while viewer.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(1), ended)
            .await
            .expect("the stream has ended");
    }
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
