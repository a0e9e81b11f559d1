//! Texts to a deck: parts in order, included slides in their places, each with its address.

use std::path::{Path, PathBuf};

use super::front_matter::{FrontMatter, Reader, Sheet};
use super::include::{Expanded, Library, selects};
use super::parse::{self, Located};
use super::picture::Side;
use super::render::{Setting, inline, render};
use super::{Address, Deck, Layout, Problem, Severity, Slide};

/// A file of a deck: its slide number, its name for messages, where it is, its text.
pub(super) struct Source {
    pub(super) number: u32,
    pub(super) name: String,
    /// Canonical; empty for the talk in the binary.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What a `---` starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// The next step of the same slide.
    Steps,
    /// The next slide.
    Slides,
}

/// Slides beyond which a deck is a mistake: files that include each other multiply.
const MOST_SLIDES: usize = 2000;

/// A slide before it is rendered.
#[derive(Clone)]
struct Page {
    file: String,
    /// Front matter, the innermost file's first, and whether it is the deck's own.
    sheets: Vec<(Sheet, bool)>,
    body: Expanded,
    line: usize,
}

impl Page {
    fn is_hidden(&self) -> bool {
        let hides = |key: &str| {
            let said = self
                .sheets
                .iter()
                .rev()
                .find_map(|(sheet, _)| sheet.keys.get(key));
            said.is_some_and(|value| value == true)
        };
        hides("hide") || hides("disabled")
    }
}

/// Builds the deck; `None` when there is no slide to show.
pub(super) fn assemble(sources: &[Source], split: Split, library: Library) -> Option<Deck> {
    let mut assembler = Assembler {
        library,
        reader: Reader::default(),
        begun: false,
        problems: Vec::new(),
        slides: Vec::new(),
    };
    for source in sources {
        assembler.source(source, split);
    }
    let Assembler {
        library,
        reader,
        mut problems,
        slides,
        ..
    } = assembler;
    say_once(&mut problems);
    let settings = reader.settings;
    let title = settings
        .title
        .clone()
        .or_else(|| Some(slides.first()?.title.clone()));
    Some(Deck {
        title: title.filter(|_| !slides.is_empty())?,
        slides,
        problems,
        settings,
        files: library.files,
    })
}

/// What is ignored is said once in a deck, not on every slide.
fn say_once(problems: &mut Vec<Problem>) {
    let mut said = std::collections::HashSet::new();
    problems.retain(|problem| {
        problem.severity != Severity::Ignored || said.insert(problem.message.clone())
    });
}

struct Assembler {
    library: Library,
    reader: Reader,
    /// Whether the deck's first front matter has been read.
    begun: bool,
    problems: Vec<Problem>,
    slides: Vec<Slide>,
}

impl Assembler {
    fn source(&mut self, source: &Source, split: Split) {
        let taken = self
            .slides
            .last()
            .is_some_and(|last| last.address.slide == source.number);
        if taken {
            let message = format!(
                "slide {} is already another file; this one is left out",
                source.number
            );
            self.problems.push(Problem::error(&source.name, 1, message));
            return;
        }
        let folder = source.path.parent().unwrap_or(Path::new(""));
        let mut stack = vec![source.path.clone()];
        let mut pages = self.pages(&source.name, folder, &source.text, &mut stack);
        pages.retain(|page| !page.is_hidden());
        let several = pages.len() > 1;
        for (page, index) in pages.iter().zip(1..) {
            let address = match split {
                Split::Steps => Address {
                    slide: source.number,
                    step: index,
                },
                Split::Slides => Address {
                    slide: index,
                    step: 1,
                },
            };
            let label = match split {
                Split::Steps if several => format!("{}.{}", address.slide, address.step),
                _ => address.slide.to_string(),
            };
            self.slide(page, address, label);
        }
    }

    /// A text's slides, with those of the files it takes in. `stack`: the files being read, to notice a circle.
    fn pages(
        &mut self,
        file: &str,
        folder: &Path,
        text: &str,
        stack: &mut Vec<PathBuf>,
    ) -> Vec<Page> {
        let mut pages = Vec::new();
        for part in parse::parts(file, text, &mut self.problems) {
            let sheet = part
                .front_matter
                .and_then(|yaml| Sheet::parse(file, yaml, &mut self.problems));
            let first = !std::mem::replace(&mut self.begun, true);
            if let Some(sheet) = sheet.as_ref().filter(|_| first) {
                self.reader.head(sheet, &mut self.problems);
            }
            let src = sheet
                .as_ref()
                .and_then(|sheet| sheet.keys.get("src")?.as_str())
                .map(str::to_owned);
            let sheets: Vec<_> = sheet.into_iter().map(|sheet| (sheet, first)).collect();
            match src {
                Some(src) => {
                    let line = part.front_matter.map_or(part.body.line, |yaml| yaml.line);
                    let mut taken_in = self.taken_in(file, folder, &src, line, stack);
                    for page in &mut taken_in {
                        page.sheets.extend(sheets.iter().cloned());
                    }
                    pages.extend(taken_in);
                }
                None => pages.extend(self.divided(file, folder, part.body, sheets)),
            }
            if pages.len() > MOST_SLIDES {
                let message =
                    format!("a deck has at most {MOST_SLIDES} slides; the rest is left out");
                self.problems
                    .push(Problem::error(file, part.body.line, message));
                pages.truncate(MOST_SLIDES);
                break;
            }
        }
        pages
    }

