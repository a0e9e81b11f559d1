//! A part's Markdown to HTML and notes.
//!
//! Two passes, so that our own blocks (diagrams, graphs, coloured code) need not survive the sanitiser and authors'
//! HTML always does: the Markdown becomes HTML with an empty element in the place of each block of ours; that HTML is
//! sanitised; then each place is filled. HTML comments are taken out on the way: they are the speaker's notes.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::diagram::{self, Bindings};
use super::escape::escape;
use super::fence::{self, Button, Fence};
use super::highlight::highlight;
use super::parse::{Located, Slot, slots};
use super::sanitise::sanitise;
use super::{Layout, Problem};

/// What one part became.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) notes_html: String,
    /// The first heading's text.
    pub(crate) heading: Option<String>,
    /// Whether anything in it shows live values.
    pub(crate) live: bool,
}

/// Renders a part. `id` is unique in the deck; diagrams derive theirs from it.
pub(crate) fn render(
    file: &str,
    id: &str,
    body: Located<'_>,
    layout: Layout,
    live: Option<&Bindings>,
    problems: &mut Vec<Problem>,
) -> Rendered {
    let mut renderer = Renderer {
        file,
        id,
        live,
        line: 0,
        blocks: Vec::new(),
        notes: Vec::new(),
        out: Rendered::default(),
        problems,
    };
    if layout == Layout::TwoCols {
        for (slot, content) in slots(body) {
            let html = renderer.part(content);
            renderer.place(slot, &html);
        }
    } else {
        renderer.out.html = renderer.part(body);
    }
    let notes = renderer.notes.join("\n\n");
    let mut rendered = renderer.out;
    rendered.notes_html = markdown(&notes);
    rendered
}

/// Plain Markdown to safe HTML: what notes need.
fn markdown(text: &str) -> String {
    let mut unsafe_html = String::new();
    html::push_html(&mut unsafe_html, Parser::new_ext(text, options()));
    sanitise(&unsafe_html)
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_SMART_PUNCTUATION
        | Options::ENABLE_HEADING_ATTRIBUTES
}

struct Renderer<'a> {
    file: &'a str,
    id: &'a str,
    live: Option<&'a Bindings>,
    /// First line of the text being rendered, from 1.
    line: usize,
    blocks: Vec<String>,
    notes: Vec<String>,
    out: Rendered,
    problems: &'a mut Vec<Problem>,
}

