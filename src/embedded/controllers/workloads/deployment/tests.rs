//! Deployments on a store with the ReplicaSet controller beside them and a node that the test plays.

use super::*;
use crate::clock::Clock;
use crate::embedded::store::{EVENTS, NODES, PODS};

const START_MS: i64 = 1_767_225_600_000;

struct Stage {
    store: Store,
    _stop: tokio_util::sync::DropGuard,
}

fn stage() -> Stage {
    let store = Store::new(Clock::following_tokio(START_MS));
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "podium"},
        "status": {"allocatable": {"pods": "110"}},
    });
    store.create(NODES, node).unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(crate::embedded::controllers::workloads::run(
        store.clone(),
        stop.clone(),
    ));
    Stage {
        store,
        _stop: stop.drop_guard(),
    }
}

impl Stage {
    async fn settle(&self) {
        // Paused time moves only when every task is idle.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    async fn deploy(&self, strategy: &str, replicas: u32) {
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "worker", "namespace": "demo"},
            "spec": {
                "replicas": replicas,
                "strategy": {"type": strategy},
                "selector": {"matchLabels": {"app": "worker"}},
                "template": {
                    "metadata": {"labels": {"app": "worker"}},
                    "spec": {"containers": [{"name": "worker", "image": "podium:1"}]},
                },
            },
        });
        self.store.create(DEPLOYMENTS, deployment).unwrap();
        self.settle().await;
    }

    async fn change(&self, change: impl FnOnce(&mut Value)) {
        self.store
            .modify(&key(), None, |deployment| {
                change(deployment);
                Ok(())
            })
            .unwrap();
        self.settle().await;
    }

    /// Plays the kubelet: every pod becomes ready, every pod in deletion goes.
    async fn run_pods(&self) {
        for pod in self.store.list(PODS, None).0 {
            let key = Key::of(PODS, &pod);
            if store::is_deleting(&pod) {
                self.store.remove(&key, store::uid(&pod));
                continue;
            }
            let now = self.store.timestamp();
            self.store
                .modify(&key, None, |pod| {
                    pod["status"]["phase"] = json!("Running");
                    if !super::super::pod::is_ready(pod) {
                        pod["status"]["conditions"] = json!([
                            {"type": "Ready", "status": "True", "lastTransitionTime": now}
                        ]);
                    }
                    Ok(())
                })
                .unwrap();
        }
        self.settle().await;
    }

    fn deployment(&self) -> Object {
        self.store.get(&key()).unwrap()
    }

    fn condition(&self, kind: &str) -> Value {
        super::super::pod::condition(&self.deployment(), kind)
            .cloned()
            .unwrap_or_default()
    }

    fn scalings(&self) -> Vec<String> {
        let (events, _) = self.store.list(EVENTS, Some("demo"));
        let mut messages: Vec<(u64, String)> = events
            .iter()
            .filter(|event| event["reason"] == "ScalingReplicaSet")
            .map(|event| {
                let message = event["message"].as_str().unwrap_or_default();
                let words: Vec<&str> = message.split(' ').collect();
                let text = format!("{} {} to {}", words[1], words[6], words[8]);
                (store::resource_version(event), text)
            })
            .collect();
        messages.sort();
        messages.into_iter().map(|(_, text)| text).collect()
    }
}

fn key() -> Key {
    Key::new(DEPLOYMENTS, "demo", "worker")
}