    /// One part's slides: one, or several where headings divide.
    fn divided(
        &mut self,
        file: &str,
        folder: &Path,
        body: Located<'_>,
        mut sheets: Vec<(Sheet, bool)>,
    ) -> Vec<Page> {
        let bodies = parse::by_headings(body, &self.reader.settings.heading_divider);
        let pages = bodies.into_iter().map(|body| {
            let problems = &mut self.problems;
            let mut report = |line, message| problems.push(Problem::error(file, line, message));
            Page {
                file: file.to_owned(),
                sheets: std::mem::take(&mut sheets),
                body: self
                    .library
                    .expand(folder, body.text, body.line, &mut report),
                line: body.line,
            }
        });
        pages.collect()
    }

    /// The slides of `./other.md#2,4-6`.
    fn taken_in(
        &mut self,
        file: &str,
        folder: &Path,
        src: &str,
        line: usize,
        stack: &mut Vec<PathBuf>,
    ) -> Vec<Page> {
        let (path, selection) = src.split_once('#').unwrap_or((src, ""));
        let found = match self.library.read(folder, path) {
            Ok(found) if stack.contains(&found.path) => {
                Err(format!("{path} takes itself in; it is left out here"))
            }
            other => other,
        };
        let found = match found {
            Ok(found) => found,
            Err(message) => {
                self.problems.push(Problem::error(file, line, message));
                return Vec::new();
            }
        };
        let name = self.library.name(&found.path);
        let folder = found.path.parent().map(Path::to_owned).unwrap_or_default();
        stack.push(found.path);
        let mut pages = self.pages(&name, &folder, &found.text, stack);
        stack.pop();
        let mut number = 0;
        pages.retain(|_| {
            number += 1;
            selects(selection, number)
        });
        if pages.is_empty() {
            let message = format!("{path} has no slide {selection}");
            self.problems.push(Problem::warning(file, line, message));
        }
        pages
    }

    fn slide(&mut self, page: &Page, address: Address, label: String) {
        let mut wanted = self.reader.start();
        for (sheet, first) in &page.sheets {
            self.reader
                .apply(sheet, *first, &mut wanted, &mut self.problems);
        }
        let live = wanted.live.clone();
        let setting = Setting {
            file: &page.file,
            id: &format!("s{}", label.replace('.', "-")),
            layout: wanted.layout,
            live: live.as_ref(),
            clicks: wanted.clicks,
            line_numbers: wanted.line_numbers,
            marp: self.reader.settings.marp,
        };
        let rendered = render(setting, &page.body, &mut self.problems);
        for (line, keys) in rendered.directives {
            let sheet = Sheet::comment(&page.file, line, keys);
            self.reader
                .apply(&sheet, false, &mut wanted, &mut self.problems);
        }
        let mut backgrounds: Vec<_> = wanted.background.take().into_iter().collect();
        backgrounds.extend(rendered.backgrounds);
        let layout = beside(wanted.layout, &mut backgrounds);
        let before = self
            .slides
            .last()
            .filter(|slide| slide.address.slide == address.slide);
        let inherited = before.map(|slide| slide.title.clone());
        let title = wanted.title.clone().or(rendered.heading).or(inherited);
        let mut slide = Slide {
            title: title.unwrap_or_else(|| format!("Slide {label}")),
            html: rendered.html,
            notes_html: rendered.notes_html,
            live: rendered.live,
            clicks: rendered.clicks,
            backgrounds,
            layout,
            ..blank(address, label, wanted)
        };
        (slide.file, slide.line) = (page.file.clone(), page.line);
        slide.seal();
        self.slides.push(slide);
    }
}

/// A slide of what its front matter says.
fn blank(address: Address, label: String, wanted: FrontMatter) -> Slide {
    Slide {
        address,
        label,
        title: String::new(),
        layout: wanted.layout,
        class: wanted.class,
        html: String::new(),
        notes_html: String::new(),
        live: false,
        clicks: 0,
        backgrounds: Vec::new(),
        background_color: wanted.background_color,
        zoom: wanted.zoom,
        transition: wanted.transition,
        header_html: inline(&wanted.header),
        footer_html: inline(&wanted.footer),
        numbered: !wanted.unnumbered,
        alias: wanted.alias,
        hide_in_toc: wanted.hide_in_toc,
        file: String::new(),
        line: 0,
        hash: 0,
    }
}

/// Agrees layout and pictures: a picture at a side makes a slide of that layout, and that layout moves its picture.
fn beside(layout: Layout, backgrounds: &mut [super::Background]) -> Layout {
    let side = match layout {
        Layout::ImageLeft => Side::Left,
        Layout::ImageRight => Side::Right,
        Layout::Default => {
            return match backgrounds
                .iter()
                .map(|background| background.side)
                .find(|side| *side != Side::Whole)
            {
                Some(Side::Left) => Layout::ImageLeft,
                Some(Side::Right) => Layout::ImageRight,
                _ => layout,
            };
        }
        _ => return layout,
    };
    for background in backgrounds {
        background.side = side;
    }
    layout
}

#[cfg(test)]
mod tests;
