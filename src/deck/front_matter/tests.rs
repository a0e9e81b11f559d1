//! Front matter as its authors write it.

use super::*;
use crate::deck::picture::Side;
use std::time::Duration;

/// Reads a deck's first front matter, which starts on line 2.
fn read_text(text: &str) -> (FrontMatter, Reader, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut reader = Reader::default();
    let sheet = Sheet::parse("slide-01.md", Located { text, line: 2 }, &mut problems);
    if let Some(sheet) = &sheet {
        reader.head(sheet, &mut problems);
    }
    let mut slide = reader.start();
    if let Some(sheet) = &sheet {
        reader.apply(sheet, true, &mut slide, &mut problems);
    }
    (slide, reader, problems)
}

/// The line, the severity and a word of each problem.
#[track_caller]
fn check(text: &str, expected: &[(usize, Severity, &str)]) {
    let (_, _, problems) = read_text(text);
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, (line, severity, word)) in problems.iter().zip(expected) {
        assert_eq!(
            (problem.line, problem.severity),
            (*line, *severity),
            "{problem}"
        );
        assert!(problem.message.contains(word), "{word} in {problem}");
    }
}

#[test]
fn known_keys_are_read() {
    let (read, _, problems) = read_text(
        "title: Hello\nlayout: two-cols\nclass: dense quiet\nlive: true\nclicks: 3\nzoom: 0.8\nhideInToc: true\n\
         routeAlias: start\nbackground: '#102030'\n",
    );
    assert_eq!(problems, []);
    assert_eq!(read.title.as_deref(), Some("Hello"));
    assert_eq!(read.layout, Layout::TwoCols);
    assert_eq!(read.class, "dense quiet");
    assert_eq!(read.live, Some(Bindings::demo()));
    assert_eq!((read.clicks, read.zoom.as_deref()), (3, Some("0.8")));
    assert_eq!(
        (read.hide_in_toc, read.alias.as_deref()),
        (true, Some("start"))
    );
    assert_eq!(read.background_color.as_deref(), Some("#102030"));
}

#[test]
fn the_first_front_matter_speaks_for_the_deck() {
    let (slide, reader, problems) = read_text(
        "title: Talk\nauthors: [Ada, Grace]\nduration: 30min\ncolorSchema: dark\ntransition: slide-left\n\
         htmlAttrs:\n  lang: de\ndrawings:\n  enabled: false\ntimer: countdown\nlineNumbers: true\n\
         defaults:\n  layout: center\n",
    );
    assert_eq!(problems, []);
    let settings = &reader.settings;
    assert_eq!(settings.author.as_deref(), Some("Ada, Grace"));
    assert_eq!(settings.duration, Some(Duration::from_secs(1800)));
    assert_eq!(
        (
            settings.lang.as_str(),
            settings.drawings,
            settings.countdown
        ),
        ("de", false, true)
    );
    assert_eq!(slide.transition, Some(Transition::SlideLeft));
    assert_eq!((slide.layout, slide.line_numbers), (Layout::Center, true));
}

#[test]
fn a_wrong_key_costs_only_itself() {
    check(
        "title: Hello\nlayout: spiral\nshape: round\nclass: 'a\"b'\nclicks: many\n",
        &[
            (3, Severity::Warning, "two-cols"),
            (4, Severity::Warning, "shape"),
            (5, Severity::Error, "class name"),
            (6, Severity::Error, "many"),
        ],
    );
    check("layout: iframe\n", &[(2, Severity::Error, "refused")]);
    check(
        "live: {HPA: happiness}\n",
        &[(2, Severity::Error, "happiness")],
    );
    check(
        "background: 'javascript:x'\n",
        &[(2, Severity::Error, "picture")],
    );
}

#[test]
fn broken_yaml_is_located_and_not_fatal() {
    let (read, _, problems) = read_text("title: Hello\nlive: [\n");
    assert_eq!(read, FrontMatter::default());
    assert_eq!(problems.len(), 1);
    assert!(problems[0].line >= 3, "{problems:?}");
}

#[test]
fn keys_of_other_tools_are_said_to_be_ignored() {
    check(
        "theme: seriph\nmarp: true\n_class: lead\nfonts:\n  sans: Lato\n",
        &[
            (2, Severity::Ignored, "theme"),
            (5, Severity::Ignored, "fonts"),
        ],
    );
}

#[test]
fn marps_keys_hold_from_their_slide_on_unless_they_start_with_a_line() {
    let (slide, reader, problems) = read_text(
        "marp: true\nclass: quiet\n_footer: once\nheader: always\nbackgroundImage: url(a.png)\n",
    );
    assert_eq!(problems, []);
    assert_eq!(
        (slide.footer.as_str(), slide.header.as_str()),
        ("once", "always")
    );
    let next = reader.start();
    assert_eq!(
        (
            next.footer.as_str(),
            next.header.as_str(),
            next.class.as_str()
        ),
        ("", "always", "quiet")
    );
    assert_eq!(
        next.background.map(|background| background.side),
        Some(Side::Whole)
    );
    let (_, reader, _) = read_text("class: text-center\n");
    assert_eq!(
        reader.start().class,
        "",
        "Slidev's class is its slide's alone"
    );
}
