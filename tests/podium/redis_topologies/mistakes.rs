//! URLs that do not fit what is there: each says what was found and what to write instead.

use super::{Sentinel, cluster_node, do_at};
use crate::redis_server::Redis;
use crate::talk::{podium, run};

/// Asks for the depth of the queue at `url`; it must fail and say all of `parts`.
async fn fails(url: &str, parts: &[&str]) {
    let state = tempfile::tempdir().unwrap();
    let mut command = podium(state.path());
    command.env("PODIUM_REDIS", url).arg("queue-depth");
    let refused = run(&mut command).await;
    assert_eq!(refused.code, Some(1), "{url}: {refused:?}");
    for part in parts {
        assert!(
            refused.stderr.contains(part),
            "{url}: {part}: {}",
            refused.stderr
        );
    }
    assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
}

#[tokio::test]
async fn sentinels_that_lead_nowhere_say_why() {
    let redis = Redis::real().await;
    let sentinel = Sentinel::watching(&redis, None, None).await;
    let at = sentinel.address;
    fails(
        "redis-sentinel://127.0.0.1:1,127.0.0.1:2/mymaster",
        &[
            "no sentinel answers",
            "127.0.0.1:1: ",
            "127.0.0.1:2: ",
            "refused",
        ],
    )
    .await;
    let right = format!("redis-sentinel://{at}/mymaster");
    fails(
        &format!("redis-sentinel://{at}/other"),
        &["knows no master \"other\"", "it knows mymaster", &right],
    )
    .await;
    let redis_at = redis.address;
    fails(
        &format!("redis-sentinel://{redis_at}/mymaster"),
        &["is no sentinel", &format!("use redis://{redis_at}")],
    )
    .await;
    fails(
        &format!("redis://{at}"),
        &[
            "is a sentinel",
            &format!("use redis-sentinel://{at}/MASTER"),
        ],
    )
    .await;
    fails(&format!("redis-cluster://{at}"), &["redis-sentinel://"]).await;
    fails(
        &format!("redis-sentinel://:secret@{at}/mymaster"),
        &["refused the password", "the master, says the sentinel"],
    )
    .await;
    let empty = Sentinel::start(None, &[]).await;
    fails(
        &format!("redis-sentinel://{}/mymaster", empty.address),
        &["it watches none", "SENTINEL MONITOR"],
    )
    .await;
}

#[tokio::test]
async fn a_sentinels_own_password_is_told_from_the_masters() {
    let redis = Redis::real().await;
    let sentinel = Sentinel::watching(&redis, Some("watch-pw"), None).await;
    let at = sentinel.address;
    for query in ["", "?sentinelPassword=secret"] {
        fails(
            &format!("redis-sentinel://{at}/mymaster{query}"),
            &[
                "the sentinel at",
                "refused the password",
                "?sentinelPassword=",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_cluster_that_is_none_or_does_not_serve_says_so() {
    let redis = Redis::real().await;
    let at = redis.address;
    fails(
        &format!("redis-cluster://{at}"),
        &["is no node of a cluster", &format!("use redis://{at}")],
    )
    .await;
    fails(
        "redis-cluster://127.0.0.1:1",
        &["no node of the Redis Cluster answers", "127.0.0.1:1"],
    )
    .await;
    let node = cluster_node(&["--requirepass", "pw"]).await;
    let at = node.address;
    fails(
        &format!("redis-cluster://:secret@{at}"),
        &["refused the password"],
    )
    .await;
    fails(&format!("redis-cluster://{at}"), &["refused the password"]).await;
    let node = cluster_node(&[]).await;
    let at = node.address;
    fails(
        &format!("redis-cluster://{at}"),
        &["has slot", "in which the queue lies", "--cluster check"],
    )
    .await;
    fails(
        &format!("redis://{at}"),
        &["CLUSTERDOWN", "redis-cluster://"],
    )
    .await;
    do_at(&node, "CLUSTER ADDSLOTSRANGE 0 16000").await;
    fails(
        &format!("redis-cluster://{at}"),
        &["is down", "CLUSTERDOWN", "--cluster check"],
    )
    .await;
}

#[tokio::test]
async fn a_replica_that_is_taken_for_the_only_server_says_what_it_is() {
    let master = Redis::real().await;
    let replica = Redis::replica_of(&master).await;
    let state = tempfile::tempdir().unwrap();
    let mut command = podium(state.path());
    command.args(["enqueue", "1", "--redis", &replica.url()]);
    let refused = run(&mut command).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let at = replica.address;
    for part in [
        &format!("Redis at {at} is a replica and takes no jobs (READONLY"),
        "redis-sentinel://",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_refused_without_repeating_its_password() {
    let state = tempfile::tempdir().unwrap();
    for (url, why) in [
        ("redis-cluster://:secret@a/1", "database 0 only"),
        (
            "redis-sentinel://:secret@a?sentinelPassword=secret",
            "name of the master is missing",
        ),
        ("http://:secret@a", "redis://[:PASSWORD@]HOST:PORT"),
    ] {
        let mut command = podium(state.path());
        let refused = run(command.env("PODIUM_REDIS", url).arg("queue-depth")).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(
            refused.stderr.contains(why) && !refused.stderr.contains("secret"),
            "{}",
            refused.stderr
        );
    }
}
