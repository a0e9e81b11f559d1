//! A key that leaked is withdrawn: by a command while the server runs, and by a new start.

use crate::talk::Talk;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

async fn log_in(talk: &Talk, key: &str) -> Option<String> {
    let link = format!("login?key={key}");
    let answer = talk.request(Method::GET, &link).send().await.unwrap();
    let cookie = answer.headers().get("set-cookie")?.to_str().unwrap();
    Some(cookie.split(';').next().unwrap().to_owned())
}

async fn control(talk: &Talk, cookie: &str) -> u16 {
    let page = talk
        .request(Method::GET, "control")
        .header("cookie", cookie);
    page.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_new_key_by_command_shuts_out_whoever_had_the_old_one() {
    let talk = Talk::start().await;
    let old = log_in(&talk, &talk.key).await.unwrap();
    let output = talk.command(&["rotate-key"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let new = talk.connection()["speaker_key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(new, talk.key);
    assert!(
        output.stdout.contains(&format!("login?key={new}")),
        "{output:?}"
    );
    assert!(!format!("{output:?}").contains(&talk.key));
    assert_eq!(control(&talk, &old).await, 303);
    let session = log_in(&talk, &new).await.unwrap();
    assert_eq!(control(&talk, &session).await, 200);
    let (status, _) = talk.act("explode", Value::Null).await;
    assert_eq!(status, 401, "the old key as a bearer token");
    assert_eq!(log_in(&talk, &talk.key).await, None);
}

#[tokio::test]
async fn a_new_key_takes_the_wheel_from_the_windows_that_had_it() {
    let mut talk = Talk::start().await;
    let mut window = talk.window("w-stranger").await;
    let body = json!({"window": "w-stranger", "kind": "stage", "address": "2"});
    let (status, _) = talk.post("position", body).await;
    assert_eq!(status, 200);
    talk.command(&["rotate-key"]).await;
    let end = async { while window.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), end)
        .await
        .expect("the stream of the old session ends");
    talk.key = talk.connection()["speaker_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({"window": "w-speaker", "kind": "stage", "address": "3"});
    let (status, answer) = talk.post("position", body).await;
    assert_eq!(status, 200, "nobody drives any more: {answer}");
}

#[tokio::test]
async fn the_browser_that_changes_the_key_stays_in() {
    let talk = Talk::start().await;
    let old = log_in(&talk, &talk.key).await.unwrap();
    let answer = talk
        .request(Method::POST, "login/rotate")
        .header("cookie", &old)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 303);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let new = cookie.split(';').next().unwrap();
    assert_ne!(new, old);
    assert_eq!(control(&talk, new).await, 200);
    assert_eq!(control(&talk, &old).await, 303);
}

#[tokio::test]
async fn a_key_that_cannot_be_made_known_is_not_changed() {
    let talk = Talk::start().await;
    // A folder in the way of the file: this fails for root as well, unlike a folder without write permission.
    let file = talk.state.path().join("connection.json");
    let text = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let answer = talk
        .request(Method::POST, "login/rotate")
        .bearer_auth(&talk.key)
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 500);
    assert!(log_in(&talk, &talk.key).await.is_some());
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, text).unwrap();
    let output = talk.command(&["rotate-key"]).await;
    assert_eq!(output.code, Some(0), "{output:?}");
}

#[tokio::test]
async fn each_start_makes_a_new_key_and_old_cookies_open_nothing() {
    let mut talk = Talk::start().await;
    let old = log_in(&talk, &talk.key).await.unwrap();
    talk.signal("TERM").await;
    talk.ended(Duration::from_secs(10)).await;
    let again = Talk::start().await;
    assert_ne!(again.key, talk.key);
    assert_eq!(control(&again, &old).await, 303);
    let missing = talk.command(&["rotate-key"]).await;
    assert_eq!(missing.code, Some(1));
    assert!(
        missing.stderr.contains("start `podium serve` first"),
        "{missing:?}"
    );
}
