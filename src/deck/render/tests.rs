//! Markdown in, a slide out.

use super::*;
use crate::deck::Severity;

/// Renders a part that starts on line 10 of its file.
fn render_in(layout: Layout, marp: bool, text: &str) -> (Rendered, Vec<Problem>) {
    let mut problems = Vec::new();
    let lines = (10..).take(text.lines().count()).collect();
    let body = Expanded {
        text: text.to_owned(),
        lines,
    };
    let setting = Setting {
        file: "slide-01.md",
        id: "s1",
        layout,
        marp,
        ..Setting::default()
    };
    let rendered = render(setting, &body, &mut problems);
    (rendered, problems)
}

fn render_text(text: &str) -> (Rendered, Vec<Problem>) {
    render_in(Layout::Default, false, text)
}

#[test]
fn comments_are_notes_and_never_in_the_slide() {
    let (rendered, problems) = render_text(
        "# Hi\n\n<!-- Say **hello**.\n\nWait. -->\n\nA <!-- inline --> b\n\n<div>x<!-- nested --></div>\n",
    );
    assert_eq!(problems, []);
    for note in ["hello", "Wait", "inline", "nested"] {
        assert!(!rendered.html.contains(note), "{}", rendered.html);
        assert!(
            rendered.notes_html.contains(note),
            "{}",
            rendered.notes_html
        );
    }
    assert!(rendered.notes_html.contains("<strong>hello</strong>"));
    assert_eq!(rendered.heading.as_deref(), Some("Hi"));
}

#[test]
fn an_open_comment_hides_the_rest_and_is_reported() {
    let (rendered, problems) = render_text("a\n\n<!-- secret\n\nmore\n");
    assert!(!rendered.html.contains("secret") && !rendered.html.contains("more"));
    assert_eq!(problems[0].line, 12);
}

#[test]
fn comments_in_code_are_code() {
    let (rendered, _) = render_text("```html\n<!-- shown -->\n```\n");
    assert!(rendered.html.contains("shown"));
    assert_eq!(rendered.notes_html, "");
}

#[test]
fn a_broken_block_is_shown_with_its_line_and_the_rest_stands() {
    let (rendered, problems) =
        render_text("before\n\n```mermaid\nflowchart LR\n  A -->\n```\n\nafter\n");
    assert!(rendered.html.contains("before") && rendered.html.contains("after"));
    assert!(rendered.html.contains("class=\"problem\"") && rendered.html.contains("slide-01.md:1"));
    assert_eq!(problems.len(), 1);
    assert!((13..=16).contains(&problems[0].line), "{problems:?}");
}

#[test]
fn two_columns_keep_their_heading_on_top() {
    let text = "# T\n\nleft\n\n::right::\n\n```yaml\na: 1\n```\n";
    let html = render_in(Layout::TwoCols, false, text).0.html;
    assert!(
        html.starts_with("<h1>T</h1><div class=\"column left\">"),
        "{html}"
    );
    assert!(html.contains("<div class=\"column right\"><pre"), "{html}");
}

#[test]
fn an_author_cannot_forge_a_block() {
    let (rendered, _) = render_text(
        "<div data-block=\"7\"></div>\n\n<p title='<div data-block=\"0\"></div>'>x</p>\n",
    );
    assert!(!rendered.html.contains("<figure"));
}

#[test]
fn charts_and_controls_become_places_for_the_browser() {
    let (rendered, problems) = render_text(
        "```chart\nseries: [depth, replicas]\n```\n\n```controls\nbuttons: [spike]\n```\n",
    );
    assert_eq!(problems, []);
    assert!(
        rendered
            .html
            .contains("<figure class=\"chart\" data-series=\"depth replicas\"")
    );
    assert!(rendered.html.contains("action=\"/actions/spike\""));
    assert!(rendered.live);
}

/// A slide's text, its clicks, and what must be in its HTML.
#[track_caller]
fn check(text: &str, clicks: usize, expected: &[&str]) {
    let (rendered, problems) = render_text(text);
    assert_eq!(problems, [], "{}", rendered.html);
    assert_eq!(rendered.clicks, clicks, "{}", rendered.html);
    for part in expected {
        assert!(rendered.html.contains(part), "{part} in {}", rendered.html);
    }
}

