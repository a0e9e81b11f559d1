//! Headings: one title a slide, and no level left out, which is how people who listen to a slide find their way in it.

use pulldown_cmark::{Event, HeadingLevel, Tag};

use super::Part;
use crate::deck::{Problem, Severity};

pub(super) fn check(part: &Part<'_>, problems: &mut Vec<Problem>) {
    let mut before: Option<HeadingLevel> = None;
    let mut titles = 0;
    for (event, range) in Part::events(part.body.text) {
        let Event::Start(Tag::Heading { level, .. }) = event else {
            continue;
        };
        let mut report = |message: String| {
            problems.push(part.at(range.start, Severity::Warning, message));
        };
        if level == HeadingLevel::H1 {
            titles += 1;
            if titles == 2 {
                report(
                    "a second title: a slide has one #; begin a new slide with ---, or use ##"
                        .to_owned(),
                );
            }
        }
        if let Some(before) = before
            && level as usize > before as usize + 1
        {
            report(format!(
                "a heading of level {} right below one of level {}: no level should be left out",
                level as usize, before as usize
            ));
        }
        before = Some(level);
    }
}
