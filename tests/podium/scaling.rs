//! The story itself, at its real pace: on the embedded broker, on a real Redis, and applied with `kubectl`.

use crate::redis_server::Redis;
use crate::talk::{Talk, run};
use serde_json::Value;
use std::time::Duration;
use tokio::process::Command;

/// Runs a tour announcement to the top of the response, and to the end of the backlog, holding the promised limits.
async fn spike_and_drain(talk: &Talk) {
    let mut events = talk.events().await;
    events
        .sample(Duration::from_secs(20), |sample| {
            sample["depth"] == 0 && sample["ready"] == 1
        })
        .await;
    let output = talk.command(&["spike"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    events
        .sample(Duration::from_secs(2), |sample| {
            sample["depth"].as_u64() >= Some(4_900)
        })
        .await;
    events
        .sample(Duration::from_secs(30), |sample| {
            sample["ready"].as_u64() >= Some(24)
        })
        .await;
    let drained = |sample: &Value| sample["depth"] == 0 && sample["in_flight"] == 0;
    let end = events.sample(Duration::from_secs(90), drained).await;
    assert_eq!(end["processed"], 5_000, "{end}");
    assert_eq!(end["duplicates"], 0, "{end}");
    assert_eq!(end["dead"], 0, "{end}");
}

#[tokio::test]
async fn a_spike_after_kubectl_apply_scales_to_dozens_and_drains() {
    let talk = Talk::start().await;
    let manifests = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/queue-demo");
    let applied = talk.kubectl(&["apply", "-k", manifests]).await;
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
    assert!(
        applied
            .stdout
            .contains("scaledobject.keda.sh/queue-worker created"),
        "{}",
        applied.stdout
    );
    let rolled_out = talk
        .kubectl(&[
            "rollout",
            "status",
            "deploy/queue-worker",
            "-n",
            "keda-demo",
            "--timeout=30s",
        ])
        .await;
    assert!(
        rolled_out.stdout.contains("successfully rolled out"),
        "{rolled_out:?}"
    );
    spike_and_drain(&talk).await;
    let listed = talk
        .kubectl(&["get", "hpa,pods,scaledobject", "-n", "keda-demo"])
        .await;
    assert!(
        listed.stdout.contains("keda-hpa-queue-worker") && listed.stdout.contains("(avg)"),
        "{}",
        listed.stdout
    );
    let url = talk.connection()["redis_url"].as_str().unwrap().to_owned();
    let depth = run(Command::new("redis-cli").args([
        "--no-auth-warning",
        "-u",
        &url,
        "LLEN",
        "keda-demo-queue",
    ]))
    .await;
    assert_eq!(depth.stdout.trim(), "0", "{depth:?}");
}

#[tokio::test]
async fn a_spike_on_a_real_redis_scales_and_drains_just_so() {
    let redis = Redis::real().await;
    let url = format!("redis://{}", redis.address);
    let talk = Talk::start_with(&["--redis", &url]).await;
    talk.deploy().await;
    spike_and_drain(&talk).await;
}
