//! Rules, each on the least Markdown that sets it off.

use super::*;

/// What the rules say of a deck of one file, as `line:column: severity: message` without the missing notes.
fn found(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there.png"), "").unwrap();
    let path = folder.path().join("slides.md");
    fs::write(&path, text).unwrap();
    let report = check(Some(&path)).unwrap();
    let told = report
        .problems
        .iter()
        .filter(|problem| !problem.message.contains("speaker notes"));
    told.map(|problem| problem.to_string().replacen("slides.md:", "", 1))
        .collect()
}

#[track_caller]
fn expect(text: &str, wanted: &[&str]) {
    let told = found(text);
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    for (told, wanted) in told.iter().zip(wanted) {
        let (place, words) = wanted.split_once(" … ").unwrap();
        assert!(told.starts_with(place) && told.contains(words), "{told}");
    }
}

#[test]
fn links_must_lead_somewhere() {
    expect("# A\n\nSee [that](/99).\n", &["3:5: error … no slide 99"]);
    expect("[a](slide-07.md)\n", &["1:1: error … no slide 7"]);
    expect("[a](gone.md#top)\n", &["1:1: error … \"gone.md\""]);
    expect(
        "[a](/1) [b](#here) [c](https://example.org/x) <me@example.org> [d](there.png) [e](/control)\n",
        &[],
    );
}

#[test]
fn pictures_must_be_there_and_speak() {
    expect("![A rack](gone.png)\n", &["1:1: error … gone.png"]);
    expect(
        "text\n\n![](there.png)\n",
        &["3:1: warning … without words"],
    );
    // The loader's word, not said twice.
    expect(
        "![A rack](https://example.org/a.png)\n",
        &["1:1: ignored … other sites"],
    );
    expect("![A rack](../a.png)\n", &["1:1: error … or below it"]);
    expect(
        "a <img src=\"there.png\"> b\n",
        &["1:3: warning … without words"],
    );
    expect(
        "![A rack](there.png) <img src=\"there.png\" alt=\"\">\n",
        &[],
    );
}

#[test]
fn pictures_in_code_and_notes_are_not_there() {
    expect("```html\n<img src=x>\n```\n\n<!-- ![](gone.png) -->\n", &[]);
}

#[test]
fn a_slide_has_one_title_and_no_level_left_out() {
    expect("# A\n\n# B\n", &["3:1: warning … second title"]);
    expect("# A\n\n### B\n", &["3:1: warning … level 3"]);
    expect("# A\n\n## B\n\n---\n\n# C\n\n## D\n\n### E\n", &[]);
}

#[test]
fn misspelt_directives_and_places_are_named() {
    expect(
        "```mermiad\ngraph\n```\n",
        &["1:1: warning … did you mean mermaid"],
    );
    expect("```klingon\nx\n```\n", &["1:1: warning … \"klingon\""]);
    expect("a\n\n::rihgt::\n\nb\n", &["3:1: warning … ::right::"]);
    expect("```rust {1,3}\n::rihgt::\n```\n\n```text\nx\n```\n", &[]);
}

#[test]
fn what_the_loader_reports_is_reported_once() {
    expect(
        "# A\n\n```chart\nseries: [luck]\n```\n",
        &["3:1: error … luck"],
    );
    expect(
        "---\nlayout: spiral\n---\n\n# A\n",
        &["2:1: warning … spiral"],
    );
}

#[test]
fn a_crowded_slide_is_told_by_how_much() {
    let list = |items: usize| format!("# A\n\n{}", "- One thing that must be said\n".repeat(items));
    expect(&list(8), &[]);
    expect(&list(12), &["1:1: warning … where 15 fit"]);
    expect(&list(30), &["1:1: error … last row"]);
    let code = |lines: usize| format!("# A\n\n```rust\n{}```\n", "let a = 1;\n".repeat(lines));
    expect(&code(12), &[]);
    expect(&code(40), &["1:1: error … lines where"]);
    let table = format!("| a | b |\n|---|---|\n{}", "| c | d |\n".repeat(20));
    expect(&table, &["1:1: error … lines where"]);
}

#[test]
fn two_columns_stand_side_by_side() {
    let half = "- One thing that must be said\n".repeat(7);
    let text = format!("---\nlayout: two-cols\n---\n\n# A\n\n{half}\n::right::\n\n{half}");
    expect(&text, &[]);
}

#[test]
fn code_too_wide_for_the_canvas_points_at_its_line() {
    let wide = "x".repeat(120);
    expect(
        &format!("# A\n\n```text\nshort\n{wide}\n```\n"),
        &["5:1: error … 120 characters"],
    );
}

#[test]
fn missing_notes_are_a_warning_on_the_slide() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("slide-01.md"),
        "# A\n\n<!-- Say it. -->\n\n---\n\n# B\n",
    )
    .unwrap();
    let report = check(Some(folder.path())).unwrap();
    let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("slide-01.md:7:1: warning: slide 1.2"),
        "{told:?}"
    );
    assert_eq!(report.line_of(&report.problems[0]), Some("# B"));
}

#[test]
fn the_shipped_talk_is_clean() {
    let told: Vec<_> = check(None).unwrap().problems;
    assert_eq!(told, []);
}
