//! Editing the deck while it is shown: what the room gets, and what only the author does.

use crate::talk::Talk;
use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// A save is seen within 50 ms; the rest is for the machine's other work.
const SOON: Duration = Duration::from_secs(10);

async fn authored() -> (tempfile::TempDir, Talk) {
    let deck = tempfile::tempdir().unwrap();
    fs::write(deck.path().join("slide-01.md"), "# One\n").unwrap();
    let talk = Talk::start_with(&["--deck", deck.path().to_str().unwrap()]).await;
    (deck, talk)
}

async fn problems(talk: &Talk) -> Value {
    let request = talk.request(Method::GET, "deck-problems");
    let answer = request.bearer_auth(&talk.key).send().await.unwrap();
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_saved_file_is_told_to_everyone_and_is_in_the_next_page() {
    let (deck, talk) = authored().await;
    let mut events = talk.events().await;
    let snapshot = events.until(SOON, |event, _| event == "snapshot").await;
    let before = snapshot["deck_version"].as_str().unwrap().to_owned();
    assert!(
        talk.get("1")
            .await
            .1
            .contains(&format!("data-deck-version=\"{before}\""))
    );

    fs::write(deck.path().join("slide-01.md"), "# Uno\n").unwrap();
    let told = events.until(SOON, |event, _| event == "deck").await;
    let after = told["version"].as_str().unwrap();
    assert_ne!(after, before);
    let (_, page) = talk.get("1").await;
    assert!(page.contains("Uno") && page.contains(&format!("data-deck-version=\"{after}\"")));
}

#[tokio::test]
async fn a_new_slide_can_be_opened_and_a_removed_one_is_gone() {
    let (deck, talk) = authored().await;
    let mut events = talk.events().await;
    let second = deck.path().join("slide-02.md");
    fs::write(&second, "# Two\n").unwrap();
    events.until(SOON, |event, _| event == "deck").await;
    assert_eq!(talk.get("2").await.0, 200);
    fs::remove_file(&second).unwrap();
    events.until(SOON, |event, _| event == "deck").await;
    assert_eq!(talk.get("2").await.0, 404);
}

#[tokio::test]
async fn problems_are_told_to_the_author_and_to_nobody_else() {
    let (deck, talk) = authored().await;
    assert_eq!(problems(&talk).await["problems"], Value::Array(vec![]));
    let mut events = talk.events().await;
    fs::write(
        deck.path().join("slide-01.md"),
        "---\nlayout: spiral\n---\n\n# One\n",
    )
    .unwrap();
    let told = events.until(SOON, |event, _| event == "deck").await;
    assert!(!told.to_string().contains("spiral"));
    let found = &problems(&talk).await["problems"][0];
    assert_eq!(
        (&found["file"], &found["line"]),
        (&"slide-01.md".into(), &2.into())
    );
    let anyone = talk.request(Method::GET, "deck-problems");
    let anyone = anyone.header("accept", "application/json");
    assert_eq!(anyone.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_deck_emptied_under_way_stays_on_the_screen_and_the_author_hears_why() {
    let (deck, talk) = authored().await;
    let mut events = talk.events().await;
    fs::remove_file(deck.path().join("slide-01.md")).unwrap();
    events.until(SOON, |event, _| event == "deck").await;
    let (status, page) = talk.get("1").await;
    assert!(status == 200 && page.contains("One"));
    let told = problems(&talk).await;
    assert!(
        told["fault"].as_str().unwrap().contains("no slides"),
        "{told}"
    );
}
