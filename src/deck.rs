//! Markdown in, slides out.
//!
//! The pipeline, one stage a module:
//!
//! 1. [`load`]: files (a folder of `slide-NN.md`, one file, or the deck in the binary) to texts;
//! 2. [`parse`]: a text to *parts*, cut at `---` lines; [`include`] puts in place what other files say;
//! 3. [`front_matter`] says what a part wants, [`settings`] what the deck wants, [`directive`] what a comment wants;
//! 4. [`render`]: a part's Markdown to HTML; [`fence`] says what a fenced block means, [`diagram`] draws Mermaid as
//!    SVG, [`highlight`] colours code and [`stepping`] lights its lines, [`math`] sets formulas, [`fragment`] counts
//!    what is revealed when, [`sanitise`] keeps raw HTML harmless and sends links to the right place;
//! 5. [`Deck`]: the steps in order, found by address, each ready to be put in a page;
//! 6. [`reload`]: the deck that is shown now, replaced when its files change; [`check`]: what its author should know.
//!
//! Nothing in a deck stops the others: what is wrong becomes a [`Problem`] with file and line and, where it can be
//! seen, a visible error on that slide alone. This module knows no HTTP: it only knows that slide 9.2 lives at `/9.2`.

mod assemble;
pub mod chart;
pub mod check;
pub mod diagram;
mod directive;
pub mod document;
mod escape;
pub mod fence;
mod fragment;
mod front_matter;
pub mod highlight;
mod include;
mod layout;
pub mod load;
mod markup;
mod math;
mod notes;
mod parse;
pub mod picture;
mod problem;
pub mod reload;
mod render;
mod sanitise;
pub mod settings;
mod stepping;
mod view;

use std::path::PathBuf;

pub use layout::Layout;
pub use load::{embedded, entry, load};
pub use picture::Background;
pub use problem::{Problem, Severity};
pub use settings::{ColorScheme, Settings, Transition};
pub use view::SlideView;

/// Why there is no deck at all. Faults inside a deck are [`Problem`]s instead.
#[derive(Debug, thiserror::Error)]
pub enum DeckError {
    /// The deck's file or folder could not be read.
    #[error(
        "cannot read the deck {path}: {source}; give --deck a Markdown file or a folder of slide-NN.md files"
    )]
    Unreadable {
        /// What was asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder has no slide, or the file no text.
    #[error(
        "no slides in {path}: a deck is one Markdown file or a folder of slide-01.md, slide-02.md, …"
    )]
    Empty {
        /// Where slides were looked for.
        path: PathBuf,
    },
}

/// Where a step is: slide 9, step 2. Ordered as presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Slide number, from 1.
    pub slide: u32,
    /// Step within the slide, from 1.
    pub step: u32,
}

impl Address {
    /// Reads `9` (its first step) or `9.2`. `None` for anything else, zero included.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (slide, step) = text.split_once('.').unwrap_or((text, "1"));
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            plain
                .then(|| digits.parse::<u32>().ok().filter(|n| *n > 0))
                .flatten()
        };
        Some(Self {
            slide: number(slide)?,
            step: number(step)?,
        })
    }
}

/// One step of the talk: what is on the screen at one time.
#[derive(Debug, Clone)]
pub struct Slide {
    /// Where it is.
    pub address: Address,
    /// How people write the address: `8` for a slide of one step, `9.2` in a slide of several. Also its path.
    pub label: String,
    /// Title: front matter, else the first heading, else that of the step before.
    pub title: String,
    /// Layout, a CSS class of the same name.
    pub layout: Layout,
    /// Further CSS classes, from the front matter.
    pub class: String,
    /// The slide's content, safe to put in a page.
    pub html: String,
    /// The speaker's notes, safe HTML. Never part of `html`.
    pub notes_html: String,
    /// Whether the step shows live values.
    pub live: bool,
    /// Clicks the step has: how many times *next* reveals something before it leaves.
    pub clicks: usize,
    /// Pictures behind the content, in order.
    pub backgrounds: Vec<Background>,
    /// `backgroundColor`, a CSS colour.
    pub background_color: Option<String>,
    /// `zoom`, a factor as CSS writes it.
    pub zoom: Option<String>,
    /// How this step comes.
    pub transition: Option<Transition>,
    /// The line on top, safe HTML, empty for none.
    pub header_html: String,
    /// The line at the foot, safe HTML, empty for none.
    pub footer_html: String,
    /// Whether the address is shown in the foot.
    pub numbered: bool,
    /// `routeAlias`: a second address.
    pub alias: Option<String>,
    /// `hideInToc`: whether overviews and lists leave it out.
    pub hide_in_toc: bool,
    /// The file it was written in, as the speaker knows it.
    pub file: String,
    /// The line its text starts on, from 1.
    pub line: usize,
    /// Changes whenever anything of the step does, its notes included.
    pub hash: u64,
}