#[test]
fn lists_in_v_clicks_come_item_by_item() {
    check(
        "<v-clicks>\n\n- a\n- b\n  - b1\n\n</v-clicks>\n\n- c\n",
        2,
        &[
            "<li data-click=\"1\">a",
            "<li data-click=\"2\">b",
            "<li>b1",
            "<li>c",
        ],
    );
    check(
        "<v-clicks depth=\"2\">\n\n- a\n  - a1\n- b\n\n</v-clicks>\n",
        3,
        &["<li data-click=\"2\">a1"],
    );
    check(
        "<v-clicks every=\"2\">\n\n1. a\n2. b\n3. c\n\n</v-clicks>\n",
        2,
        &["<li data-click=\"1\">b"],
    );
    check(
        "<v-clicks>\n\nOne.\n\nTwo.\n\n</v-clicks>\n",
        2,
        &["<div data-click=\"2\">\n<p>Two.</p>"],
    );
}

#[test]
fn anything_can_wait_for_a_click() {
    check(
        "<v-click>\n\n# A\n\n</v-click>\n\nb\n",
        1,
        &["<div data-click=\"1\">\n<h1>A</h1>\n</div>\n<p>b</p>"],
    );
    check(
        "a <v-click>b *c*</v-click> d\n",
        1,
        &["a <span data-click=\"1\">b <em>c</em></span> d"],
    );
    check(
        "<v-click at=\"3\">\n\na\n\n</v-click>\n",
        3,
        &["data-click=\"3\""],
    );
    check(
        "<div v-click>a</div>\n\n<p v-after>b</p>\n\n<p v-click=\"'+2'\">c</p>\n",
        3,
        &[
            "<div data-click=\"1\">a",
            "<p data-click=\"1\">b",
            "<p data-click=\"3\">c",
        ],
    );
    check("<p data-click=\"x\">a</p>\n", 0, &["<p>a</p>"]);
}

#[test]
fn what_follows_a_pause_comes_with_one_click() {
    check(
        "a\n\n<!-- pause -->\n\nb\n\n<!-- pause -->\n\nc\n",
        2,
        &[
            "<p>a</p>\n<div class=\"rest\" data-click=\"1\">\n<p>b</p>\n</div><div class=\"rest\" data-click=\"2\">\n<p>c</p>\n</div>",
        ],
    );
    let (rendered, _) = render_in(
        Layout::TwoCols,
        false,
        "a\n\n<!-- pause -->\n\nb\n\n::right::\n\nc\n",
    );
    assert_eq!(
        rendered.html.matches("data-click=\"1\"").count(),
        2,
        "{}",
        rendered.html
    );
}

#[test]
fn marps_lists_step_in_a_marp_deck_only() {
    let text = "* a\n* b\n\ntext\n\n1) c\n\ntext\n\n- d\n";
    assert_eq!(render_in(Layout::Default, true, text).0.clicks, 3);
    assert_eq!(render_in(Layout::Default, false, text).0.clicks, 0);
}

#[test]
fn code_lights_its_lines_click_by_click() {
    check(
        "<v-click>\n\na\n\n</v-click>\n\n```rust {1|2}\nlet a = 1;\nlet b = 2;\n```\n\n<v-click>b</v-click>\n",
        3,
        &[
            "class=\"line\" data-on=\"0 1\"",
            "class=\"line\" data-on=\"2 3\"",
            "<span data-click=\"3\">b",
        ],
    );
    check(
        "```js {lines:true}\na\n```\n",
        0,
        &[
            "<pre class=\"code language-js numbered\"",
            "data-line=\"1\"",
        ],
    );
}

#[test]
fn coloured_code_has_as_many_lines_as_were_written() {
    let (rendered, _) = render_text("```ts {1|2}\nlet a = 1;\n\nlet b = 2;\n```\n");
    assert_eq!(
        rendered.html.matches("class=\"line\"").count(),
        3,
        "{}",
        rendered.html
    );
}

