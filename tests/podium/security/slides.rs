//! A deck from somebody who wants to run a script in the room's browsers: every way in that is known, and nothing of it
//! comes out. The browser's own word is in `tests/browser/security.spec.mjs`.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use podium::deck;
use podium::web::export::{self, Export, Notes};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Elements that run, load, move or ask for something.
const DANGEROUS: [&str; 26] = [
    "animate",
    "animatetransform",
    "audio",
    "base",
    "body",
    "embed",
    "form",
    "foreignobject",
    "frame",
    "frameset",
    "handler",
    "html",
    "iframe",
    "isindex",
    "link",
    "marquee",
    "meta",
    "object",
    "script",
    "select",
    "set",
    "style",
    "template",
    "textarea",
    "use",
    "video",
];

/// Attributes that style, post or load.
const DANGEROUS_ATTRIBUTES: [&str; 8] = [
    "action",
    "background",
    "formaction",
    "ping",
    "srcdoc",
    "srcset",
    "style",
    "data-deed",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decks/hostile")
}

#[derive(Default)]
struct Tags(RefCell<Vec<Tag>>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token
            && tag.kind == TagKind::StartTag
        {
            self.0.borrow_mut().push(tag);
        }
        TokenSinkResult::Continue
    }
}

/// The start tags of some HTML, as the browser's own tokenizer sees them.
fn tags(html: &str) -> Vec<Tag> {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Tags::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.0.take()
}

/// Whether an address may stand in a page: one of ours, a page elsewhere, a picture.
fn is_harmless(element: &str, attribute: &str, value: &str) -> bool {
    let plain: String = value
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .collect();
    let lower = plain.to_ascii_lowercase();
    let Some((scheme, _)) = lower.split_once(':') else {
        return true;
    };
    // What no scheme can have in it makes the whole a path.
    let is_path = scheme.contains(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
    let is_picture = element == "img" && attribute == "src" && lower.starts_with("data:image/");
    is_path || matches!(scheme, "http" | "https" | "mailto") || is_picture
}

#[track_caller]
fn check(place: &str, html: &str) {
    for tag in tags(html) {
        let element = tag.name.to_ascii_lowercase();
        assert!(
            !DANGEROUS.contains(&element.as_ref()),
            "<{element}> in {place}: {html}"
        );
        for attribute in &tag.attrs {
            let name = attribute.name.local.to_ascii_lowercase();
            let value: &str = &attribute.value;
            let found = format!("<{element} {name}={value:?}> in {place}");
            assert!(!name.starts_with("on"), "{found}");
            assert!(!DANGEROUS_ATTRIBUTES.contains(&name.as_ref()), "{found}");
            if ["href", "src", "xlink:href", "poster", "data", "cite"].contains(&name.as_ref()) {
                assert!(is_harmless(&element, &name, value), "{found}");
            }
        }
    }
}

#[test]
fn a_hostile_deck_comes_out_harmless() {
    let deck = deck::load(&folder()).unwrap();
    assert_eq!(deck.last_number(), 6);
    let mut diagrams = 0;
    for slide in &deck.slides {
        let place = |part: &str| format!("{part} of slide {}", slide.label);
        check(&place("the text"), &slide.html);
        check(&place("the notes"), &slide.notes_html);
        check(&place("the header"), &slide.header_html);
        check(&place("the footer"), &slide.footer_html);
        for background in &slide.backgrounds {
            check(&place("the background"), &background.html());
        }
        diagrams += slide.html.matches("<svg").count();
    }
    assert!(
        diagrams >= 2,
        "the diagrams are drawn, or nothing was tried"
    );
}

#[test]
fn an_exported_hostile_deck_runs_only_our_two_scripts() {
    let folder = folder();
    let deck = deck::load(&folder).unwrap();
    let file = export::html(&Export {
        deck: &deck,
        folder: Some(&folder),
        run: None,
        notes: Notes::Included,
    })
    .unwrap();
    let body = &file[file.find("<main").unwrap()..file.find("</main>").unwrap()];
    check("the exported file", body);
    let (head, rest) = file.split_once("</head>").unwrap();
    assert_eq!(head.matches("<script").count(), 0, "{head}");
    let scripts = rest.rsplit("</main>").next().unwrap();
    assert_eq!(scripts.matches("<script").count(), 2);
}
