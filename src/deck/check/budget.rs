//! Whether a slide holds what is on it, estimated from the Markdown.
//!
//! Heights are in `em` of the slide's text, widths in its characters, both from the stylesheet of the deck: a canvas of
//! 1280×720 with text of 28 px leaves a box of 41 by 22 em. What can shrink (diagrams, graphs, pictures) counts with the
//! least that is still legible. The page shrinks a slide that is too full; past the budget it must, and past half as
//! much again its text falls under the 18 px that the last row can read.
//!
//! An estimate without a font can be a line off, so it errs on the lenient side: characters are taken as narrow as the
//! page's font has them on average.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Tag, TagEnd};

use super::Part;
use crate::deck::parse::{Slot, slots};
use crate::deck::{Problem, Severity};

/// Height of the box that content has, in em.
const HEIGHT: f32 = 22.0;
/// Its width.
const WIDTH: f32 = 41.0;
/// Width of a column of two.
const COLUMN: f32 = 19.5;
/// Average width of a letter.
const LETTER: f32 = 0.49;
/// Width of a letter of code, in em of the code's own size.
const CODE_LETTER: f32 = 0.6;
/// Height of a line of text.
const LINE: f32 = 1.42;
/// Space between blocks, and between the items of a list.
const GAP: f32 = 0.85;
const ITEM_GAP: f32 = 0.6;
/// How far beyond the budget text stays legible when the slide is shrunk: area goes with the square of 18/28.
const LEGIBLE: f32 = 1.5;
/// The least that a diagram, a graph, a picture, a row of buttons need.
const FLEXIBLE: f32 = 6.0;
const BUTTONS: f32 = 2.0;

pub(super) fn check(part: &Part<'_>, problems: &mut Vec<Problem>) {
    let sizes = Sizes::of(part.layout, part.class);
    let mut heights = [0.0_f32; 3];
    for (slot, body) in slots(part.body) {
        let width = if sizes.columns { COLUMN } else { WIDTH };
        let mut column = Column::new(&sizes, width);
        for (event, _) in Part::events(body.text) {
            column.take(&event);
        }
        heights[usize::from(slot == Slot::Right)] += column.height;
        // A title stands above both columns.
        if sizes.columns && slot == Slot::Default {
            heights[0] -= column.title;
            heights[2] = column.title;
        }
        wide_code(&Part { body, ..*part }, &sizes, width, problems);
    }
    let height = heights[0].max(heights[1]) + heights[2];
    if height > HEIGHT {
        let severity = if height > HEIGHT * LEGIBLE {
            Severity::Error
        } else {
            Severity::Warning
        };
        let lines = |em: f32| (em / LINE).round();
        let message = format!(
            "too much for one slide: about {} lines where {} fit, so its text shrinks{}; \
             split it with ---",
            lines(height),
            lines(HEIGHT),
            if severity == Severity::Error {
                " until the last row cannot read it"
            } else {
                ""
            }
        );
        problems.push(part.at(first_text(part.body.text), severity, message));
    }
}

fn first_text(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Code is not wrapped: what sticks out is cut off.
fn wide_code(part: &Part<'_>, sizes: &Sizes, width: f32, problems: &mut Vec<Problem>) {
    // Two characters' width of padding on either side.
    let room = (width / (sizes.code * CODE_LETTER)).floor() - 4.0;
    let mut shown = false;
    for (event, range) in Part::events(part.body.text) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => shown = !is_directive(&kind),
            Event::End(TagEnd::CodeBlock) => shown = false,
            Event::Text(text) if shown => {
                let mut offset = range.start;
                for line in text.split_inclusive('\n') {
                    let length = line.trim_end().chars().count();
                    if length as f32 > room {
                        let message = format!(
                            "a line of code {length} characters wide where {room} fit: break it"
                        );
                        problems.push(part.at(offset, Severity::Error, message));
                    }
                    offset += line.len();
                }
            }
            _ => {}
        }
    }
}

fn is_directive(kind: &CodeBlockKind<'_>) -> bool {
    let CodeBlockKind::Fenced(info) = kind else {
        return false;
    };
    let word = info.split([' ', '{']).next().unwrap_or_default();
    matches!(word, "mermaid" | "chart" | "controls")
}

/// Sizes of text on a slide, in em, as the stylesheet has them for its layout and classes.
struct Sizes {
    columns: bool,
    title: f32,
    paragraph: f32,
    item: f32,
    code: f32,
}

