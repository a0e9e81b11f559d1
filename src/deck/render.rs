//! A part's Markdown to HTML and notes.
//!
//! Two passes, so that our own blocks (diagrams, graphs, coloured code, formulas) need not survive the sanitiser and
//! authors' HTML always does: the Markdown becomes HTML with an empty element in the place of each block of ours
//! ([`flow`]); that HTML is sanitised; then each place is filled ([`block`]), once the slide's clicks are counted. HTML
//! comments are taken out on the way: they are the speaker's notes, or directives.

mod block;
mod flow;

use pulldown_cmark::{Options, Parser, html};
use serde_json::{Map, Value};

use super::diagram::Bindings;
use super::fragment::{self, Clicks, MOST_CLICKS};
use super::include::Expanded;
use super::notes;
use super::parse::{Located, Slot, slots};
use super::picture::Background;
use super::sanitise::sanitise;
use super::{Layout, Problem};
pub(super) use block::code;
use block::{Block, place};

/// What one part became.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    pub(crate) html: String,
    pub(crate) notes_html: String,
    /// The first heading's text.
    pub(crate) heading: Option<String>,
    /// Whether anything in it shows live values.
    pub(crate) live: bool,
    /// Clicks it takes to reveal all of it.
    pub(crate) clicks: usize,
    /// Marp's `![bg]` pictures.
    pub(crate) backgrounds: Vec<Background>,
    /// Directives in comments, each with its line.
    pub(crate) directives: Vec<(usize, Map<String, Value>)>,
}

/// What a part is rendered with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setting<'a> {
    /// File name, for messages.
    pub(crate) file: &'a str,
    /// Unique in the deck; diagrams derive theirs from it.
    pub(crate) id: &'a str,
    pub(crate) layout: Layout,
    pub(crate) live: Option<&'a Bindings>,
    /// Clicks the front matter asks for.
    pub(crate) clicks: usize,
    /// Whether code is numbered.
    pub(crate) line_numbers: bool,
    /// Whether lists written with `*` or `1)` step, as in Marp.
    pub(crate) marp: bool,
}

/// Renders a part.
pub(crate) fn render(
    setting: Setting<'_>,
    body: &Expanded,
    problems: &mut Vec<Problem>,
) -> Rendered {
    let mut renderer = Renderer {
        setting,
        lines: &body.lines,
        line: 0,
        blocks: Vec::new(),
        notes: Vec::new(),
        clicks: Clicks::default(),
        paused: None,
        out: Rendered::default(),
        problems,
    };
    let text = renderer.without_note_tail(&body.text);
    let columns = matches!(setting.layout, Layout::TwoCols | Layout::TwoColsHeader);
    let mut html = String::new();
    for (slot, content) in slots(Located { text, line: 1 }) {
        let part = renderer.part(content);
        match slot {
            Slot::Default if setting.layout == Layout::TwoCols => {
                push_with_heading(&mut html, &part);
            }
            Slot::Default if columns => push_column(&mut html, "header", &part),
            Slot::Default => html.push_str(&part),
            Slot::Left => push_column(&mut html, "left", &part),
            Slot::Right => push_column(&mut html, "right", &part),
            Slot::Bottom => push_column(&mut html, "bottom", &part),
        }
    }
    renderer.finish(&html)
}

/// Plain Markdown to safe HTML: what notes need.
pub(super) fn markdown(text: &str) -> String {
    let mut unsafe_html = String::new();
    html::push_html(&mut unsafe_html, Parser::new_ext(text, options()));
    sanitise(&unsafe_html)
}

/// Markdown of one line, without a paragraph around it.
pub(super) fn inline(text: &str) -> String {
    let html = markdown(text);
    let html = html.trim();
    let inner = html
        .strip_prefix("<p>")
        .and_then(|rest| rest.strip_suffix("</p>"));
    inner.unwrap_or(html).to_owned()
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_SMART_PUNCTUATION
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_GFM
}

struct Renderer<'a> {
    setting: Setting<'a>,
    /// The line of the file that each line of the text comes from.
    lines: &'a [usize],
    /// First line, in the text, of the stretch being rendered, from 1.
    line: usize,
    blocks: Vec<Block>,
    notes: Vec<String>,
    clicks: Clicks,
    /// The click of the last `<!-- pause -->`: it holds to the end of the slide, columns further on included.
    paused: Option<usize>,
    out: Rendered,
    problems: &'a mut Vec<Problem>,
}

impl Renderer<'_> {
    /// One slot's Markdown to sanitised HTML, with places for our blocks.
    fn part(&mut self, body: Located<'_>) -> String {
        self.line = body.line;
        let events = flow::events(self, body.text);
        let mut with_places = String::new();
        html::push_html(&mut with_places, events.into_iter());
        // A picture that went behind the slide leaves the paragraph it stood in empty.
        sanitise(&with_places).replace("<p></p>\n", "")
    }

    fn without_note_tail<'t>(&mut self, text: &'t str) -> &'t str {
        let Some(first) = notes::tail(text) else {
            return text;
        };
        let at: usize = text.split_inclusive('\n').take(first).map(str::len).sum();
        self.notes
            .push(notes::without_label(&text[at..]).to_owned());
        &text[..at]
    }

    fn finish(mut self, html: &str) -> Rendered {
        let counted = self.clicks.last().max(fragment::highest(html));
        let clicks = counted.max(self.setting.clicks).min(MOST_CLICKS);
        let mut filled = html.to_owned();
        for (index, block) in self.blocks.iter().enumerate() {
            let content = block.html(clicks);
            for place in [place(index, "div"), place(index, "span")] {
                filled = filled.replace(&place, &content);
            }
        }
        let notes: Vec<_> = self
            .notes
            .iter()
            .filter(|note| !note.is_empty())
            .map(String::as_str)
            .collect();
        self.out.html = filled;
        self.out.clicks = clicks;
        self.out.notes_html = notes::mark_clicks(&markdown(&notes.join("\n\n")));
        self.out
    }

    /// The line of the file that this offset of the text comes from.
    fn line_at(&self, text: &str, offset: usize) -> usize {
        let before = text[..offset].bytes().filter(|byte| *byte == b'\n').count();
        self.source_line(self.line + before)
    }

    fn source_line(&self, line: usize) -> usize {
        let known = self.lines.get(line.saturating_sub(1)).or(self.lines.last());
        known.copied().unwrap_or(line)
    }

    fn report(&mut self, line: usize, message: String) {
        self.problems
            .push(Problem::error(self.setting.file, line, message));
    }

    fn ignore(&mut self, line: usize, message: String) {
        self.problems
            .push(Problem::ignored(self.setting.file, line, message));
    }
}

/// Puts what stands before `::right::` in the left column; a heading that opens it spans both.
fn push_with_heading(out: &mut String, html: &str) {
    let heading = html.starts_with("<h").then(|| html.find("</h")).flatten();
    let (top, left) = html.split_at(heading.map_or(0, |at| at + "</h1>".len()));
    out.push_str(top);
    push_column(out, "left", left);
}

fn push_column(out: &mut String, side: &str, html: &str) {
    if !html.trim().is_empty() {
        out.push_str(&format!("<div class=\"column {side}\">{html}</div>"));
    }
}

#[cfg(test)]
mod tests;
