//! The speaker's notes: comments joined, and a `Note:` at a slide's end as reveal.js has it.
//!
//! `[click]` in a note marks where the speaker is after the next click, `[click:3]` after three more, as in Slidev.

use super::fragment::MOST_CLICKS;
use super::markup::{Piece, pieces};
use super::parse::Scan;

/// Cuts a `Note:` tail off: the line of the note's start, counted from 0, if there is one. A `Note:` is a tail when it
/// stands alone on its line, or opens the last paragraph; in the middle of a slide it is just a word.
pub(crate) fn tail(text: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut scan = Scan::default();
    let mut after_blank = true;
    for (index, line) in lines.iter().enumerate() {
        let opens = scan.plain()
            && after_blank
            && (line.starts_with("Note:") || line.starts_with("Notes:"));
        if opens {
            let alone = line.trim_end().ends_with(':') && line.split_whitespace().count() == 1;
            let mut below = lines[index..]
                .iter()
                .skip_while(|line| !line.trim().is_empty());
            if alone || below.all(|line| line.trim().is_empty()) {
                return Some(index);
            }
        }
        after_blank = line.trim().is_empty();
        scan.take(line);
    }
    None
}

/// A note without its `Note:`.
pub(crate) fn without_label(note: &str) -> &str {
    let rest = note
        .strip_prefix("Notes:")
        .or_else(|| note.strip_prefix("Note:"));
    rest.unwrap_or(note).trim()
}

/// Marks in sanitised notes where each click falls. Only text is looked at, never a tag.
pub(crate) fn mark_clicks(html: &str) -> String {
    let mut click = 0_usize;
    pieces(html)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => marked(text, &mut click),
            Piece::Tag(tag) => tag.source.to_owned(),
        })
        .collect()
}

fn marked(text: &str, click: &mut usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[click") {
        let found = after.split_once(']').and_then(|(inner, after)| {
            let more = match inner.strip_prefix(':') {
                Some(number) => number.trim().parse().ok()?,
                None if inner.is_empty() => 1,
                None => return None,
            };
            Some((more, after))
        });
        out.push_str(before);
        match found {
            Some((more, after)) => {
                *click = click.saturating_add(more).min(MOST_CLICKS);
                out.push_str(&format!(
                    "<span class=\"click-mark\" data-click=\"{click}\"></span>"
                ));
                rest = after;
            }
            None => {
                out.push_str("[click");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(tail(text), expected, "{text}");
    }

    #[test]
    fn a_note_tail_is_told_from_a_word() {
        check("# A\n\nNote:\nbreathe\n\n- and wait\n", Some(2));
        check("# A\n\nNote: breathe\nand wait\n", Some(2));
        check("# A\n\nNote: this is for all\n\nmore\n", None);
        check("# A\n\n```\n\nNote:\n```\n", None);
        check("text\nNote: x\n", None);
        assert_eq!(without_label("Note: breathe"), "breathe");
    }

    #[test]
    fn clicks_are_marked_in_text_only() {
        assert_eq!(
            mark_clicks("<p title=\"[click]\">a [click] b [click:2] c [click here]</p>"),
            "<p title=\"[click]\">a <span class=\"click-mark\" data-click=\"1\"></span> b \
             <span class=\"click-mark\" data-click=\"3\"></span> c [click here]</p>"
        );
    }
}
