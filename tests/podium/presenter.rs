//! The speaker's pages: who may open them, what they hold, and that notes are nowhere else.

use crate::talk::Talk;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// A phrase of slide 9.2's notes.
const NOTE: &str = "Count the cold start aloud";

async fn page(talk: &Talk, path: &str) -> String {
    let answer = talk
        .request(Method::GET, path)
        .bearer_auth(&talk.key)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

/// What follows the mark, up to the end of the element's opening tag.
fn after<'a>(page: &'a str, mark: &str) -> &'a str {
    let at = page.find(mark).unwrap_or_else(|| panic!("no {mark}"));
    page[at + mark.len()..].split('>').next().unwrap()
}

#[tokio::test]
async fn a_stranger_is_shown_the_door() {
    let talk = Talk::start().await;
    for path in ["presenter", "presenter/9.2", "remote"] {
        let answer = talk.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{path}");
        assert_eq!(answer.headers()["location"], "/login");
    }
}

#[tokio::test]
async fn notes_are_on_the_speakers_pages_and_nowhere_else() {
    let talk = Talk::start().await;
    for path in ["presenter/9.2", "remote"] {
        assert!(page(&talk, path).await.contains(NOTE), "{path}");
    }
    for path in ["", "9.2"] {
        assert!(!talk.get(path).await.1.contains(NOTE), "/{path}");
        let own = page(&talk, path).await;
        assert!(!own.contains(NOTE), "/{path} is what the room sees");
    }
    let mut events = talk.events().await;
    let (_, snapshot) = events.next().await.unwrap();
    assert!(!snapshot.to_string().contains(NOTE));
    talk.post(
        "position",
        json!({"window": "w-1", "kind": "stage", "address": "9.2"}),
    )
    .await;
    let moved = events
        .until(Duration::from_secs(5), |event, _| event == "position")
        .await;
    assert!(!moved.to_string().contains(NOTE), "{moved}");
}

#[tokio::test]
async fn without_javascript_the_page_has_the_step_the_next_one_the_notes_and_the_way_on() {
    let talk = Talk::start().await;
    let page = page(&talk, "presenter/9.2").await;
    let now = page.find("data-pane=\"now\"").unwrap();
    let next = page.find("data-pane=\"next\"").unwrap();
    let store = page.find("data-store").unwrap();
    assert!(page[now..next].contains("data-address=\"9.2\""));
    assert!(page[next..store].contains("data-address=\"9.3\""));
    assert_eq!(page.matches("<section class=\"slide").count(), 18);
    assert_eq!(after(&page, "data-notes=\"9.2\""), "");
    assert_eq!(after(&page, "data-notes=\"9.1\""), " hidden");
    for link in ["rel=\"prev\"", "rel=\"next\""] {
        assert!(page[..store].contains(link), "{link}");
    }
    assert!(page.contains("href=\"/presenter/9.3\""));
    assert!(page.contains("action=\"/actions/spike\""));
}

#[tokio::test]
async fn the_last_step_has_nothing_after_it_and_an_unknown_one_is_named() {
    let talk = Talk::start().await;
    let last = page(&talk, "presenter/12").await;
    assert!(last.contains("End of the talk"));
    let answer = talk
        .request(Method::GET, "presenter/99")
        .bearer_auth(&talk.key)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    assert!(answer.text().await.unwrap().contains("99"));
}

#[tokio::test]
async fn the_pages_open_where_the_room_is() {
    let talk = Talk::start().await;
    let position = json!({"window": "w-1", "kind": "stage", "address": "9.2"});
    talk.post("position", position).await;
    for path in ["presenter", "remote"] {
        let page = page(&talk, path).await;
        assert_eq!(after(&page, "data-notes=\"9.2\""), "", "{path}");
    }
}

#[tokio::test]
async fn a_deck_that_says_how_long_it_takes_has_a_plan() {
    let deck = tempfile::tempdir().unwrap();
    let file = deck.path().join("slides.md");
    std::fs::write(
        &file,
        "---\nduration: 20min\n---\n\n# One\n\n---\n\n# Two\n",
    )
    .unwrap();
    let talk = Talk::start_with(&["--deck", file.to_str().unwrap()]).await;
    let planned = page(&talk, "presenter").await;
    assert!(planned.contains("data-planned-ms=\"1200000\""));
    let open = Talk::start().await;
    assert!(page(&open, "remote").await.contains("data-planned-ms="));
}
