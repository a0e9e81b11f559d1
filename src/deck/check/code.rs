//! Fenced blocks and slot markers: words that mean nothing to Podium are probably misspelt.

use pulldown_cmark::{CodeBlockKind, Event, Tag};

use super::Part;
use crate::deck::highlight;
use crate::deck::parse::Scan;
use crate::deck::{Problem, Severity};

/// Words that say "no language".
const PLAIN: [&str; 6] = ["text", "txt", "plain", "plaintext", "output", "ascii"];

/// What a fence can be besides code.
const DIRECTIVES: [&str; 3] = ["mermaid", "chart", "controls"];

/// Lines that begin a named place of a layout.
const SLOTS: [&str; 4] = ["default", "left", "right", "bottom"];

pub(super) fn check(part: &Part<'_>, problems: &mut Vec<Problem>) {
    for (event, range) in Part::events(part.body.text) {
        if let Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) = event
            && let Some(message) = unknown_fence(&info)
        {
            problems.push(part.at(range.start, Severity::Warning, message));
        }
    }
    let mut offset = 0;
    let mut state = Scan::default();
    for line in part.body.text.split_inclusive('\n') {
        if state.plain()
            && let Some(name) = slot(line)
            && !SLOTS.contains(&name)
        {
            let known = SLOTS.map(|slot| format!("::{slot}::")).join(", ");
            let message = format!("no place is called ::{name}::; there are {known}");
            problems.push(part.at(offset, Severity::Warning, message));
        }
        state.take(line.trim_end());
        offset += line.len();
    }
}

fn slot(line: &str) -> Option<&str> {
    let name = line.trim().strip_prefix("::")?.strip_suffix("::")?;
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
    plain.then_some(name)
}

fn unknown_fence(info: &str) -> Option<String> {
    let word = info
        .split([' ', '\t', ',', '{', '['])
        .next()
        .unwrap_or_default();
    let known = word.is_empty()
        || PLAIN.contains(&word)
        || DIRECTIVES.contains(&word)
        || highlight::knows(word);
    if known {
        return None;
    }
    let near = DIRECTIVES
        .into_iter()
        .find(|directive| distance(word, directive) <= 2);
    Some(match near {
        Some(directive) => format!("no directive is called {word:?}; did you mean {directive}?"),
        None => format!(
            "neither a directive ({}) nor a known language: {word:?}; use text for plain text",
            DIRECTIVES.join(", ")
        ),
    })
}

/// How many letters must be added, removed or replaced to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
