//! Dead letters over HTTP: by the speaker's forms and scripts, not by a stranger, and as a number for the room.

use super::{kill, kill_nonsense, newest_id, places};
use crate::queue::connect;
use crate::redis_server::Redis;
use crate::talk::Talk;
use podium::queue::stats::{Stats, stats};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// A server that uses this Redis, so that nothing needs to be deployed.
async fn serving(redis: &Redis) -> Talk {
    Talk::start_with(&["--redis", &redis.url()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sees_and_moves_no_dead_letter() {
    let redis = Redis::embedded().await;
    let queue = connect(&redis).await;
    kill(&queue, &redis, 1).await;
    let id = newest_id(&queue).await;
    let talk = serving(&redis).await;
    let page = talk
        .request(Method::GET, "dead-letters")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (page.status().as_u16(), &page.headers()["location"]),
        (303, &"/login".parse().unwrap())
    );
    let script = talk
        .request(Method::GET, "dead-letters")
        .header("accept", "application/json");
    assert_eq!(script.send().await.unwrap().status(), 401);
    for fate in ["retry", "discard"] {
        let form = json!({"id": id, "confirm": "yes"});
        let order = || {
            talk.request(Method::POST, &format!("dead-letters/{fate}"))
                .form(&form)
        };
        assert_eq!(order().send().await.unwrap().status(), 401, "{fate}");
        let forged = order()
            .bearer_auth(&talk.key)
            .header("origin", "https://elsewhere.example");
        assert_eq!(forged.send().await.unwrap().status(), 403, "{fate}");
    }
    // Last, since a wrong key makes its address wait.
    let guessed = talk
        .request(Method::POST, "dead-letters/discard")
        .form(&json!({"id": id, "confirm": "yes"}))
        .bearer_auth("guess");
    assert_eq!(guessed.send().await.unwrap().status(), 401);
    assert_eq!(places(&queue, &redis).await, (0, 1, 0));
    let (_, slides) = talk.get("").await;
    assert!(
        !slides.contains("dead-letters"),
        "the room's page does not mention them"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_speaker_handles_dead_letters_with_plain_forms_and_by_script() {
    let redis = Redis::real().await;
    let queue = connect(&redis).await;
    kill(&queue, &redis, 2).await;
    kill_nonsense(&queue, &redis, "<script>alert(1)</script>").await;
    let talk = serving(&redis).await;
    let form = |fate: &str, fields: Value| {
        let order = talk.request(Method::POST, &format!("dead-letters/{fate}"));
        order.bearer_auth(&talk.key).form(&fields)
    };
    let page = talk
        .request(Method::GET, "dead-letters")
        .bearer_auth(&talk.key);
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("attempt 3 of 3") && page.contains("&#60;script&#62;"),
        "{page}"
    );
    assert!(!page.contains("<script>alert"), "{page}");

    let nonsense = newest_id(&queue).await;
    let refused = form("retry", json!({"id": nonsense})).send().await.unwrap();
    assert_eq!(refused.status(), 409);
    assert!(refused.text().await.unwrap().contains("discard it"));
    let unsure = form("discard", json!({"id": nonsense}))
        .send()
        .await
        .unwrap();
    assert_eq!(unsure.status(), 422);
    let sure = form("discard", json!({"id": nonsense, "confirm": "yes"}))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (sure.status().as_u16(), &sure.headers()["location"]),
        (303, &"/dead-letters".parse().unwrap())
    );
    assert_eq!(places(&queue, &redis).await, (0, 2, 1));

    let id = newest_id(&queue).await;
    let (status, told) = talk.letters("retry", json!({"id": id})).await;
    assert_eq!(
        (status, &told["told"]),
        (200, &json!(format!("dead letter {id} retried")))
    );
    let (status, late) = talk.letters("retry", json!({"id": id})).await;
    assert_eq!(status, 404, "{late}");
    assert!(
        late["error"]["remedy"]
            .as_str()
            .unwrap()
            .contains("meanwhile"),
        "{late}"
    );
    let (status, _) = talk.letters("retry", json!({"all": "yes"})).await;
    assert_eq!(status, 422, "all at once asks first");
    let (status, told) = talk
        .letters("retry", json!({"all": "yes", "confirm": "yes"}))
        .await;
    assert_eq!(
        (status, &told["told"]),
        (200, &json!("1 dead letter retried"))
    );
    assert_eq!(places(&queue, &redis).await, (2, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_queue_the_page_says_so_to_the_speaker() {
    let talk = Talk::start().await;
    let page = talk
        .request(Method::GET, "dead-letters")
        .bearer_auth(&talk.key);
    let page = page.send().await.unwrap();
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().contains("role=\"alert\""));
    let (status, answer) = talk.letters("retry", json!({"id": "0123456789ab"})).await;
    assert!(
        status == 503 && answer["error"]["message"].is_string(),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_is_told_how_many_there_are_as_they_come_and_go() {
    let redis = Redis::embedded().await;
    let queue = connect(&redis).await;
    let talk = serving(&redis).await;
    let mut events = talk.events().await;
    let limit = Duration::from_secs(5);
    events.sample(limit, |sample| sample["dead"] == 0).await;
    kill(&queue, &redis, 3).await;
    events.sample(limit, |sample| sample["dead"] == 3).await;
    talk.letters("discard", json!({"all": "yes", "confirm": "yes"}))
        .await;
    let sample = events.sample(limit, |sample| sample["dead"] == 0).await;
    assert_eq!(sample["discarded"], 3);
    let now: Stats = stats(&queue).await.unwrap();
    assert_eq!(now.missing(), 0);
}

impl Talk {
    /// A button of the dead letters, as a script presses it.
    async fn letters(&self, fate: &str, fields: Value) -> (u16, Value) {
        let order = self.request(Method::POST, &format!("dead-letters/{fate}"));
        let order = order
            .bearer_auth(&self.key)
            .header("accept", "application/json");
        let answer = order.json(&fields).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}
