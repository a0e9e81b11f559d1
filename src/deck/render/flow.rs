//! The Markdown's events, one by one, to those that are written: our blocks replaced by places, comments taken out,
//! fragments marked, other tools' components left out.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::{Renderer, options};
use crate::deck::directive::{self, Comment};
use crate::deck::fragment::Scope;
use crate::deck::markup::{self, Piece, pieces};
use crate::deck::math::Place;
use crate::deck::picture::{self, Picture};

/// The events to write for a stretch of Markdown.
pub(super) fn events<'t>(renderer: &mut Renderer<'_>, text: &'t str) -> Vec<Event<'t>> {
    let mut flow = Flow {
        renderer,
        text,
        written: Vec::new(),
        taken: None,
        heading: None,
        nesting: 0,
        lists: 0,
        scope: None,
        wraps: Vec::new(),
        reveals: Vec::new(),
    };
    if let Some(click) = flow.renderer.paused {
        flow.open_rest(click);
    }
    for (event, range) in Parser::new_ext(text, options() | Options::ENABLE_MATH).into_offset_iter()
    {
        flow.take(event, range.start);
    }
    flow.close();
    flow.written
}

/// An element whose content is collected before anything is written.
enum Taken<'t> {
    Code {
        info: String,
        body: String,
    },
    Html(String),
    Image {
        address: String,
        title: String,
        alt: String,
        events: Vec<Event<'t>>,
    },
}

struct Flow<'f, 'r, 't> {
    renderer: &'f mut Renderer<'r>,
    text: &'t str,
    written: Vec<Event<'t>>,
    /// What is being collected, and where it started.
    taken: Option<(Taken<'t>, usize)>,
    /// The text so far of the slide's first heading.
    heading: Option<String>,
    /// Elements open around the current event.
    nesting: usize,
    /// Lists among them.
    lists: usize,
    scope: Option<Scope>,
    /// Nestings at which a block of a `<v-clicks>` got an element around it.
    wraps: Vec<usize>,
    /// Elements opened by `<v-click>` and `<!-- pause -->`.
    reveals: Vec<&'static str>,
}

impl<'t> Flow<'_, '_, 't> {
    fn take(&mut self, event: Event<'t>, at: usize) {
        if matches!(event, Event::Start(_)) {
            self.before(&event);
            self.nesting += 1;
        }
        let ends = matches!(event, Event::End(_));
        self.nesting -= usize::from(ends);
        match self.taken.take() {
            Some((taken, start)) => self.collect(taken, start, event),
            None => self.write(event, at),
        }
        if ends && self.wraps.last() == Some(&self.nesting) {
            self.wraps.pop();
            self.html("</div>\n".to_owned());
        }
    }

    /// A block right inside `<v-clicks>` that is no list is a fragment as a whole.
    fn before(&mut self, event: &Event<'_>) {
        let Some(scope) = &mut self.scope else { return };
        let list = matches!(event, Event::Start(Tag::List(_) | Tag::HtmlBlock));
        if scope.nesting == self.nesting && !list && self.taken.is_none() {
            let click = scope.click(&mut self.renderer.clicks);
            self.wraps.push(self.nesting);
            self.html(format!("<div data-click=\"{click}\">"));
        }
    }

    fn collect(&mut self, mut taken: Taken<'t>, start: usize, event: Event<'t>) {
        match (&mut taken, event) {
            (Taken::Code { info, body }, Event::End(TagEnd::CodeBlock)) => {
                let line = self.renderer.line + newlines(&self.text[..start]);
                let place = self.renderer.block(info, body, line);
                return self.html(place);
            }
            (Taken::Code { body, .. }, Event::Text(part)) => body.push_str(&part),
            (Taken::Html(raw), Event::End(TagEnd::HtmlBlock)) => {
                let raw = std::mem::take(raw);
                let kept = self.raw(&raw, start, false);
                self.html(kept);
                return self.written.push(Event::End(TagEnd::HtmlBlock));
            }
            (Taken::Html(raw), Event::Html(part) | Event::Text(part)) => raw.push_str(&part),
            (
                Taken::Image {
                    address,
                    title,
                    alt,
                    events,
                },
                Event::End(end @ TagEnd::Image),
            ) => {
                let (address, title, alt) = (
                    std::mem::take(address),
                    std::mem::take(title),
                    std::mem::take(alt),
                );
                let events = std::mem::take(events);
                return self.image(&address, &title, &alt, events, end);
            }
            (Taken::Image { alt, events, .. }, event) => {
                match &event {
                    Event::Text(part) | Event::Code(part) => alt.push_str(part),
                    Event::SoftBreak | Event::HardBreak => alt.push(' '),
                    _ => {}
                }
                events.push(event);
            }
            _ => {}
        }
        self.taken = Some((taken, start));
    }

