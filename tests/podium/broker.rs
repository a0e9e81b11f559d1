//! The embedded broker behaves as Redis does: by example, and beside a real `redis-server` on the same commands.

use crate::redis_server::{Answer, Redis};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::time::Duration;
use tokio::process::Command;

#[tokio::test]
async fn redis_cli_sees_the_depth_of_the_queue() {
    let redis = Redis::embedded_with(Some("opensesame")).await;
    let port = redis.address.port().to_string();
    let cli = async |words: &[&str]| {
        let output = Command::new("redis-cli")
            .args(["-p", &port, "-a", "opensesame", "--no-auth-warning"])
            .args(words)
            .output()
            .await
            .expect("redis-cli is needed: apt-get install redis-tools");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(cli(&["LPUSH", "keda-demo-queue", "a", "b"]).await, "2");
    assert_eq!(cli(&["LLEN", "keda-demo-queue"]).await, "2");
    assert!(cli(&["INFO"]).await.contains("redis_version:"));
    assert_eq!(cli(&["-3", "HSET", "h", "f", "v"]).await, "1");
    assert!(cli(&["-3", "HGETALL", "h"]).await.contains('v'));
}

#[tokio::test]
async fn a_stranger_is_asked_for_the_password() {
    let redis = Redis::embedded_with(Some("opensesame")).await;
    let mut client = redis.client().await;
    let refused = Answer::Error("NOAUTH Authentication required.".into());
    assert_eq!(client.ask("LLEN q").await, refused);
    let Answer::Error(wrong) = client.ask("AUTH wrong").await else {
        panic!("let in with a wrong password")
    };
    assert!(wrong.starts_with("WRONGPASS"), "{wrong}");
    assert_eq!(client.ask("LLEN q").await, refused);
    assert_eq!(client.ask("AUTH default opensesame").await, Answer::ok());
    assert_eq!(client.ask("LLEN q").await, Answer::Integer(0));
}

#[tokio::test]
async fn garbage_is_answered_and_the_connection_closed() {
    let redis = Redis::embedded().await;
    for garbage in [
        "*x\r\n",
        "*1\r\n+PING\r\n",
        "*1\r\n$99999999999\r\n",
        "SET \"a\r\n",
    ] {
        let mut client = redis.client().await;
        client.send_raw(garbage.as_bytes()).await;
        let rest = client.rest().await;
        assert!(
            rest.starts_with("-ERR Protocol error: "),
            "{garbage:?}: {rest:?}"
        );
    }
    assert_eq!(
        redis.client().await.ask("PING").await,
        Answer::Status("PONG".into())
    );
}

#[tokio::test]
async fn a_browser_is_turned_away_before_its_body_is_read_as_commands() {
    let redis = Redis::embedded().await;
    let mut client = redis.client().await;
    let request = b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k pwned\r\n";
    client.send_raw(request).await;
    assert_eq!(client.rest().await, "-ERR this is Redis, not HTTP\r\n");
    let mut client = redis.client().await;
    assert_eq!(client.ask("EXISTS k").await, Answer::Integer(0));
}

#[tokio::test]
async fn blocked_clients_are_served_first_come_first_served() {
    let redis = Redis::embedded().await;
    let mut first = redis.client().await;
    let mut second = redis.client().await;
    let mut pusher = redis.client().await;
    first
        .send(&["BLMOVE", "q", "p1", "RIGHT", "LEFT", "0"])
        .await;
    wait_for_blocked(&mut pusher, 1).await;
    second.send(&["BLPOP", "q", "0"]).await;
    wait_for_blocked(&mut pusher, 2).await;
    pusher.ask("LPUSH q one").await;
    assert_eq!(first.answer().await, Answer::bulk("one"));
    pusher.ask("LPUSH q two").await;
    let pair = vec![Answer::bulk("q"), Answer::bulk("two")];
    assert_eq!(second.answer().await, Answer::Array(pair));
    assert_eq!(pusher.ask("LLEN p1").await, Answer::Integer(1));
    assert_eq!(pusher.ask("EXISTS q").await, Answer::Integer(0));
}

#[tokio::test]
async fn a_blocked_client_that_left_costs_no_element() {
    let redis = Redis::embedded().await;
    let mut pusher = redis.client().await;
    let mut gone = redis.client().await;
    gone.send(&["BLPOP", "q", "0"]).await;
    wait_for_blocked(&mut pusher, 1).await;
    drop(gone);
    wait_for_blocked(&mut pusher, 0).await;
    pusher.ask("LPUSH q one").await;
    assert_eq!(pusher.ask("LLEN q").await, Answer::Integer(1));
}

#[tokio::test]
async fn waiting_ends_with_nothing_when_the_time_is_up() {
    let redis = Redis::embedded().await;
    let mut client = redis.client().await;
    let moved = client.ask("BLMOVE q p RIGHT LEFT 0.02").await;
    assert_eq!(moved, Answer::NilArray);
    assert_eq!(client.ask("BLPOP q 0.02").await, Answer::NilArray);
    assert_eq!(client.ask("PING").await, Answer::Status("PONG".into()));
}

#[tokio::test]
async fn a_transaction_is_one_step_to_those_who_wait_and_fails_when_a_watched_key_changed() {
    let redis = Redis::embedded().await;
    let (mut one, mut two) = (redis.client().await, redis.client().await);
    assert_eq!(one.ask("WATCH k").await, Answer::ok());
    two.ask("SET k changed").await;
    one.ask("MULTI").await;
    assert_eq!(one.ask("SET k mine").await, Answer::Status("QUEUED".into()));
    assert_eq!(one.ask("EXEC").await, Answer::NilArray);
    two.send(&["BLPOP", "q", "0"]).await;
    wait_for_blocked(&mut one, 1).await;
    for line in ["MULTI", "LPUSH q a", "LPUSH q b", "EXEC"] {
        one.ask(line).await;
    }
    let pair = vec![Answer::bulk("q"), Answer::bulk("b")];
    assert_eq!(two.answer().await, Answer::Array(pair));
}

#[tokio::test]
async fn a_pipeline_is_answered_in_order() {
    let redis = Redis::embedded().await;
    let mut client = redis.client().await;
    let pipeline: String = (0..20_000).map(|n| format!("ECHO {n}\r\n")).collect();
    let mut reader = redis.client().await;
    std::mem::swap(&mut client, &mut reader);
    // Written in pieces with answers read between: neither side need hold it all.
    for chunk in pipeline.as_bytes().chunks(64 << 10) {
        client.send_raw(chunk).await;
    }
    for n in 0..20_000 {
        assert_eq!(client.answer().await, Answer::bulk(&n.to_string()));
    }
}

async fn wait_for_blocked(client: &mut crate::redis_server::Wire, expected: usize) {
    let wanted = format!("blocked_clients:{expected}\r\n");
    for _ in 0..400 {
        if let Answer::Bulk(info) = client.ask("INFO clients").await
            && info.contains(&wanted)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never {expected} blocked clients");
}

/// Commands whose answers depend on nothing but the commands before them. Few keys and values, so that they meet.
fn command() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec!["a", "b", "c", "d"]);
    let value = prop::sample::select(vec!["x", "y", "1", "-7", "2.5", "zz"]);
    let number = prop::sample::select(vec!["0", "1", "2", "-1", "-3", "5", "9", "x"]);
    let shape = prop::sample::select(SHAPES.to_vec());
    (
        shape,
        [key.clone(), key],
        [value.clone(), value],
        [number.clone(), number],
    )
        .prop_map(|(shape, keys, values, numbers)| {
            let mut line = shape.to_owned();
            for (mark, word) in [
                ("K", keys[0]),
                ("L", keys[1]),
                ("V", values[0]),
                ("W", values[1]),
                ("N", numbers[0]),
                ("M", numbers[1]),
            ] {
                line = line.replace(&format!("%{mark}"), word);
            }
            line
        })
}

