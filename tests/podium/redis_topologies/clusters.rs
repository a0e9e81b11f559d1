//! A Redis Cluster: the node that has the slot of the queue is found, and found again.

use super::{
    ThreeMasters, cluster_node, finish_at, id_of, queue_at, sees, status_of, two_workers, until,
    works_off,
};
use crate::queue::put;
use crate::redis_server::Answer;
use crate::talk::{Talk, podium, run};

#[tokio::test(flavor = "multi_thread")]
async fn workers_go_on_with_the_replica_that_the_cluster_made_master() {
    let mut cluster = ThreeMasters::start().await;
    let replica = cluster_node(&[]).await;
    cluster.introduce(&replica).await;
    let all: Vec<_> = cluster.masters.iter().chain([&replica]).collect();
    cluster.serves(&all).await;
    let owner = cluster.owner();
    let follow = format!("CLUSTER REPLICATE {}", id_of(&cluster.masters[owner]).await);
    until("the replica follows", async || {
        replica.client().await.ask(&follow).await == Answer::ok()
    })
    .await;
    until("the replica has its copy", async || {
        let told = replica.client().await.ask("INFO replication").await;
        matches!(told, Answer::Bulk(told) if told.contains("master_link_status:up"))
    })
    .await;
    // Named is only a node that does not have the queue.
    let other = &cluster.masters[(owner + 1) % 3];
    let queue = queue_at(&format!("redis-cluster://{}", other.address)).await;
    assert_eq!(queue.address(), cluster.masters[owner].address.to_string());
    put(&queue, 120, 20).await;
    replica.catch_up_with(&cluster.masters[owner]).await;
    let hands = two_workers(&queue);
    sees(&queue, |stats| stats.processed >= 10).await;
    cluster.masters[owner].kill().await;
    finish_at(&replica, &queue, hands).await;
}

#[tokio::test]
async fn the_demo_follows_its_slot_to_another_node() {
    let cluster = ThreeMasters::start().await;
    let url = cluster.url();
    let talk = Talk::start_with(&["--redis", &url]).await;
    talk.deploy().await;
    works_off(&talk, 8, 8).await;
    let owner = &cluster.masters[cluster.owner()];
    let told = status_of(&talk, &url).await;
    let place = format!(
        "node {} of a Redis Cluster, master without replicas",
        owner.address
    );
    assert!(told.contains(&place), "{place}: {told}");
    let told = status_of(&talk, &owner.url()).await;
    let advice = format!("use redis-cluster://{}", owner.address);
    assert!(told.contains(&advice), "{advice}: {told}");

    let now = cluster.move_slot().await;
    works_off(&talk, 8, 16).await;
    let arguments = ["get", "so/queue-worker", "-n", "keda-demo", "-o", "yaml"];
    let trigger = talk.kubectl(&arguments).await.stdout;
    assert!(trigger.contains("type: redis-cluster"), "{trigger}");
    let length = now.client().await.ask("LLEN keda-demo-queue").await;
    assert_eq!(length, Answer::Integer(0), "the queue is there");

    let mut command = podium(talk.state.path());
    command.args(["queue-depth", "--redis", &owner.url()]);
    let refused = run(&mut command).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("MOVED") && refused.stderr.contains(&advice),
        "{}",
        refused.stderr
    );
}
