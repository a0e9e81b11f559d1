//! Markdown in, slides out.
//!
//! The pipeline, one stage a module:
//!
//! 1. [`load`]: files (a folder of `slide-NN.md`, one file, or the deck in the binary) to texts;
//! 2. [`parse`]: a text to *parts*, cut at `---` lines, each with its [`front_matter`];
//! 3. [`render`]: a part's Markdown to HTML; [`fence`] says what a fenced block means, [`diagram`] draws Mermaid as
//!    SVG, [`highlight`] colours code, [`sanitise`] keeps raw HTML harmless and sends links to the right place;
//! 4. [`Deck`]: the steps in order, found by address, each ready to be put in a page.
//!
//! Nothing in a deck stops the others: what is wrong becomes a [`Problem`] with file and line and, where it can be
//! seen, a visible error on that slide alone. This module knows no HTTP: it only knows that slide 9.2 lives at `/9.2`.

pub mod chart;
pub mod diagram;
pub mod document;
mod escape;
pub mod fence;
pub mod front_matter;
pub mod highlight;
pub mod load;
mod parse;
mod render;
mod sanitise;
mod view;

use std::fmt;
use std::path::PathBuf;

pub use front_matter::Layout;
pub use load::{embedded, load};
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

/// Something wrong in a deck, where it is, and never a reason to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File name, as the speaker knows it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )
    }
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
}

impl Slide {
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
}

impl Deck {
    /// The step at `9` (the slide's first) or `9.2`.
    #[must_use]
    pub fn find(&self, address: &str) -> Option<&Slide> {
        let address = Address::parse(address)?;
        self.slides.iter().find(|slide| slide.address == address)
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
