//! HTML comments that say something to a tool and not to the speaker.
//!
//! Marp's `<!-- paginate: true -->` holds from its slide on, `<!-- _class: lead -->` for its slide alone; `<!-- pause
//! -->` reveals what follows; a comment that is none of these is a note.

use serde_json::{Map, Value};

/// What a comment is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Comment<'a> {
    /// The speaker's.
    Note(&'a str),
    /// What follows is revealed by one click.
    Pause,
    /// Settings for this slide, or from it on.
    Directives(Map<String, Value>),
    /// For a tool whose doing is not ours: its name.
    Foreign(&'static str),
    /// Means nothing here and nobody misses it.
    Nothing,
}

/// The keys that make a comment a directive, without their leading `_` or `$`.
const KEYS: [&str; 25] = [
    "author",
    "backgroundColor",
    "backgroundImage",
    "backgroundPosition",
    "backgroundRepeat",
    "backgroundSize",
    "class",
    "color",
    "description",
    "footer",
    "header",
    "headingDivider",
    "image",
    "keywords",
    "lang",
    "layout",
    "marp",
    "math",
    "paginate",
    "size",
    "style",
    "theme",
    "title",
    "transition",
    "url",
];

/// Comments of linters and formatters, by how they start.
const TOOLING: [&str; 5] = ["prettier-", "markdownlint-", "eslint-", "cspell", "vale "];

/// Tells what a comment's text is.
pub(crate) fn read(comment: &str) -> Comment<'_> {
    let text = comment.trim();
    if text.is_empty() || TOOLING.iter().any(|tool| text.starts_with(tool)) {
        return Comment::Nothing;
    }
    match text {
        "pause" => return Comment::Pause,
        // Marp grows a heading to the slide's width; ours are sized by the layout.
        "fit" => return Comment::Nothing,
        _ => {}
    }
    if let Some(note) = text.strip_prefix("speaker_note:") {
        return Comment::Note(note.trim());
    }
    if text.starts_with(".slide:") || text.starts_with(".element:") {
        return Comment::Foreign("reveal.js attributes");
    }
    directives(text).map_or(Comment::Note(text), Comment::Directives)
}

fn directives(text: &str) -> Option<Map<String, Value>> {
    let (first, _) = text.split_once(':')?;
    if !is_directive(first.trim()) {
        return None;
    }
    let keys: Map<String, Value> = serde_saphyr::from_str(text).ok()?;
    keys.keys().all(|key| is_directive(key)).then_some(keys)
}

fn is_directive(key: &str) -> bool {
    KEYS.contains(&key.trim_start_matches(['_', '$']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comment: &str, expected: &Comment<'_>) {
        assert_eq!(read(comment), *expected);
    }

    #[test]
    fn comments_are_told_apart() {
        check(" Say hello: loudly. ", &Comment::Note("Say hello: loudly."));
        check("speaker_note: breathe", &Comment::Note("breathe"));
        check(
            "class: I teach this to a class\nof twenty",
            &Comment::Note("class: I teach this to a class\nof twenty"),
        );
        check(" pause ", &Comment::Pause);
        check(" fit ", &Comment::Nothing);
        check("prettier-ignore", &Comment::Nothing);
        check(
            ".slide: data-background=\"#f00\"",
            &Comment::Foreign("reveal.js attributes"),
        );
        let keys = [
            ("_class".to_owned(), "lead".into()),
            ("paginate".to_owned(), false.into()),
        ];
        check(
            "\n_class: lead\npaginate: false\n",
            &Comment::Directives(keys.into_iter().collect()),
        );
    }
}
