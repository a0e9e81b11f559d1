//! A deck seen from one of its steps: what the page template walks through.
//!
//! Exists so that the template needs no logic: each step knows whether it is the addressed one and where Back and
//! Next lead, so that every slide carries real links and the page works without JavaScript.

use super::{Address, Deck, Slide};

/// One step as the page shows it.
#[derive(Debug, Clone, Copy)]
pub struct SlideView<'a> {
    /// The step.
    pub slide: &'a Slide,
    /// Whether it is the addressed one; the others are hidden.
    pub current: bool,
    /// The step before.
    pub previous: Option<&'a Slide>,
    /// The step after.
    pub next: Option<&'a Slide>,
    /// How far into the talk this step is, in percent.
    pub progress: usize,
}

impl Deck {
    /// Every step, with the addressed one marked. An unknown address marks none: look it up first.
    #[must_use]
    pub fn view(&self, current: Address) -> Vec<SlideView<'_>> {
        let count = self.slides.len();
        let before = std::iter::once(None).chain(self.slides.iter().map(Some));
        self.slides
            .iter()
            .zip(before)
            .enumerate()
            .map(|(index, (slide, previous))| SlideView {
                slide,
                current: slide.address == current,
                previous,
                next: self.slides.get(index + 1),
                progress: (index + 1) * 100 / count,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::deck::{Address, embedded};

    #[test]
    fn one_step_is_current_and_each_links_to_its_neighbours() {
        let deck = embedded();
        let views = deck.view(Address { slide: 9, step: 2 });
        let current: Vec<_> = views.iter().filter(|view| view.current).collect();
        assert_eq!(current.len(), 1);
        assert_eq!(current[0].previous.expect("9.1 is before").label, "9.1");
        assert_eq!(current[0].next.expect("9.3 is after").label, "9.3");
        assert_eq!(views.last().expect("not empty").progress, 100);
    }
}