impl Slide {
    /// Sets the hash by the content. Notes are left out: the hash is in everyone's page.
    fn seal(&mut self) {
        let seen = Self {
            notes_html: String::new(),
            // Where it is written does not show either.
            line: 0,
            hash: 0,
            ..self.clone()
        };
        self.hash = reload::fingerprint(&format!("{seen:?}"));
    }

    /// The id of the slide's element: `s8`, `s9-2`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("s{}", self.label.replace('.', "-"))
    }
}

/// A talk.
#[derive(Debug, Clone)]
pub struct Deck {
    /// The talk's title.
    pub title: String,
    /// Every step, in the order they are presented. Never empty.
    pub slides: Vec<Slide>,
    /// What is wrong in the files, in reading order.
    pub problems: Vec<Problem>,
    /// What the first front matter says about the talk.
    pub settings: Settings,
    /// Every file the deck was made of, slides, included slides and snippets; empty for the built-in talk.
    pub files: Vec<PathBuf>,
}

impl Deck {
    /// The step at `9` (the slide's first) or `9.2`, or of this `routeAlias`.
    #[must_use]
    pub fn find(&self, address: &str) -> Option<&Slide> {
        match Address::parse(address) {
            Some(found) => self.slides.iter().find(|slide| slide.address == found),
            None => self
                .slides
                .iter()
                .find(|slide| slide.alias.as_deref() == Some(address)),
        }
    }

    /// The step shown first.
    ///
    /// # Panics
    /// Never: a deck without slides is a [`DeckError::Empty`].
    #[must_use]
    pub fn first(&self) -> &Slide {
        self.slides
            .first()
            .expect("loading refuses a deck without slides")
    }

    /// The step after this address, if any.
    #[must_use]
    pub fn next(&self, address: Address) -> Option<&Slide> {
        self.slides.iter().find(|slide| slide.address > address)
    }

    /// The step before this address, if any.
    #[must_use]
    pub fn previous(&self, address: Address) -> Option<&Slide> {
        self.slides
            .iter()
            .rev()
            .find(|slide| slide.address < address)
    }

    /// The number of the last slide: the `12` of "9 / 12".
    #[must_use]
    pub fn last_number(&self) -> u32 {
        self.slides.last().map_or(0, |slide| slide.address.slide)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_slide_or_a_step_and_nothing_else() {
        assert_eq!(Address::parse("9"), Some(Address { slide: 9, step: 1 }));
        assert_eq!(Address::parse("9.2"), Some(Address { slide: 9, step: 2 }));
        for nonsense in [
            "",
            "0",
            "9.",
            ".2",
            "9.0",
            "+9",
            "9.2.1",
            "nine",
            "99999999999",
        ] {
            assert_eq!(Address::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn steps_are_found_and_walked_in_order() {
        let deck = embedded();
        let nine = deck.find("9").expect("slide 9 is there");
        assert_eq!(nine.label, "9.1");
        assert_eq!(deck.next(nine.address).expect("it has steps").label, "9.2");
        assert_eq!(
            deck.previous(nine.address)
                .expect("eight slides before")
                .address
                .slide,
            8
        );
        assert!(deck.previous(deck.first().address).is_none());
        assert!(deck.find("99").is_none());
        assert_eq!(deck.last_number(), 12);
    }
}
