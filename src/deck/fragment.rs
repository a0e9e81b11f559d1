//! What is revealed when: the clicks of a slide, counted as Slidev counts them.
//!
//! A fragment says nothing, and comes one click after the one before; or a number, and comes at that click; or `+n`,
//! and comes n clicks later. Only numbers given out here reach the page.

use super::markup::{Piece, Tag, pieces};

/// Clicks a slide may have. Far beyond any talk; it keeps a typing slip from making a page of numbers.
pub(crate) const MOST_CLICKS: usize = 99;

/// Counts a slide's clicks while it is rendered.
#[derive(Debug, Default)]
pub(crate) struct Clicks {
    last: usize,
}

impl Clicks {
    /// The click after the last.
    pub(crate) fn next(&mut self) -> usize {
        self.skip(1)
    }

    /// The last click given out.
    pub(crate) fn last(&self) -> usize {
        self.last
    }

    /// Moves on by this many clicks.
    pub(crate) fn skip(&mut self, clicks: usize) -> usize {
        self.last = self.last.saturating_add(clicks).min(MOST_CLICKS);
        self.last
    }

    /// The click that `at` names: nothing, `2`, `+1`, or the first of `[2, 4]`.
    pub(crate) fn at(&mut self, at: Option<&str>) -> usize {
        let at = at.unwrap_or_default();
        let plain =
            at.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '[' | ']'));
        let first = plain.split(',').next().unwrap_or_default().trim();
        match (first.strip_prefix('+'), first.parse::<usize>()) {
            (Some(more), _) => self.skip(more.parse().unwrap_or(1)),
            (None, Ok(click)) => click.clamp(1, MOST_CLICKS),
            (None, Err(_)) => self.next(),
        }
    }
}

/// A `<v-clicks>` in effect.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Nesting of the Markdown around it.
    pub(crate) nesting: usize,
    /// Lists around it.
    pub(crate) lists: usize,
    /// Levels of list whose items are fragments.
    depth: usize,
    /// Items that share a click.
    every: usize,
    seen: usize,
}

impl Scope {
    /// Reads `<v-clicks depth="2" every="3">`.
    pub(crate) fn read(tag: &Tag<'_>, nesting: usize, lists: usize) -> Self {
        let number = |name: &str| {
            let value = tag
                .attribute(name)
                .or_else(|| tag.attribute(&format!(":{name}")));
            let number = value.flatten().and_then(|value| value.parse().ok());
            number.filter(|n| *n > 0).unwrap_or(1)
        };
        Self {
            nesting,
            lists,
            depth: number("depth"),
            every: number("every"),
            seen: 0,
        }
    }

    /// Whether the items of a list this deep are fragments.
    pub(crate) fn takes(&self, lists: usize) -> bool {
        lists > self.lists && lists - self.lists <= self.depth
    }

    /// The click of the next item.
    pub(crate) fn click(&mut self, clicks: &mut Clicks) -> usize {
        let starts = self.seen.is_multiple_of(self.every);
        self.seen += 1;
        if starts {
            clicks.next()
        } else {
            clicks.last().max(1)
        }
    }
}

/// The highest click that sanitised HTML waits for.
pub(crate) fn highest(html: &str) -> usize {
    let clicks = pieces(html).into_iter().filter_map(|piece| match piece {
        Piece::Tag(tag) => tag.attribute("data-click").flatten()?.parse().ok(),
        Piece::Text(_) => None,
    });
    clicks.max().unwrap_or(0)
}

/// Whether a value may stand in `data-click`.
pub(crate) fn is_click(value: &str) -> bool {
    value
        .parse()
        .is_ok_and(|click: usize| (1..=MOST_CLICKS).contains(&click))
}