#[tokio::test(start_paused = true)]
async fn a_scale_goes_straight_to_the_replica_set_and_leaves_progressing_alone() {
    let stage = stage();
    stage.deploy("RollingUpdate", 1).await;
    assert_eq!(
        stage.condition("Progressing")["reason"],
        "ReplicaSetUpdated"
    );
    stage.run_pods().await;
    let progressing = stage.condition("Progressing");
    assert_eq!(progressing["reason"], "NewReplicaSetAvailable");
    let generation = stage.deployment()["metadata"]["generation"].clone();
    assert_eq!(generation, 1, "the revision annotation counts for nothing");

    stage
        .change(|deployment| deployment["spec"]["replicas"] = json!(25))
        .await;
    let status = stage.deployment()["status"].clone();
    assert_eq!(status["replicas"], 25);
    assert_eq!(status["updatedReplicas"], 25);
    assert_eq!(status["readyReplicas"], 1);
    assert_eq!(status["unavailableReplicas"], 24);
    assert_eq!(status["observedGeneration"], 2);
    assert_eq!(stage.condition("Available")["status"], "False");
    assert_eq!(stage.condition("Progressing"), progressing);

    stage.run_pods().await;
    assert_eq!(stage.condition("Available")["status"], "True");
    assert_eq!(stage.scalings(), ["up 0 to 1", "up 1 to 25"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_template_rolls_within_surge_and_unavailability() {
    let stage = stage();
    stage.deploy("RollingUpdate", 4).await;
    stage.run_pods().await;
    stage
        .change(|deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("podium:2");
        })
        .await;
    for _ in 0..12 {
        let status = stage.deployment()["status"].clone();
        assert!(status["replicas"].as_i64().unwrap() <= 5, "{status}");
        assert!(
            status["availableReplicas"].as_i64().unwrap() >= 3,
            "{status}"
        );
        stage.run_pods().await;
    }
    let deployment = stage.deployment();
    assert!(status::is_complete(&deployment));
    assert_eq!(
        deployment["metadata"]["annotations"][store::DEPLOYMENT_REVISION],
        "2"
    );
    let (pods, _) = stage.store.list(PODS, None);
    assert!(
        pods.iter()
            .all(|pod| pod["spec"]["containers"][0]["image"] == "podium:2")
    );
}

#[tokio::test(start_paused = true)]
async fn recreate_waits_for_the_last_old_pod_before_the_first_new_one() {
    let stage = stage();
    stage.deploy("Recreate", 1).await;
    stage.run_pods().await;
    stage
        .change(|deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("podium:2");
        })
        .await;
    let (pods, _) = stage.store.list(PODS, None);
    assert_eq!(pods.len(), 1, "only the old pod, in deletion");
    assert!(store::is_deleting(&pods[0]));
    stage.run_pods().await;
    let (pods, _) = stage.store.list(PODS, None);
    assert_eq!(pods.len(), 1);
    assert_eq!(pods[0]["spec"]["containers"][0]["image"], "podium:2");
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_does_not_move_is_stuck_after_its_deadline() {
    let stage = stage();
    stage.deploy("RollingUpdate", 1).await;
    tokio::time::sleep(Duration::from_secs(599)).await;
    assert_eq!(stage.condition("Progressing")["status"], "True");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        stage.condition("Progressing")["reason"],
        "ProgressDeadlineExceeded"
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_the_deployment_takes_its_replica_sets_and_pods_along() {
    let stage = stage();
    stage.deploy("RollingUpdate", 3).await;
    stage.store.delete(&key(), None, 0).unwrap();
    stage.settle().await;
    stage.run_pods().await;
    assert!(stage.store.list(REPLICA_SETS, None).0.is_empty());
    assert!(stage.store.list(PODS, None).0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_scale_in_mid_rollout_gives_every_replica_set_its_share() {
    let stage = stage();
    stage.deploy("RollingUpdate", 10).await;
    stage.run_pods().await;
    stage
        .change(|deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] = json!("broken:2");
        })
        .await;
    let sizes = || {
        let (mut sets, _) = stage.store.list(REPLICA_SETS, None);
        sets.sort_by_key(|set| revision::number(set));
        sets.iter().map(|set| replicas(set)).collect::<Vec<_>>()
    };
    assert_eq!(sizes(), [8, 5], "10 + 3 surge, 2 unavailable");
    stage
        .change(|deployment| deployment["spec"]["replicas"] = json!(20))
        .await;
    // 13 were allowed, 25 are: 8 → 15, 5 → 10, as in the Deployment chapter's own sums.
    assert_eq!(sizes(), [15, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_leaves_the_deployment_short_and_both_say_why() {
    let stage = stage();
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": "demo"},
        "spec": {"hard": {"pods": "2"}},
    });
    stage.store.create(store::RESOURCE_QUOTAS, quota).unwrap();
    stage.deploy("RollingUpdate", 3).await;
    let failure = stage.condition("ReplicaFailure");
    assert_eq!(failure["reason"], "FailedCreate");
    let message = failure["message"].as_str().unwrap();
    assert!(
        message
            .ends_with("exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2"),
        "{message}"
    );
    assert_eq!(stage.deployment()["status"]["replicas"], 2);
    let quota = Key::new(store::RESOURCE_QUOTAS, "demo", "small");
    let status = stage.store.get(&quota).unwrap()["status"].clone();
    assert_eq!(status["used"], json!({"pods": "2"}));

    stage
        .store
        .modify(&quota, None, |quota| {
            quota["spec"]["hard"]["pods"] = json!("3");
            Ok(())
        })
        .unwrap();
    // Nothing tells the ReplicaSet of the room; its next attempt finds it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.deployment()["status"]["replicas"], 3);
    assert_eq!(stage.condition("ReplicaFailure"), Value::Null);
}

#[tokio::test(start_paused = true)]
async fn orphans_find_a_new_owner_in_the_deployment_that_comes_again() {
    let stage = stage();
    stage.deploy("RollingUpdate", 2).await;
    stage.run_pods().await;
    let set = stage.store.list(REPLICA_SETS, None).0[0].clone();
    stage
        .store
        .modify(&Key::of(REPLICA_SETS, &set), None, |set| {
            set["metadata"]["ownerReferences"] = json!([]);
            Ok(())
        })
        .unwrap();
    stage.settle().await;
    let (sets, _) = stage.store.list(REPLICA_SETS, None);
    assert_eq!(sets.len(), 1, "adopted, not made a second time");
    assert!(ownership::is_controlled_by(
        &sets[0],
        store::uid(&stage.deployment())
    ));
}
