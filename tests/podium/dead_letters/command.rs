//! `podium dead-letters`: what it lists, shows, retries and discards, and what it refuses.

use super::{kill, kill_nonsense, places};
use crate::queue::connect;
use crate::redis_server::Redis;
use crate::talk::{Output, podium, run};
use serde_json::Value;

/// `podium dead-letters …` against this Redis.
async fn command(redis: &Redis, arguments: &[&str]) -> Output {
    let state = tempfile::tempdir().unwrap();
    let url = redis.url();
    let arguments = [&["dead-letters"], arguments, &["--redis", &url]].concat();
    run(podium(state.path()).args(arguments)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_lists_shows_retries_and_discards() {
    let redis = Redis::embedded().await;
    let queue = connect(&redis).await;
    let none = command(&redis, &[]).await;
    assert_eq!(
        (none.stdout.as_str(), none.code),
        ("no dead letters\n", Some(0))
    );
    kill(&queue, &redis, 2).await;
    kill_nonsense(&queue, &redis, "bell \u{7} and \u{1b}[2J").await;
    let listed = command(&redis, &["list", "--limit", "2"]).await;
    assert!(
        listed.stdout.starts_with("ID ") && listed.stdout.contains("attempt 3"),
        "{listed:?}"
    );
    assert!(
        listed
            .stdout
            .ends_with("2 of 3 dead letters; --limit shows more\n"),
        "{listed:?}"
    );
    let listed = command(&redis, &["--format", "json"]).await;
    let listing: Value = serde_json::from_str(&listed.stdout).unwrap();
    let id = |at: usize| listing["letters"][at]["id"].as_str().unwrap();
    assert_eq!(listing["total"], 3);
    let shown = command(&redis, &["show", id(0)]).await;
    assert!(
        shown.stdout.contains("bell \\u{7} and \\u{1b}[2J"),
        "{shown:?}"
    );
    assert!(shown.stdout.contains("not possible"), "{shown:?}");

    let refused = command(&redis, &["retry", id(0), id(1)]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("discard it"), "{refused:?}");
    assert_eq!(refused.stdout, format!("dead letter {} retried\n", id(1)));
    assert_eq!(places(&queue, &redis).await, (1, 2, 0));
    let late = command(&redis, &["retry", id(1)]).await;
    assert!(
        late.stderr.contains("no such dead letter") && late.code == Some(1),
        "{late:?}"
    );

    let unsure = command(&redis, &["discard", "--all"]).await;
    assert!(
        unsure.stderr.contains("say --yes") && unsure.code == Some(1),
        "{unsure:?}"
    );
    assert_eq!(places(&queue, &redis).await, (1, 2, 0));
    let told = command(&redis, &["retry", "--all"]).await.stdout;
    assert_eq!(
        told,
        "1 dead letter retried; 1 is no job and was left: discard it\n"
    );
    let gone = command(&redis, &["discard", "--all", "--yes"]).await;
    assert_eq!(gone.stdout, "1 dead letter discarded\n");
    assert_eq!(places(&queue, &redis).await, (2, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_a_letter_is_a_mistake_of_usage() {
    let redis = Redis::embedded().await;
    for arguments in [
        &["retry"][..],
        &["discard", "--yes"],
        &["retry", "a", "--all"],
    ] {
        assert_eq!(
            command(&redis, arguments).await.code,
            Some(2),
            "{arguments:?}"
        );
    }
}
