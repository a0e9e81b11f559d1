//! Runs of one container after another: their logs, and the probe that ends one.

use super::*;

#[tokio::test]
async fn each_run_of_a_container_has_a_log_of_its_own() {
    let cluster = Cluster::start("/bin/sh");
    cluster.create_pod("crash", "podium", "echo ran; exit 3");
    cluster.waiting_reason("crash", "CrashLoopBackOff").await;
    let pod = cluster.store.get(&pod_named("crash")).unwrap();
    let uid = store::uid(&pod);
    let runs = cluster.logs.runs(uid, "worker");
    assert_eq!((runs.previous, runs.current), (0, 1));
    assert_eq!(cluster.logs.read(uid, "worker", 0).len(), 2);
    cluster.stop().await;
}

#[tokio::test]
async fn a_container_that_fails_its_liveness_probe_is_restarted() {
    let cluster = Cluster::start("/bin/sh");
    // Nothing listens on port 1.
    let container = json!({
        "name": "worker", "image": "podium",
        "args": ["-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"],
        "livenessProbe": {"tcpSocket": {"port": 1}, "failureThreshold": 1},
    });
    cluster.create_pod_with("sick", &container);
    let ended = cluster
        .until("a restart", |store| {
            let pod = store.get(&pod_named("sick"))?;
            let status = pod["status"]["containerStatuses"][0].clone();
            (status["restartCount"] == 1).then(|| status["lastState"]["terminated"].clone())
        })
        .await;
    assert_eq!(ended["exitCode"], 7);
    let reasons = reasons(&cluster.store, "sick");
    for reason in ["Unhealthy", "Killing"] {
        assert!(reasons.iter().any(|told| told == reason), "{reasons:?}");
    }
    cluster.stop().await;
}
