//! The Markdown's events, one by one, to those that are written: our blocks replaced by places, comments taken out,
//! fragments marked, other tools' components left out.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::raw::element;
use super::{Renderer, options};
use crate::deck::fragment::Scope;
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

pub(super) struct Flow<'f, 'r, 't> {
    pub(super) renderer: &'f mut Renderer<'r>,
    pub(super) text: &'t str,
    written: Vec<Event<'t>>,
    /// What is being collected, and where it started.
    taken: Option<(Taken<'t>, usize)>,
    /// The text so far of the slide's first heading.
    heading: Option<String>,
    /// Elements open around the current event.
    pub(super) nesting: usize,
    /// Lists among them.
    pub(super) lists: usize,
    pub(super) scope: Option<Scope>,
    /// Nestings at which a block of a `<v-clicks>` got an element around it.
    wraps: Vec<usize>,
    /// Elements opened by `<v-click>` and `<!-- pause -->`.
    pub(super) reveals: Vec<&'static str>,
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
                let line = self.renderer.line_at(self.text, start);
                return self.image(line, &address, &title, &alt, events, end);
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
        line: usize,
        address: &str,
        title: &str,
        alt: &str,
        events: Vec<Event<'t>>,
        end: TagEnd,
    ) {
        if picture::is_elsewhere(address) {
            self.renderer.ignore(line, picture::ELSEWHERE.to_owned());
        }
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

    pub(super) fn html(&mut self, html: String) {
        self.written.push(Event::Html(html.into()));
    }

    fn close(&mut self) {
        while let Some(open) = self.reveals.pop() {
            self.html(format!("</{}>\n", element(open)));
        }
    }
}

/// Lists written with `*`, or numbered `1)`.
fn is_marp_fragment(item: &str) -> bool {
    let digits = item.trim_start_matches(|c: char| c.is_ascii_digit());
    item.starts_with('*') || (digits.len() < item.len() && digits.starts_with(')'))
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}
