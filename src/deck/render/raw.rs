//! Raw HTML on its way through: comments taken out, fragments opened and closed, other tools' components left out.
//!
//! Nothing here makes it safe; the sanitiser does that, afterwards.

use super::flow::Flow;
use crate::deck::directive::{self, Comment};
use crate::deck::fragment::Scope;
use crate::deck::markup::{Piece, Tag, pieces};

impl Flow<'_, '_, '_> {
    /// Raw HTML without its comments, with its tags looked at. `inline`: it stands in a paragraph.
    pub(super) fn raw(&mut self, html: &str, at: usize, inline: bool) -> String {
        let line = self.renderer.line_at(self.text, at);
        let mut kept = String::new();
        let mut rest = html;
        while let Some((before, comment)) = rest.split_once("<!--") {
            kept.push_str(&self.tags(before, line, inline));
            let (note, after) = comment.split_once("-->").unwrap_or_else(|| {
                let message = "this comment is never closed: end it with -->";
                self.renderer.report(line, message.to_owned());
                (comment, "")
            });
            kept.push_str(&self.comment(note, line, inline));
            rest = after;
        }
        kept.push_str(&self.tags(rest, line, inline));
        kept
    }

    fn comment(&mut self, comment: &str, line: usize, inline: bool) -> String {
        match directive::read(comment) {
            Comment::Note(note) => self.renderer.notes.push(note.to_owned()),
            Comment::Directives(keys) => self.renderer.out.directives.push((line, keys)),
            Comment::Foreign(name) => self
                .renderer
                .ignore(line, format!("{name} are not acted on")),
            Comment::Nothing => {}
            Comment::Pause => {
                let click = self.renderer.clicks.next();
                if inline {
                    self.reveals.push("span");
                    return format!("<span data-click=\"{click}\">");
                }
                self.renderer.paused = Some(click);
                return self.rest(click);
            }
        }
        String::new()
    }

    /// Opens the element around all that follows, closing the one before.
    fn rest(&mut self, click: usize) -> String {
        let before = if self.reveals.pop_if(|open| *open == REST).is_some() {
            "</div>"
        } else {
            ""
        };
        self.reveals.push(REST);
        format!("{before}<div class=\"rest\" data-click=\"{click}\">")
    }

    pub(super) fn open_rest(&mut self, click: usize) {
        let html = self.rest(click);
        self.html(html);
    }

    fn tags(&mut self, html: &str, line: usize, inline: bool) -> String {
        let mut kept = String::new();
        for piece in pieces(html) {
            match piece {
                Piece::Text(text) => kept.push_str(text),
                Piece::Tag(tag) => kept.push_str(&self.tag(&tag, line, inline)),
            }
        }
        kept
    }

    fn tag(&mut self, tag: &Tag<'_>, line: usize, inline: bool) -> String {
        match tag.name {
            "v-clicks" | "VClicks" if tag.closing => self.scope = None,
            "v-clicks" | "VClicks" => self.scope = Some(Scope::read(tag, self.nesting, self.lists)),
            "v-click" | "VClick" | "v-after" | "VAfter" => return self.reveal(tag, line, inline),
            "script" | "style" => {
                if !tag.closing {
                    self.renderer
                        .ignore(line, format!("<{}> is left out", tag.name));
                }
                return tag.source.to_owned();
            }
            name if is_component(name) => {
                if !tag.closing {
                    self.renderer
                        .ignore(line, format!("the component <{name}> is left out"));
                }
            }
            _ => return self.element(tag),
        }
        String::new()
    }

    fn reveal(&mut self, tag: &Tag<'_>, line: usize, inline: bool) -> String {
        if tag.closing {
            return self
                .reveals
                .pop()
                .map_or(String::new(), |open| format!("</{}>", element(open)));
        }
        let open = if inline { "span" } else { "div" };
        if tag.attribute("hide").is_some() {
            self.renderer.ignore(
                line,
                "hiding on a click is not acted on: it stays".to_owned(),
            );
            self.reveals.push(open);
            return format!("<{open}>");
        }
        let click = match (
            tag.name,
            tag.attribute("at").or_else(|| tag.attribute(":at")),
        ) {
            ("v-after" | "VAfter", None) => self.renderer.clicks.last().max(1),
            (_, at) => self.renderer.clicks.at(at.flatten()),
        };
        self.reveals.push(open);
        format!("<{open} data-click=\"{click}\">")
    }

    /// An ordinary element, which may say `v-click`.
    fn element(&mut self, tag: &Tag<'_>) -> String {
        let click = match (tag.attribute("v-click"), tag.attribute("v-after")) {
            (Some(at), _) => self.renderer.clicks.at(at),
            (None, Some(_)) => self.renderer.clicks.last().max(1),
            (None, None) => return tag.source.to_owned(),
        };
        let (start, rest) = tag.source.split_at(1 + tag.name.len());
        format!("{start} data-click=\"{click}\"{rest}")
    }
}

/// Marks the element that a pause opened: no author can close it.
const REST: &str = "rest";

pub(super) fn element(open: &str) -> &str {
    if open == REST { "div" } else { open }
}

/// A component of a framework: `<Tweet>`, `<carbon-logo>`, `<mdi:home>`; Slidev's own `<arrow>` is written small.
fn is_component(name: &str) -> bool {
    let mixed = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().any(|c| c.is_ascii_lowercase());
    mixed || name.contains(['-', ':']) || name == "arrow"
}
