//! What is drawn on the slides: strokes by step, bounded. Pure rules; the room owns them and tells the browsers.
//!
//! A stroke arrives in pieces while the hand moves, each time whole and under the same name, so that a lost or doubled
//! piece does no harm. Every change of a step is told as all of its strokes; the bounds keep that small.

use std::collections::BTreeMap;

/// A point on a slide, each coordinate from 0 to 1 of its canvas.
pub type Point = (f64, f64);

/// The longest stroke. A page begins a new one before that.
pub const POINTS_IN_A_STROKE: usize = 600;
/// What one step holds. At ten pieces a second a viewer's phone then reads half a megabyte a second at the worst.
const POINTS_ON_A_STEP: usize = 3_000;
const STROKES_ON_A_STEP: usize = 200;
/// What all steps hold together: every newcomer's snapshot carries it, some 400 kB at the most.
const POINTS_IN_ALL: usize = 30_000;

/// The step is full, or the talk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for more ink; wipe what is no longer needed")]
pub struct Full;

/// A stroke and its name; pieces of one stroke share it.
#[derive(Clone, Debug, PartialEq)]
struct Stroke {
    name: Option<String>,
    points: Vec<Point>,
}

/// All ink of the talk.
#[derive(Debug, Default)]
pub struct Ink(BTreeMap<String, Vec<Stroke>>);

impl Ink {
    /// Adds a stroke to a step, or replaces what was known under its name.
    ///
    /// # Errors
    /// [`Full`]; what was there stays.
    pub fn draw(
        &mut self,
        address: &str,
        name: Option<String>,
        points: Vec<Point>,
    ) -> Result<(), Full> {
        let in_all: usize = self.0.values().flatten().map(|it| it.points.len()).sum();
        let strokes = self.0.entry(address.to_owned()).or_default();
        let known = strokes
            .iter()
            .rposition(|stroke| name.is_some() && stroke.name == name);
        let on_step: usize = strokes.iter().map(|stroke| stroke.points.len()).sum();
        let replaced = known.map_or(0, |at| strokes[at].points.len());
        let grown = |held: usize| held - replaced + points.len();
        if grown(on_step) > POINTS_ON_A_STEP
            || grown(in_all) > POINTS_IN_ALL
            || (known.is_none() && strokes.len() == STROKES_ON_A_STEP)
        {
            return Err(Full);
        }
        match known {
            Some(at) => strokes[at].points = points,
            None => strokes.push(Stroke { name, points }),
        }
        Ok(())
    }

    /// Takes the step's last stroke away; `false` when there was none.
    pub fn undo(&mut self, address: &str) -> bool {
        let Some(strokes) = self.0.get_mut(address) else {
            return false;
        };
        strokes.pop();
        if strokes.is_empty() {
            self.0.remove(address);
        }
        true
    }

    /// Wipes a step, or every step. The addresses of those that had ink.
    pub fn wipe(&mut self, address: Option<&str>) -> Vec<String> {
        match address {
            Some(address) => self
                .0
                .remove_entry(address)
                .into_iter()
                .map(|(k, _)| k)
                .collect(),
            None => std::mem::take(&mut self.0).into_keys().collect(),
        }
    }

    /// All strokes of a step, the oldest first.
    #[must_use]
    pub fn strokes(&self, address: &str) -> Vec<&[Point]> {
        let strokes = self.0.get(address).map(Vec::as_slice).unwrap_or_default();
        strokes
            .iter()
            .map(|stroke| stroke.points.as_slice())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: usize) -> Vec<Point> {
        vec![(0.5, 0.5); points]
    }

    fn name(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn the_pieces_of_a_stroke_replace_each_other_and_strokes_do_not() {
        let mut ink = Ink::default();
        for (stroke, points) in [("a", 2), ("a", 5), ("b", 3), ("a", 7)] {
            ink.draw("2", name(stroke), line(points)).unwrap();
        }
        ink.draw("2", None, line(1)).unwrap();
        ink.draw("2", None, line(1)).unwrap();
        let lengths: Vec<_> = ink.strokes("2").iter().map(|points| points.len()).collect();
        assert_eq!(lengths, [7, 3, 1, 1]);
    }

    #[test]
    fn a_full_step_takes_no_more_and_keeps_what_it_has() {
        let mut ink = Ink::default();
        for stroke in ["a", "b", "c", "d", "e"] {
            ink.draw("2", name(stroke), line(POINTS_IN_A_STROKE))
                .unwrap();
        }
        assert_eq!(ink.draw("2", name("f"), line(1)), Err(Full));
        ink.draw("2", name("e"), line(10)).unwrap();
        assert_eq!(ink.draw("3", name("a"), line(1)), Ok(()));
        for _ in 0..STROKES_ON_A_STEP {
            ink.draw("4", None, line(1)).unwrap();
        }
        assert_eq!(ink.draw("4", None, line(1)), Err(Full));
    }

    #[test]
    fn a_talk_full_of_ink_takes_no_more_until_some_is_wiped() {
        let mut ink = Ink::default();
        for step in 0..POINTS_IN_ALL / POINTS_ON_A_STEP {
            for stroke in 0..POINTS_ON_A_STEP / POINTS_IN_A_STROKE {
                let drawn = ink.draw(
                    &step.to_string(),
                    name(&stroke.to_string()),
                    line(POINTS_IN_A_STROKE),
                );
                assert_eq!(drawn, Ok(()));
            }
        }
        assert_eq!(ink.draw("last", name("a"), line(1)), Err(Full));
        ink.wipe(Some("0"));
        assert_eq!(ink.draw("last", name("a"), line(1)), Ok(()));
    }

    #[test]
    fn undo_takes_the_last_stroke_and_wiping_all_of_them() {
        let mut ink = Ink::default();
        ink.draw("2", name("a"), line(2)).unwrap();
        ink.draw("2", name("b"), line(3)).unwrap();
        assert!(ink.undo("2"));
        assert_eq!(ink.strokes("2").len(), 1);
        assert!(ink.undo("2") && !ink.undo("2"));
        ink.draw("3", None, line(1)).unwrap();
        ink.draw("4", None, line(1)).unwrap();
        assert_eq!(ink.wipe(Some("3")), ["3"]);
        assert_eq!(ink.wipe(None), ["4"]);
        assert_eq!(ink.wipe(None), [""; 0]);
    }
}
