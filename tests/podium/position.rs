//! Where the talk is: who may say so, who drives, and what everybody hears of it.

use crate::talk::{Events, Talk};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(5);

fn to(window: &str, address: &str) -> Value {
    json!({"window": window, "kind": "stage", "address": address})
}

/// The next `position` that `wanted` accepts.
async fn position(events: &mut Events, mut wanted: impl FnMut(&Value) -> bool) -> Value {
    events
        .until(SOON, |event, data| event == "position" && wanted(data))
        .await
}

async fn snapshot(events: &mut Events) -> Value {
    events.until(SOON, |event, _| event == "snapshot").await
}

#[tokio::test]
async fn only_the_speaker_moves_the_room() {
    let talk = Talk::start().await;
    for path in ["position", "position/clock", "pointer", "ink"] {
        let answer = talk
            .request(Method::POST, path)
            .json(&to("w-1", "2"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
    let forged = talk
        .request(Method::POST, "position")
        .bearer_auth(&talk.key)
        .header("origin", "https://elsewhere.example")
        .json(&to("w-1", "2"))
        .send()
        .await
        .unwrap();
    assert_eq!(forged.status(), 403);
}

#[tokio::test]
async fn a_move_is_heard_by_who_watches_and_found_by_who_comes_late() {
    let talk = Talk::start().await;
    let mut watching = talk.events().await;
    assert_eq!(snapshot(&mut watching).await["position"]["address"], "1");
    let (status, answer) = talk.post("position", to("w-1", "9")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["address"], "9.1");
    assert_eq!(answer["driver"], json!({"window": "w-1", "kind": "stage"}));
    assert!(answer["clock"]["running_since"].is_i64(), "{answer}");
    assert_eq!(position(&mut watching, |_| true).await, answer);
    assert_eq!(snapshot(&mut talk.events().await).await["position"], answer);
    let (_, page) = talk.get("").await;
    let shown = page.split("<section class=\"").find(|section| {
        let class = section.split('"').next().unwrap_or_default();
        class.contains(" current")
    });
    assert!(shown.unwrap().contains("data-address=\"9.1\""));
}

#[tokio::test]
async fn one_window_drives_until_another_takes_over() {
    let talk = Talk::start().await;
    let _first = talk.window("w-1").await;
    let _second = talk.window("w-2").await;
    talk.post("position", to("w-1", "2")).await;
    let (status, answer) = talk.post("position", to("w-2", "3")).await;
    assert_eq!(status, 409);
    assert_eq!(answer["position"]["address"], "2.1");
    assert!(answer["error"]["remedy"].is_string(), "{answer}");
    let take = json!({"window": "w-2", "kind": "presenter", "take_over": true});
    let (status, answer) = talk.post("position", take).await;
    assert_eq!((status, &answer["address"]), (200, &json!("2.1")));
    assert_eq!(answer["driver"]["window"], "w-2");
    assert_eq!(talk.post("position", to("w-1", "3")).await.0, 409);
    assert_eq!(talk.post("position", to("w-2", "3")).await.0, 200);
}

#[tokio::test]
async fn the_wheel_of_a_window_that_is_gone_is_free() {
    let talk = Talk::start().await;
    let first = talk.window("w-1").await;
    let _second = talk.window("w-2").await;
    talk.post("position", to("w-1", "2")).await;
    assert_eq!(talk.post("position", to("w-2", "3")).await.0, 409);
    drop(first);
    // The server learns of a closed connection in its own time: asking until then is the only way to await it.
    let freed = async {
        while talk.post("position", to("w-2", "3")).await.0 != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, freed).await.unwrap();
}

#[tokio::test]
async fn a_step_the_deck_does_not_have_is_refused_and_moves_nobody() {
    let talk = Talk::start().await;
    for (path, body) in [
        ("position", to("w-1", "99")),
        ("position", to("not a window", "2")),
        (
            "pointer",
            json!({"window": "w-1", "address": "9.77", "x": 0.5, "y": 0.5}),
        ),
        (
            "ink",
            json!({"window": "w-1", "address": "", "stroke": [[0, 0]]}),
        ),
    ] {
        let (status, answer) = talk.post(path, body.clone()).await;
        assert_eq!(status, 422, "{body}: {answer}");
        assert!(answer["error"]["remedy"].is_string(), "{answer}");
    }
    for (path, body) in [
        ("position", json!({"window": "w-1"})),
        (
            "position",
            json!({"window": "w-1", "kind": "stage", "blank": "pink"}),
        ),
        ("position/clock", json!({"window": "w-1", "do": "explode"})),
        ("pointer", json!({"window": "w-1", "address": "2"})),
        ("ink", json!({"window": "w-1", "address": "2"})),
    ] {
        assert_eq!(talk.post(path, body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(
        snapshot(&mut talk.events().await).await["position"]["driver"],
        Value::Null
    );
}

#[tokio::test]
async fn blackout_lasts_until_it_is_taken_away_or_the_talk_moves_on() {
    let talk = Talk::start().await;
    let cover = |blank: &str| json!({"window": "w-1", "kind": "stage", "blank": blank});
    assert_eq!(
        talk.post("position", cover("black")).await.1["blank"],
        "black"
    );
    assert_eq!(
        talk.post("position", cover("none")).await.1["blank"],
        Value::Null
    );
    talk.post("position", cover("white")).await;
    let moved = talk.post("position", to("w-1", "2")).await.1;
    assert_eq!(moved["blank"], Value::Null);
}

#[tokio::test]
async fn the_clock_starts_with_the_talk_and_obeys() {
    let talk = Talk::start().await;
    let deed = |deed: &str| json!({"window": "w-1", "do": deed});
    talk.post("position", to("w-1", "2")).await;
    let paused = talk.post("position/clock", deed("pause")).await.1;
    assert_eq!(paused["clock"]["running_since"], Value::Null);
    let running = talk.post("position/clock", deed("start")).await.1;
    assert!(running["clock"]["running_since"].is_i64());
    let reset = talk.post("position/clock", deed("reset")).await.1;
    assert_eq!(
        reset["clock"],
        json!({"running_since": null, "carried_ms": 0})
    );
}

#[tokio::test]
async fn ink_stays_until_it_is_wiped_and_the_pointer_is_for_the_moment() {
    let talk = Talk::start().await;
    let mut watching = talk.events().await;
    let point = json!({"window": "w-1", "address": "2", "x": 0.25, "y": 7.0});
    assert_eq!(talk.post("pointer", point).await.0, 204);
    let seen = watching.until(SOON, |event, _| event == "pointer").await;
    assert_eq!(seen, json!({"address": "2.1", "x": 0.25, "y": 1.0}));
    let stroke = json!({"window": "w-1", "address": "2", "stroke": [[0.1, 0.2], [0.3, 0.4]]});
    assert_eq!(talk.post("ink", stroke).await.0, 204);
    let late = snapshot(&mut talk.events().await).await;
    assert_eq!(late["ink"], json!({"2.1": [[[0.1, 0.2], [0.3, 0.4]]]}));
    assert_eq!(late["pointer"], Value::Null);
    talk.post("ink", json!({"window": "w-1", "clear": true}))
        .await;
    let wiped = watching
        .until(SOON, |event, data| {
            event == "ink" && data["strokes"] == json!([])
        })
        .await;
    assert_eq!(wiped["address"], "2.1");
}

#[tokio::test]
async fn a_stroke_grows_under_its_number_and_can_be_taken_back() {
    let talk = Talk::start().await;
    let piece = |id: u32, stroke: Value| json!({"window": "w-1", "address": "2", "id": id, "stroke": stroke});
    for (id, stroke) in [
        (1, json!([[0.1, 0.1]])),
        (1, json!([[0.1, 0.1], [0.2, 0.2]])),
        (2, json!([[0.5, 0.5]])),
    ] {
        assert_eq!(talk.post("ink", piece(id, stroke)).await.0, 204);
    }
    let two = snapshot(&mut talk.events().await).await;
    assert_eq!(
        two["ink"]["2.1"],
        json!([[[0.1, 0.1], [0.2, 0.2]], [[0.5, 0.5]]])
    );
    talk.post(
        "ink",
        json!({"window": "w-1", "address": "2", "undo": true}),
    )
    .await;
    let one = snapshot(&mut talk.events().await).await;
    assert_eq!(one["ink"]["2.1"], json!([[[0.1, 0.1], [0.2, 0.2]]]));
}

#[tokio::test]
async fn too_much_ink_is_refused_with_a_remedy() {
    let talk = Talk::start().await;
    let stroke = |points: usize| json!({"window": "w-1", "address": "2", "stroke": vec![[0.5, 0.5]; points]});
    let (status, answer) = talk.post("ink", stroke(601)).await;
    assert_eq!(
        (status, answer["error"]["field"].as_str()),
        (422, Some("stroke")),
        "{answer}"
    );
    for _ in 0..5 {
        assert_eq!(talk.post("ink", stroke(600)).await.0, 204);
    }
    let (status, answer) = talk.post("ink", stroke(1)).await;
    assert_eq!(status, 422);
    let remedy = answer["error"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("press c"), "{remedy}");
}

#[tokio::test]
async fn the_speakers_own_windows_are_no_audience() {
    let talk = Talk::start().await;
    let _speaker = talk.window("w-1").await;
    let mut viewer = talk.events().await;
    let sample = viewer
        .sample(SOON, |sample| {
            sample["viewers"] == 1 && sample["lag"].is_u64()
        })
        .await;
    assert!(sample["lag"].as_u64().unwrap() < 1_000, "{sample}");
    // Whoever is not the speaker cannot hide among the speaker's windows.
    let hidden = talk.request(Method::GET, "events?window=w-2&kind=stage");
    let _hidden = hidden.send().await.unwrap();
    viewer.sample(SOON, |sample| sample["viewers"] == 2).await;
}
