//! The overlay `queue-demo-scale-to-zero` on a running server: 0 → 1 → N. The way down takes minutes and is told on
//! virtual time, with the controllers.

use crate::talk::Talk;
use std::time::Duration;

#[tokio::test]
async fn a_sleeping_worker_is_woken_by_keda_and_multiplied_by_the_hpa() {
    let talk = Talk::start().await;
    let mut events = talk.events().await;
    let manifests = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/manifests/queue-demo-scale-to-zero"
    );
    let applied = talk.kubectl(&["apply", "-k", manifests]).await;
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
    assert_eq!(applied.stderr, "", "no warning: nothing is irrelevant");
    events
        .sample(Duration::from_secs(40), |sample| {
            sample["depth"] == 0 && sample["ready"] == 0
        })
        .await;
    let asleep = [
        "wait",
        "so/queue-worker",
        "-n",
        "keda-demo",
        "--for=condition=Active=False",
        "--timeout=20s",
    ];
    let asleep = talk.kubectl(&asleep).await;
    assert_eq!(asleep.code, Some(0), "{}", asleep.stderr);

    let spike = talk.command(&["spike"]).await;
    assert_eq!(spike.code, Some(0), "{}", spike.stderr);
    // A poll is at most 5 s away, a cold start takes one or two.
    events
        .sample(Duration::from_secs(15), |sample| {
            sample["ready"].as_u64() >= Some(1)
        })
        .await;
    events
        .sample(Duration::from_secs(40), |sample| {
            sample["ready"].as_u64() >= Some(24)
        })
        .await;
    let told = talk
        .kubectl(&["describe", "so", "queue-worker", "-n", "keda-demo"])
        .await;
    assert!(
        told.stdout.contains(
            "Scaled apps/v1.Deployment keda-demo/queue-worker from 0 to 1, triggered by s0-redis-keda-demo-queue"
        ),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("keda-operator"), "{}", told.stdout);
    let listed = talk.kubectl(&["get", "so", "-n", "keda-demo"]).await;
    let row: Vec<&str> = listed
        .stdout
        .lines()
        .nth(1)
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    assert_eq!(
        row[..10],
        [
            "queue-worker",
            "apps/v1.Deployment",
            "queue-worker",
            "0",
            "48",
            "True",
            "True",
            "False",
            "False",
            "redis"
        ],
        "{}",
        listed.stdout
    );
}