#[test]
fn formulas_are_set_and_prices_are_text() {
    check("Energy is $E = mc^2$.\n", 0, &["<math", "<msup>"]);
    check(
        "$$\n\\frac{1}{2}\n$$\n",
        0,
        &["display=\"block\"", "<mfrac>"],
    );
    check("It costs $5 and $10.\n", 0, &["$5 and $10"]);
    let (rendered, problems) = render_text("a\n\n$\\nonsense{a}$\n");
    assert!(
        rendered
            .html
            .contains("<code class=\"math\">\\nonsense{a}</code>"),
        "{}",
        rendered.html
    );
    assert_eq!(problems[0].line, 12);
    assert!(
        !render_text("<math><mi>x</mi></math>\n")
            .0
            .html
            .contains("<math")
    );
}

#[test]
fn other_tools_components_are_left_out_and_named() {
    let (rendered, problems) = render_text(
        "<script setup>\nconst a = 1\n</script>\n\n<style>\nh1 { color: red }\n</style>\n\n<Tweet id=\"1\" />\n\na <Badge>b</Badge>\n",
    );
    assert_eq!(rendered.html.trim(), "<p>a b</p>");
    let named: Vec<_> = problems
        .iter()
        .map(|problem| (problem.line, problem.severity))
        .collect();
    assert_eq!(
        named,
        [10, 14, 18, 20].map(|line| (line, Severity::Ignored))
    );
    assert!(problems[2].message.contains("<Tweet>"));
}

#[test]
fn slots_become_columns() {
    let (rendered, _) = render_in(
        Layout::TwoColsHeader,
        false,
        "# T\n\n::left::\n\na\n\n::right::\n\nb\n\n::bottom::\n\nc\n",
    );
    for (side, text) in [
        ("header", "<h1>T</h1>"),
        ("left", "<p>a</p>"),
        ("right", "<p>b</p>"),
        ("bottom", "<p>c</p>"),
    ] {
        assert!(
            rendered
                .html
                .contains(&format!("<div class=\"column {side}\">{text}")),
            "{}",
            rendered.html
        );
    }
}

#[test]
fn pictures_go_behind_the_slide_or_get_their_size() {
    let (rendered, _) = render_text("![bg right:40%](a.png)\n\n![w:200 A *bridge*](b.png)\n");
    assert_eq!(rendered.backgrounds.len(), 1);
    assert_eq!(
        rendered.html,
        "<p><img src=\"/deck/b.png\" alt=\"A bridge\" width=\"200\"></p>\n"
    );
}

#[test]
fn directives_are_no_notes_and_clicks_in_notes_are_marked() {
    let (rendered, problems) = render_text(
        "<!-- _class: lead -->\n\n# <!-- fit --> Big\n\n<!-- speaker_note: first\n\n[click] second -->\n\nNote:\nlast\n",
    );
    assert_eq!(problems, []);
    assert_eq!(rendered.heading.as_deref(), Some("Big"));
    assert_eq!(rendered.directives.len(), 1);
    for part in [
        "first",
        "<span class=\"click-mark\" data-click=\"1\"></span> second",
        "last",
    ] {
        assert!(
            rendered.notes_html.contains(part),
            "{}",
            rendered.notes_html
        );
    }
    assert!(!rendered.html.contains("last") && !rendered.notes_html.contains("lead"));
}

proptest::proptest! {
    #[test]
    fn no_slide_breaks_the_renderer(
        text in "(<v-clicks>|</v-clicks>|<v-click>|</v-click>|<!-- pause -->|<div v-click>|</div>|::right::|```js \\{1\\|2\\}\n|- |\n|\n\n|[a-c*$# ]|!\\[bg\\]\\(x\\)){0,40}"
    ) {
        for layout in [Layout::Default, Layout::TwoCols] {
            let (rendered, _) = render_in(layout, true, &text);
            proptest::prop_assert!(rendered.clicks <= crate::deck::fragment::MOST_CLICKS);
            proptest::prop_assert!(!rendered.html.contains("data-block"));
        }
    }
}