    fn write(&mut self, event: Event<'t>, at: usize) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.taken = Some((
                    Taken::Code {
                        info,
                        body: String::new(),
                    },
                    at,
                ));
            }
            Event::Start(Tag::HtmlBlock) => {
                self.written.push(event);
                self.taken = Some((Taken::Html(String::new()), at));
            }
            Event::Start(Tag::Image {
                ref dest_url,
                ref title,
                ..
            }) => {
                let (address, title) = (dest_url.to_string(), title.to_string());
                self.taken = Some((
                    Taken::Image {
                        address,
                        title,
                        alt: String::new(),
                        events: vec![event],
                    },
                    at,
                ));
            }
            Event::InlineHtml(part) | Event::Html(part) => {
                let kept = self.raw(&part, at, true);
                self.written.push(Event::InlineHtml(kept.into()));
            }
            Event::InlineMath(tex) => self.formula(&tex, Place::Inline, at),
            Event::DisplayMath(tex) => self.formula(&tex, Place::Block, at),
            Event::Start(Tag::Item) => self.item(at),
            Event::End(TagEnd::Item) => self.html("</li>\n".to_owned()),
            other => {
                match &other {
                    Event::Start(Tag::List(_)) => self.lists += 1,
                    Event::End(TagEnd::List(_)) => self.lists -= 1,
                    _ => {}
                }
                self.note_heading(&other);
                self.written.push(other);
            }
        }
    }

    /// An item is a fragment inside `<v-clicks>`, and in a Marp deck by how it is written.
    fn item(&mut self, at: usize) {
        let lists = self.lists;
        let scoped = self.scope.as_mut().filter(|scope| scope.takes(lists));
        let click = match scoped {
            Some(scope) => Some(scope.click(&mut self.renderer.clicks)),
            None if self.renderer.setting.marp && is_marp_fragment(&self.text[at..]) => {
                Some(self.renderer.clicks.next())
            }
            None => None,
        };
        let mark = click.map_or(String::new(), |click| format!(" data-click=\"{click}\""));
        self.html(format!("<li{mark}>"));
    }

    fn formula(&mut self, tex: &str, place: Place, at: usize) {
        let line = self.renderer.line_at(self.text, at);
        let html = self.renderer.formula(tex, place, line);
        self.written.push(Event::InlineHtml(html.into()));
    }

    fn image(
        &mut self,
        address: &str,
        title: &str,
        alt: &str,
        events: Vec<Event<'t>>,
        end: TagEnd,
    ) {
        match picture::read(alt, address) {
            Picture::Behind(background) => self.renderer.out.backgrounds.extend(background),
            Picture::Sized(width, height, alt) if title.is_empty() => {
                let html = picture::sized(address, &width, &height, &alt);
                self.written.push(Event::InlineHtml(html.into()));
            }
            Picture::Sized(..) | Picture::Plain => {
                self.written.extend(events);
                self.written.push(Event::End(end));
            }
        }
    }

    /// Follows the text of the first heading.
    fn note_heading(&mut self, event: &Event<'_>) {
        let heading = &mut self.heading;
        match event {
            Event::Start(Tag::Heading { .. }) if self.renderer.out.heading.is_none() => {
                *heading = Some(String::new());
            }
            Event::Text(text) | Event::Code(text) => {
                heading.iter_mut().for_each(|so_far| so_far.push_str(text));
            }
            Event::SoftBreak | Event::HardBreak => {
                heading.iter_mut().for_each(|so_far| so_far.push(' '));
            }
            Event::End(TagEnd::Heading(_)) => {
                // A comment such as Marp's `fit` leaves a space behind.
                if let Some(text) = heading.take().filter(|text| !text.trim().is_empty()) {
                    self.renderer.out.heading = Some(text.trim().to_owned());
                }
            }
            _ => {}
        }
    }

    fn html(&mut self, html: String) {
        self.written.push(Event::Html(html.into()));
    }

    /// Raw HTML without its comments, with its tags looked at. `inline`: it stands in a paragraph.
    fn raw(&mut self, html: &str, at: usize, inline: bool) -> String {
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

    fn open_rest(&mut self, click: usize) {
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

    fn tag(&mut self, tag: &markup::Tag<'_>, line: usize, inline: bool) -> String {
        match tag.name {
            "v-clicks" | "VClicks" if tag.closing => self.scope = None,
            "v-clicks" | "VClicks" => self.scope = Some(Scope::read(tag, self.nesting, self.lists)),
            "v-click" | "VClick" | "v-after" | "VAfter" => return self.reveal(tag, inline),
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

    fn reveal(&mut self, tag: &markup::Tag<'_>, inline: bool) -> String {
        if tag.closing {
            return self
                .reveals
                .pop()
                .map_or(String::new(), |open| format!("</{}>", element(open)));
        }
        let click = match (
            tag.name,
            tag.attribute("at").or_else(|| tag.attribute(":at")),
        ) {
            ("v-after" | "VAfter", None) => self.renderer.clicks.last().max(1),
            (_, at) => self.renderer.clicks.at(at.flatten()),
        };
        let open = if inline { "span" } else { "div" };
        self.reveals.push(open);
        format!("<{open} data-click=\"{click}\">")
    }

    /// An ordinary element, which may say `v-click`.
    fn element(&mut self, tag: &markup::Tag<'_>) -> String {
        let click = match (tag.attribute("v-click"), tag.attribute("v-after")) {
            (Some(at), _) => self.renderer.clicks.at(at),
            (None, Some(_)) => self.renderer.clicks.last().max(1),
            (None, None) => return tag.source.to_owned(),
        };
        let (start, rest) = tag.source.split_at(1 + tag.name.len());
        format!("{start} data-click=\"{click}\"{rest}")
    }

    fn close(&mut self) {
        while let Some(open) = self.reveals.pop() {
            self.html(format!("</{}>\n", element(open)));
        }
    }
}

/// Marks the element that a pause opened: no author can close it.
const REST: &str = "rest";

fn element(open: &str) -> &str {
    if open == REST { "div" } else { open }
}

/// A component of a framework: `<Tweet>`, `<carbon-logo>`.
fn is_component(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().any(|c| c.is_ascii_lowercase())
        || name.contains('-')
}

/// Lists written with `*`, or numbered `1)`.
fn is_marp_fragment(item: &str) -> bool {
    let digits = item.trim_start_matches(|c: char| c.is_ascii_digit());
    item.starts_with('*') || (digits.len() < item.len() && digits.starts_with(')'))
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}