impl Renderer<'_> {
    fn part(&mut self, body: Located<'_>) -> String {
        self.line = body.line;
        self.blocks.clear();
        let events = self.events(body.text);
        let mut with_places = String::new();
        html::push_html(&mut with_places, events.into_iter());
        let mut html = sanitise(&with_places);
        for (index, block) in self.blocks.iter().enumerate() {
            html = html.replace(&place(index), block);
        }
        html
    }

    /// The events to write, with our blocks replaced by places and comments taken out.
    fn events<'t>(&mut self, text: &'t str) -> Vec<Event<'t>> {
        let mut written = Vec::new();
        let mut code: Option<(String, String, usize)> = None;
        let mut heading: Option<String> = None;
        let mut raw = String::new();
        for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match kind {
                        CodeBlockKind::Fenced(info) => info.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    code = Some((info, String::new(), self.line_at(text, range.start)));
                }
                Event::End(TagEnd::CodeBlock) => {
                    let (info, body, line) = code.take().unwrap_or_default();
                    written.push(self.block(&info, &body, line));
                }
                Event::Text(part) if code.is_some() => {
                    code.iter_mut()
                        .for_each(|(_, body, _)| body.push_str(&part));
                }
                Event::Html(part) => raw.push_str(&part),
                Event::End(TagEnd::HtmlBlock) => {
                    let kept = self.without_comments(
                        &std::mem::take(&mut raw),
                        self.line_at(text, range.start),
                    );
                    written.push(Event::Html(kept.into()));
                    written.push(Event::End(TagEnd::HtmlBlock));
                }
                Event::InlineHtml(part) => {
                    let kept = self.without_comments(&part, self.line_at(text, range.start));
                    written.push(Event::InlineHtml(kept.into()));
                }
                other => {
                    self.note_heading(&other, &mut heading);
                    written.push(other);
                }
            }
        }
        written
    }

    /// Follows the text of the first heading.
    fn note_heading(&mut self, event: &Event<'_>, heading: &mut Option<String>) {
        match event {
            Event::Start(Tag::Heading { .. }) if self.out.heading.is_none() => {
                *heading = Some(String::new());
            }
            Event::Text(text) | Event::Code(text) => {
                heading.iter_mut().for_each(|so_far| so_far.push_str(text));
            }
            Event::SoftBreak | Event::HardBreak => {
                heading.iter_mut().for_each(|so_far| so_far.push(' '));
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(text) = heading.take() {
                    self.out.heading = Some(text);
                }
            }
            _ => {}
        }
    }

    fn line_at(&self, text: &str, offset: usize) -> usize {
        self.line + text[..offset].bytes().filter(|byte| *byte == b'\n').count()
    }

    /// Moves comments to the notes. One that never ends takes the rest with it, as in a browser, and is reported.
    fn without_comments(&mut self, html: &str, line: usize) -> String {
        let mut kept = String::new();
        let mut rest = html;
        while let Some((before, comment)) = rest.split_once("<!--") {
            kept.push_str(before);
            let (note, after) = comment.split_once("-->").unwrap_or_else(|| {
                self.report(
                    line,
                    "this comment is never closed: end it with -->".to_owned(),
                );
                (comment, "")
            });
            self.notes.push(note.trim().to_owned());
            rest = after;
        }
        kept.push_str(rest);
        kept
    }

    fn report(&mut self, line: usize, message: String) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            column: 1,
            message,
        });
    }

    /// A fenced block to a place, its HTML kept for later. What cannot be used is shown, with its line, in the slide.
    fn block(&mut self, info: &str, body: &str, line: usize) -> Event<'static> {
        let html = match fence::read(info, body) {
            Ok(Fence::Diagram) => self.diagram(body, line),
            Ok(Fence::Chart(chart)) => {
                self.out.live = true;
                chart.html()
            }
            Ok(Fence::Controls(buttons)) => controls(&buttons),
            Ok(Fence::Code(language)) => code(&language, body),
            Err(message) => self.broken(line, message, body),
        };
        self.blocks.push(html);
        Event::Html(CowStr::from(place(self.blocks.len() - 1)))
    }

    fn diagram(&mut self, source: &str, line: usize) -> String {
        let id = format!("{}-d{}", self.id, self.blocks.len() + 1);
        match diagram::draw(source, &id, self.live) {
            Ok(figure) => {
                self.out.live |= self.live.is_some();
                figure
            }
            // The fence's own line comes before the source's first.
            Err(fault) => self.broken(line + fault.line, fault.message, source),
        }
    }

    fn broken(&mut self, line: usize, message: String, source: &str) -> String {
        let shown = format!(
            "<div class=\"problem\" role=\"note\"><p><strong>{}:{line}</strong> {}</p><pre><code>{}</code></pre></div>",
            escape(self.file),
            escape(&message),
            escape(source.trim_end())
        );
        self.report(line, message);
        shown
    }

    /// Puts a slot's HTML where a two-column layout wants it: a heading that opens the slide spans both columns.
    fn place(&mut self, slot: Slot, html: &str) {
        let out = &mut self.out.html;
        match slot {
            Slot::Default => {
                let heading = html.starts_with("<h").then(|| html.find("</h")).flatten();
                let (top, left) = html.split_at(heading.map_or(0, |at| at + "</h1>".len()));
                out.push_str(top);
                push_column(out, "left", left);
            }
            Slot::Left => push_column(out, "left", html),
            Slot::Right => push_column(out, "right", html),
        }
    }
}

fn push_column(out: &mut String, side: &str, html: &str) {
    if !html.trim().is_empty() {
        out.push_str(&format!("<div class=\"column {side}\">{html}</div>"));
    }
}

/// An element the sanitiser lets pass as it is, to be found again by its exact text.
fn place(index: usize) -> String {
    format!("<div data-block=\"{index}\"></div>")
}

/// A scrollable region must be reachable by keyboard, hence the tabindex.
pub(super) fn code(language: &str, body: &str) -> String {
    let language_class = if language.is_empty() {
        String::new()
    } else {
        format!(" language-{}", escape(language))
    };
    let highlighted = highlight(language, body);
    format!("<pre class=\"code{language_class}\" tabindex=\"0\"><code>{highlighted}</code></pre>")
}

/// Plain forms, so that a press works without JavaScript too; the stylesheet shows them to the speaker alone, and the
/// server takes them from nobody else.
fn controls(buttons: &[Button]) -> String {
    let forms = buttons.iter().map(|button| {
        let (action, label) = (button.action(), button.label());
        format!(
            "<form method=\"post\" action=\"/actions/{action}\" data-action=\"{action}\">\
             <button type=\"submit\">{label}</button></form>"
        )
    });
    format!(
        "<div class=\"controls\" data-speaker-only>{}</div>",
        forms.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render_text(text: &str) -> (Rendered, Vec<Problem>) {
        let mut problems = Vec::new();
        let body = Located { text, line: 10 };
        let rendered = render(
            "slide-01.md",
            "s1",
            body,
            Layout::Default,
            None,
            &mut problems,
        );
        (rendered, problems)
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
        assert!(
            rendered.html.contains("class=\"problem\"") && rendered.html.contains("slide-01.md:1")
        );
        assert_eq!(problems.len(), 1);
        assert!((13..=16).contains(&problems[0].line), "{problems:?}");
    }

    #[test]
    fn two_columns_keep_their_heading_on_top() {
        let mut problems = Vec::new();
        let body = Located {
            text: "# T\n\nleft\n\n::right::\n\n```yaml\na: 1\n```\n",
            line: 1,
        };
        let html = render("f", "s1", body, Layout::TwoCols, None, &mut problems).html;
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
}
