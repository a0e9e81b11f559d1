//! Decks of several files and settings, from a folder to slides.

use super::*;
use crate::deck::load;
use std::fs;

/// Loads `slides.md` beside these other files.
fn deck(text: &str, others: &[(&str, &str)]) -> Deck {
    let folder = tempfile::tempdir().expect("a temp dir");
    for (name, text) in others.iter().chain(&[("slides.md", text)]) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    load(&folder.path().join("slides.md")).expect("a deck")
}

/// The titles of a deck's slides, and its problems as `file:line`.
#[track_caller]
fn check(text: &str, others: &[(&str, &str)], titles: &[&str], problems: &[&str]) {
    let deck = deck(text, others);
    let found: Vec<_> = deck
        .slides
        .iter()
        .map(|slide| slide.title.as_str())
        .collect();
    let wrong: Vec<_> = deck
        .problems
        .iter()
        .map(|problem| format!("{}:{}", problem.file, problem.line))
        .collect();
    assert_eq!(
        (found, wrong),
        (
            titles.to_vec(),
            problems.iter().map(|place| (*place).to_owned()).collect()
        )
    );
}

#[test]
fn other_files_slides_take_their_place() {
    let other = "# One\n\n---\n\n# Two\n\n---\nlayout: nowhere\n---\n\n# Three\n";
    check(
        "# A\n\n---\nsrc: ./pages/other.md#1,3\n---\n\n---\n\n# B\n",
        &[("pages/other.md", other)],
        &["A", "One", "Three", "B"],
        &["pages/other.md:8"],
    );
    let deck = deck(
        "---\ntitle: T\n---\n\n# A\n\n---\nsrc: other.md\nclass: quiet\n---\n",
        &[
            ("other.md", "# B\n\n<<< ./code.rs\n"),
            ("code.rs", "fn main() {}\n"),
        ],
    );
    assert_eq!(
        (deck.slides[1].class.as_str(), deck.slides[1].file.as_str()),
        ("quiet", "other.md")
    );
    let files: Vec<_> = deck
        .files
        .iter()
        .filter_map(|file| file.file_name()?.to_str())
        .collect();
    assert_eq!(files, ["slides.md", "other.md", "code.rs"]);
}

#[test]
fn files_that_are_missing_outside_or_in_a_circle_are_reported_where_they_are_named() {
    check(
        "# A\n\n---\nsrc: ./gone.md\n---\n\n---\nsrc: ../x.md\n---\n\n---\nsrc: loop.md\n---\n\n---\nsrc: slides.md\n---\n",
        &[("loop.md", "# L\n\n---\nsrc: loop.md\n---\n")],
        &["A", "L"],
        &["slides.md:4", "slides.md:8", "loop.md:4", "slides.md:16"],
    );
}

#[test]
fn lines_are_the_files_own_behind_an_include() {
    check(
        "# A\n\n<<< ./code.rs\n\n```chart\nseries: [nothing]\n```\n",
        &[("code.rs", "1\n2\n3\n4\n")],
        &["A"],
        &["slides.md:5"],
    );
}

#[test]
fn hidden_slides_are_left_out_and_the_rest_counts_on() {
    check(
        "# A\n\n---\nhide: true\n---\n\n# B\n\n---\ndisabled: true\n---\n\n# C\n\n---\n\n# D\n",
        &[],
        &["A", "D"],
        &[],
    );
}

#[test]
fn headings_may_divide() {
    check(
        "---\nheadingDivider: 2\n---\n\n# A\n\n## B\n\ntext\n\n---\n\n## C\n\n### c\n",
        &[],
        &["A", "B", "C"],
        &[],
    );
}

#[test]
fn a_slide_is_found_by_its_second_address() {
    let deck = deck("# A\n\n---\nrouteAlias: demo\n---\n\n# B\n", &[]);
    assert_eq!(
        deck.find("demo").map(|slide| slide.label.as_str()),
        Some("2")
    );
}

#[test]
fn marps_comments_hold_from_their_slide_on_or_for_it_alone() {
    let deck = deck(
        "---\nmarp: true\nfooter: '*Foot*'\n---\n\n<!-- _class: lead -->\n\n# A\n\n---\n\n<!-- paginate: false -->\n\n# B\n\n---\n\n\
         <!-- footer: '' -->\n\n![bg left](a.png)\n\n# C\n",
        &[],
    );
    let said: Vec<_> = deck
        .slides
        .iter()
        .map(|slide| {
            (
                slide.class.as_str(),
                slide.footer_html.as_str(),
                slide.numbered,
                slide.layout,
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("lead", "<em>Foot</em>", true, Layout::Default),
            ("", "<em>Foot</em>", false, Layout::Default),
            ("", "", false, Layout::ImageLeft),
        ]
    );
    assert!(deck.slides.iter().all(|slide| slide.notes_html.is_empty()));
}

#[test]
fn what_is_ignored_is_said_once() {
    check(
        "---\ntheme: seriph\n---\n\n# A\n\n---\nlevel: 2\n---\n\n# B\n\n---\nlevel: 2\n---\n\n# C\n",
        &[],
        &["A", "B", "C"],
        &["slides.md:2", "slides.md:8"],
    );
}

#[test]
fn a_slides_hash_changes_with_the_slide_alone() {
    let hashes = |text: &str| {
        deck(text, &[])
            .slides
            .iter()
            .map(|slide| slide.hash)
            .collect::<Vec<_>>()
    };
    let before = hashes("# A\n\n---\n\n# B\n");
    assert_eq!(before, hashes("# A\n\n---\n\n# B\n"));
    let after = hashes("# A\n\nmore\n\n---\n\n# B\n");
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1], after[1]);
}