const SHAPES: &[&str] = &[
    "PING",
    "ECHO %V",
    "NOSUCH %K %V",
    "GET",
    "LLEN",
    "SET %K %V",
    "SET %K %V NX",
    "SET %K %V XX",
    "SET %K %V GET",
    "SET %K %V EX 100",
    "SET %K %V EX %N",
    "SET %K %V NX XX",
    "SET %K %V KEEPTTL",
    "SETNX %K %V",
    "GET %K",
    "MGET %K %L",
    "MSET %K %V %L %W",
    "MSET %K",
    "GETDEL %K",
    "GETSET %K %V",
    "INCR %K",
    "DECR %K",
    "INCRBY %K %N",
    "DECRBY %K %N",
    "APPEND %K %V",
    "STRLEN %K",
    "SETBIT %K %N 1",
    "SETBIT %K 7 0",
    "GETBIT %K %N",
    "BITCOUNT %K",
    "BITCOUNT %K %N %M",
    "BITCOUNT %K %N %M BIT",
    "LPUSH %K %V",
    "RPUSH %K %V %W",
    "LPUSHX %K %V",
    "RPUSHX %K %V",
    "LPOP %K",
    "RPOP %K",
    "LPOP %K %N",
    "RPOP %K %N",
    "LLEN %K",
    "LRANGE %K %N %M",
    "LRANGE %K 0 -1",
    "LINDEX %K %N",
    "LSET %K %N %V",
    "LREM %K %N %V",
    "LTRIM %K %N %M",
    "LINSERT %K BEFORE %V %W",
    "LINSERT %K AFTER %V %W",
    "LINSERT %K UP %V %W",
    "LMOVE %K %L LEFT RIGHT",
    "LMOVE %K %L RIGHT LEFT",
    "LMOVE %K %L UP LEFT",
    "RPOPLPUSH %K %L",
    "LPOS %K %V",
    "LPOS %K %V RANK %N",
    "LPOS %K %V COUNT %N",
    "LPOS %K %V RANK -1 COUNT 0 MAXLEN %N",
    "HSET %K %V %W",
    "HSET %K %V",
    "HSETNX %K %V %W",
    "HGET %K %V",
    "HMGET %K %V %W",
    "HGETALL %K",
    "HDEL %K %V",
    "HLEN %K",
    "HEXISTS %K %V",
    "HKEYS %K",
    "HVALS %K",
    "HINCRBY %K %V %N",
    "SADD %K %V %W",
    "SREM %K %V",
    "SMEMBERS %K",
    "SISMEMBER %K %V",
    "SCARD %K",
    "ZADD %K %N %V",
    "ZADD %K NX %N %V",
    "ZADD %K XX CH %N %V",
    "ZADD %K NX XX 1 a",
    "ZREM %K %V",
    "ZSCORE %K %V",
    "ZCARD %K",
    "ZRANGE %K %N %M",
    "ZRANGE %K 0 -1 WITHSCORES",
    "ZRANGE %K 0 -1 REV",
    "ZRANGE %K -1 5 BYSCORE LIMIT 0 2",
    "ZRANGE %K (1 +inf BYSCORE",
    "ZRANGE %K 5 0 BYSCORE REV",
    "ZRANGEBYSCORE %K -inf %N WITHSCORES",
    "ZRANGEBYSCORE %K %N (%M",
    "ZINCRBY %K %N %V",
    "TYPE %K",
    "EXISTS %K %L",
    "DEL %K",
    "UNLINK %K %L",
    "DEL %K %L",
    "RENAME %K %L",
    "EXPIRE %K 100",
    "EXPIRE %K -1",
    "EXPIRE %K %N NX",
    "EXPIRE %K 50 GT",
    "EXPIRE %K 200 LT",
    "EXPIRE %K 10 NX XX",
    "PEXPIRE %K 100000",
    "TTL %K",
    "PERSIST %K",
    "DBSIZE",
    "KEYS *",
    "SCAN 0 COUNT 1000",
    "BLPOP %K 0.001",
    "BLMOVE %K %L LEFT RIGHT 0.001",
    "BRPOP %K -1",
    "BLPOP %K x",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH %K",
    "UNWATCH",
    "SELECT %N",
    "SELECT 0",
    "FLUSHDB",
    "AUTH x",
    "CLIENT GETNAME",
];