impl Sizes {
    fn of(layout: &str, class: &str) -> Self {
        let has = |name: &str| class.split_whitespace().any(|class| class == name);
        let mut sizes = Self {
            columns: layout.starts_with("two-cols"),
            title: 1.7,
            paragraph: 1.0,
            item: 1.0,
            code: 0.715,
        };
        match layout {
            "cover" | "intro" => (sizes.title, sizes.paragraph) = (3.05, 1.15),
            "section" | "end" => sizes.title = 2.44,
            "statement" | "fact" => (sizes.title, sizes.paragraph) = (1.25, 2.0),
            "quote" => sizes.paragraph = 1.56,
            "live" => sizes.title = 1.25,
            _ => {}
        }
        if has("roomy") {
            (sizes.item, sizes.code) = (1.18, 0.86);
        }
        if has("big-code") {
            sizes.code = 1.15;
        }
        if has("hands-on") {
            sizes.code = 0.76;
        }
        sizes
    }
}

/// The running height of a column of content.
struct Column<'s> {
    sizes: &'s Sizes,
    width: f32,
    height: f32,
    /// Height of a title that opens the column.
    title: f32,
    /// Letters of the block being read.
    letters: usize,
    items: usize,
    code: Option<bool>,
    lines: usize,
    picture: bool,
    row: Vec<usize>,
}

impl<'s> Column<'s> {
    fn new(sizes: &'s Sizes, width: f32) -> Self {
        Self {
            sizes,
            width,
            height: 0.0,
            title: 0.0,
            letters: 0,
            items: 0,
            code: None,
            lines: 0,
            picture: false,
            row: Vec::new(),
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Text(text) if self.code.is_some() => self.lines += text.matches('\n').count(),
            // What a picture says is not on the slide.
            Event::Text(_) if self.picture => {}
            Event::Text(text) | Event::Code(text) => self.letters += text.chars().count(),
            Event::SoftBreak | Event::HardBreak => self.letters += 1,
            Event::Start(Tag::Item) => {
                self.end_item();
                self.items += 1;
            }
            Event::Start(Tag::List(_)) => self.end_item(),
            Event::Start(Tag::CodeBlock(kind)) => {
                self.code = Some(is_directive(kind));
                self.lines = 0;
                if matches!(kind, CodeBlockKind::Fenced(info) if info.starts_with("controls")) {
                    self.height += BUTTONS - FLEXIBLE;
                }
            }
            Event::Start(Tag::Image { .. }) => {
                self.picture = true;
                self.block(FLEXIBLE);
            }
            Event::End(end) => self.end(*end),
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd) {
        match end {
            TagEnd::Heading(level) => self.end_heading(level),
            TagEnd::Paragraph if self.items == 0 => {
                let height = self.text(self.sizes.paragraph, 0.0);
                self.block(height);
            }
            TagEnd::Item => {
                self.end_item();
                self.items = self.items.saturating_sub(1);
            }
            TagEnd::List(_) if self.items == 0 => self.height += GAP - ITEM_GAP,
            TagEnd::CodeBlock => {
                let height = match self.code.take() {
                    Some(false) => self.sizes.code * (self.lines as f32 * 1.5 + 1.7),
                    _ => FLEXIBLE,
                };
                self.block(height);
            }
            TagEnd::Image => self.picture = false,
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.letters)),
            TagEnd::TableRow | TagEnd::TableHead => self.end_row(),
            TagEnd::Table => self.height += GAP,
            _ => {}
        }
    }

    fn end_heading(&mut self, level: HeadingLevel) {
        let first = self.height == 0.0;
        let (size, line) = match level {
            HeadingLevel::H1 => (self.sizes.title, 1.12),
            HeadingLevel::H2 if !self.sizes.columns => (1.4, 1.2),
            _ => (1.0, LINE),
        };
        // A title spans the columns.
        let width = if first { WIDTH } else { self.width };
        let height = lines(self.letters, width, size) * size * line;
        self.letters = 0;
        self.block(height);
        if first {
            self.title = self.height;
        }
    }

    /// An item ends where the next begins, also the first of a list inside it.
    fn end_item(&mut self) {
        if self.items > 0 && self.letters > 0 {
            let height = self.text(self.sizes.item, 1.15);
            self.height += height + ITEM_GAP;
        }
    }

    fn end_row(&mut self) {
        let cells = std::mem::take(&mut self.row);
        let longest = cells.iter().copied().max().unwrap_or_default();
        let width = self.width / cells.len().max(1) as f32 - 0.8;
        self.height += 0.92 * (lines(longest, width, 0.92) * LINE + 1.0);
    }

    /// Height of the letters read so far, at this size, indented.
    fn text(&mut self, size: f32, indent: f32) -> f32 {
        let letters = std::mem::take(&mut self.letters);
        if letters == 0 {
            return 0.0;
        }
        lines(letters, self.width - indent, size) * size * LINE
    }

    fn block(&mut self, height: f32) {
        if height > 0.0 {
            self.height += height + GAP;
        }
    }
}

fn lines(letters: usize, width: f32, size: f32) -> f32 {
    (letters as f32 * LETTER * size / width).ceil().max(1.0)
}
