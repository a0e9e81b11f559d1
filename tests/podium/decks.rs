//! Decks from elsewhere: written for Marp, for Slidev, and for nobody in particular, presented as they are.

use crate::talk::Talk;
use podium::deck::{self, Deck, Severity};
use std::path::{Path, PathBuf};

fn path(deck: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/decks")
        .join(deck)
}

/// Loads a deck; nothing in it may be wrong, and these must be the clicks of its slides.
#[track_caller]
fn check(name: &str, clicks: &[usize]) -> Deck {
    let deck = deck::load(&path(name)).unwrap();
    let wrong: Vec<_> = deck
        .problems
        .iter()
        .filter(|problem| problem.severity != Severity::Ignored)
        .map(ToString::to_string)
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    let found: Vec<_> = deck.slides.iter().map(|slide| slide.clicks).collect();
    assert_eq!(found, clicks);
    for slide in &deck.slides {
        for stray in ["v-click", "::right::", "<<<", "{{", "data-block", " style="] {
            assert!(
                !slide.html.contains(stray),
                "{stray} on {}: {}",
                slide.label,
                slide.html
            );
        }
    }
    deck
}

/// What the deck says it leaves out, by a word of each message.
#[track_caller]
fn check_ignored(deck: &Deck, words: &[&str]) {
    let said: Vec<_> = deck
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    for word in words {
        assert!(
            said.iter().any(|message| message.contains(word)),
            "{word} in {said:?}"
        );
    }
    assert_eq!(said.len(), words.len(), "{said:?}");
}

#[test]
fn a_marp_deck_presents_without_an_error() {
    let deck = check("marp/bread.md", &[0, 0, 3, 3, 0, 0, 0, 0, 0, 0]);
    check_ignored(&deck, &["theme", "math", "style is", "<style>"]);
    assert_eq!(deck.title, "Bread on a weekday");
    let (cover, last) = (deck.first(), deck.find("10").unwrap());
    assert_eq!((cover.class.as_str(), cover.numbered), ("lead", false));
    assert_eq!(cover.footer_html, "<em>Flour, water, salt</em>");
    assert!(cover.notes_html.contains("Hold up the loaf") && !cover.notes_html.contains("lead"));
    assert_eq!(
        (last.header_html.as_str(), last.footer_html.as_str()),
        ("", "<em>Flour, water, salt</em>")
    );
    assert_eq!(deck.find("5").unwrap().layout.class(), "image-right");
    assert_eq!(deck.find("9").unwrap().backgrounds.len(), 2);
    let formula = &deck.find("6").unwrap().html;
    assert!(
        formula.contains("<mfrac>") && formula.contains("$2 a kilo and $3 if"),
        "{formula}"
    );
    assert_eq!(
        deck.find("8").unwrap().background_color.as_deref(),
        Some("#fdf6e3")
    );
}

#[test]
fn a_slidev_deck_presents_without_an_error() {
    let deck = check("slidev/slides.md", &[0, 5, 1, 0, 2, 1, 0, 0, 2, 0, 0, 0]);
    check_ignored(
        &deck,
        &[
            "theme",
            "highlighter",
            "mdc",
            "fonts",
            "level",
            "layoutClass",
            "<carbon:arrow-right>",
            "<style>",
            "<arrow>",
            "<Youtube>",
            "other sites",
        ],
    );
    let labels: Vec<_> = deck
        .slides
        .iter()
        .map(|slide| slide.layout.class())
        .collect();
    assert_eq!(
        labels,
        [
            "cover",
            "default",
            "two-cols",
            "section",
            "default",
            "default",
            "statement",
            "fact",
            "image-right",
            "default",
            "default",
            "end"
        ]
    );
    assert_eq!(
        deck.settings.duration,
        Some(std::time::Duration::from_secs(20 * 60))
    );
    let code = &deck.find("5").unwrap().html;
    assert!(
        code.contains("data-line=\"1\" data-on=\"2\"")
            && code.contains("data-line=\"2\" data-on=\"0 2\""),
        "{code}"
    );
    assert!(
        deck.find("5")
            .unwrap()
            .notes_html
            .contains("data-click=\"2\"")
    );
    assert!(deck.find("6").unwrap().html.contains("language-py"));
    assert!(deck.find("11").unwrap().html.contains("<svg"));
    assert_eq!(deck.files.len(), 3);
}

#[test]
fn a_readme_presents_without_an_error() {
    let deck = check("readme/tidepool.md", &[0; 8]);
    check_ignored(&deck, &["other sites"]);
    assert_eq!(deck.title, "Tidepool");
    assert!(deck.find("3").unwrap().html.contains("times are local"));
    assert!(deck.find("5").unwrap().html.contains("<math"));
    assert!(deck.slides.iter().all(|slide| slide.notes_html.is_empty()));
}

#[tokio::test]
async fn a_deck_from_elsewhere_is_served_with_its_steps_and_its_language() {
    let slides = path("slidev/slides.md");
    let talk = Talk::start_with(&["--deck", slides.to_str().unwrap()]).await;
    let (status, page) = talk.get("5").await;
    assert_eq!(status, 200);
    assert!(page.contains("<html lang=\"en\"") && page.contains("data-transition=\"slide-left\""));
    assert!(page.contains("<meta name=\"author\" content=\"A birder\">"));
    assert!(page.contains("<title>Listening to birds</title>"));
    assert_eq!(page.matches("data-clicks=\"").count(), 5);
    assert_eq!(page.matches("data-hash=\"").count(), 12);
    assert!(
        !page.contains("blackbird before saying"),
        "notes stay with the speaker"
    );
}
