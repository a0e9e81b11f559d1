//! Behind sentinels: whoever is master has the queue.

use super::{Sentinel, finish_at, queue_at, sees, status_of, two_workers, works_off};
use crate::queue::put;
use crate::redis_server::{Answer, Redis};
use crate::talk::Talk;

#[tokio::test(flavor = "multi_thread")]
async fn workers_go_on_with_the_replica_that_the_sentinels_made_master() {
    let mut master = Redis::real().await;
    let replica = Redis::replica_of(&master).await;
    let sentinel = Sentinel::watching(&master, None, None).await;
    sentinel.knows_a_replica().await;
    let queue = queue_at(&format!("redis-sentinel://{}/mymaster", sentinel.address)).await;
    assert_eq!(queue.address(), master.address.to_string());
    put(&queue, 120, 20).await;
    replica.catch_up_with(&master).await;
    let hands = two_workers(&queue);
    sees(&queue, |stats| stats.processed >= 10).await;
    master.kill().await;
    sentinel.names(&replica).await;
    finish_at(&replica, &queue, hands).await;
    // The next producer finds it as well.
    put(&queue, 1, 0).await;
    assert_eq!(queue.depth().await.unwrap(), 1);
}

#[tokio::test]
async fn the_demo_outlives_its_master_with_passwords_for_data_and_sentinels() {
    let passwords = ["--requirepass", "data-pw", "--masterauth", "data-pw"];
    let mut master = Redis::real_with(&passwords).await;
    let follow = format!("{} {}", master.address.ip(), master.address.port());
    let replica = Redis::real_with(&[&passwords[..], &["--replicaof", &follow]].concat()).await;
    let sentinel = Sentinel::watching(&master, Some("watch-pw"), Some("data-pw")).await;
    sentinel.knows_a_replica().await;
    let url = format!(
        "redis-sentinel://:data-pw@127.0.0.1:1,{}/mymaster?sentinelPassword=watch-pw",
        sentinel.address
    );
    let talk = Talk::start_with(&["--redis", &url]).await;
    talk.deploy().await;
    works_off(&talk, 8, 8).await;
    let arguments = [
        "get",
        "so/queue-worker",
        "ta/redis",
        "-n",
        "keda-demo",
        "-o",
        "yaml",
    ];
    let objects = talk.kubectl(&arguments).await.stdout;
    for part in [
        "type: redis-sentinel",
        "sentinelMaster: mymaster",
        &format!("addresses: 127.0.0.1:1,{}", sentinel.address),
        "parameter: sentinelPassword",
    ] {
        assert!(objects.contains(part), "{part}: {objects}");
    }
    assert!(!objects.contains("-pw"), "{objects}");
    let told = status_of(&talk, &url).await;
    let place = format!(
        "named by sentinels: {}, master with 1 replica",
        master.address
    );
    assert!(told.contains(&place), "{place}: {told}");
    master.kill().await;
    sentinel.names(&replica).await;
    works_off(&talk, 8, 16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_demoted_master_refuses_goes_to_the_new_one() {
    let (old, new) = (Redis::real().await, Redis::real().await);
    let sentinel = Sentinel::watching(&old, None, None).await;
    let queue = queue_at(&format!("redis-sentinel://{}/mymaster", sentinel.address)).await;
    put(&queue, 1, 0).await;
    let place = |redis: &Redis| format!("{} {}", redis.address.ip(), redis.address.port());
    let watch = format!("SENTINEL MONITOR mymaster {} 1", place(&new));
    for line in ["SENTINEL REMOVE mymaster", &watch] {
        assert_eq!(sentinel.ask(line).await, Answer::ok(), "{line}");
    }
    let follow = format!("REPLICAOF {}", place(&new));
    assert_eq!(old.client().await.ask(&follow).await, Answer::ok());
    // The connection to the old one is as good as ever, and nobody has to try again.
    put(&queue, 2, 0).await;
    assert_eq!(queue.address(), new.address.to_string());
    assert_eq!(queue.depth().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_go_on_when_the_sentinels_change_the_master_by_hand() {
    let master = Redis::real().await;
    let replica = Redis::replica_of(&master).await;
    let sentinel = Sentinel::watching(&master, None, None).await;
    sentinel.knows_a_replica().await;
    let queue = queue_at(&format!("redis-sentinel://{}/mymaster", sentinel.address)).await;
    put(&queue, 120, 20).await;
    replica.catch_up_with(&master).await;
    let hands = two_workers(&queue);
    sees(&queue, |stats| stats.processed >= 10).await;
    let asked = sentinel.ask("SENTINEL FAILOVER mymaster").await;
    assert_eq!(asked, Answer::ok());
    sentinel.names(&replica).await;
    sees(&queue, |stats| {
        stats.unique() == 120 && queue.address() == replica.address.to_string()
    })
    .await;
    for hand in hands {
        hand.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_that_hangs_is_passed_over() {
    let master = Redis::real().await;
    let hanging = Sentinel::watching(&master, None, None).await;
    let sentinel = Sentinel::watching(&master, None, None).await;
    hanging.stop().await;
    let (first, second) = (hanging.address, sentinel.address);
    let queue = queue_at(&format!("redis-sentinel://{first},{second}/mymaster")).await;
    let [one, two] = two_workers(&queue);
    put(&queue, 2, 0).await;
    sees(&queue, |stats| stats.unique() == 2).await;
    one.stop().await;
    two.stop().await;
}