/// Answers that Redis gives in no particular order are compared without one.
fn settle(line: &str, answer: Answer) -> Answer {
    let unordered = [
        "KEYS", "SMEMBERS", "HKEYS", "HVALS", "HGETALL", "SCAN", "EXEC",
    ];
    match answer {
        Answer::Array(items) if unordered.iter().any(|name| line.starts_with(name)) => {
            let mut items: Vec<Answer> = items.into_iter().map(|item| settle(line, item)).collect();
            items.sort();
            Answer::Array(items)
        }
        other => other,
    }
}

#[tokio::test]
async fn the_same_commands_get_the_same_answers_from_a_real_redis() {
    let (ours, theirs) = (Redis::embedded().await, Redis::real().await);
    let config = Config::default();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let script = prop::collection::vec(command(), 150);
    for round in 0..60 {
        let lines = script.new_tree(&mut runner).expect("generated").current();
        let (mut us, mut them) = (ours.client().await, theirs.client().await);
        us.ask("FLUSHALL").await;
        them.ask("FLUSHALL").await;
        let mut story = Vec::new();
        for line in lines {
            story.push(line.clone());
            let found = settle(&line, us.ask(&line).await);
            let expected = settle(&line, them.ask(&line).await);
            assert_eq!(found, expected, "round {round}, after {story:#?}");
        }
    }
}
