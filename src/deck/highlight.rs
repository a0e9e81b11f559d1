//! Code to HTML with class names, so that colours live in the stylesheet and follow the theme.
//!
//! The grammars (syntect's and bat's, through two-face) are loaded on first use, once. Long blocks stay plain: a slide
//! has no room for them and highlighting is the slowest thing a deck does.

use std::sync::LazyLock;

use syntect::html::{ClassStyle, ClassedHTMLGenerator};
use syntect::parsing::SyntaxSet;
use syntect::util::LinesWithEndings;

use super::escape::escape;

/// Bytes beyond which code is shown plain.
const LIMIT: usize = 16 * 1024;

/// Every class starts so, apart from those of slides and pages.
const STYLE: ClassStyle = ClassStyle::SpacedPrefixed { prefix: "hl-" };

static GRAMMARS: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// Highlights code. An unknown language, or too much code, comes back escaped and plain.
#[must_use]
pub fn highlight(language: &str, code: &str) -> String {
    if language.is_empty() || code.len() > LIMIT {
        return escape(code);
    }
    let Some(grammar) = GRAMMARS.find_syntax_by_token(alias(language)) else {
        return escape(code);
    };
    let mut generator = ClassedHTMLGenerator::new_with_class_style(grammar, &GRAMMARS, STYLE);
    for line in LinesWithEndings::from(code) {
        if generator
            .parse_html_for_line_which_includes_newline(line)
            .is_err()
        {
            return escape(code);
        }
    }
    generator.finalize()
}

/// Whether there is a grammar of this name.
#[must_use]
pub fn knows(language: &str) -> bool {
    GRAMMARS.find_syntax_by_token(alias(language)).is_some()
}

/// Names people write that the grammars do not know.
fn alias(language: &str) -> &str {
    match language {
        "console" | "shell" | "terminal" => "sh",
        "jsonc" => "json",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_gets_classes_and_stays_escaped() {
        let html = highlight("yaml", "minReplicaCount: 1 # <one>\n");
        assert!(html.contains("class=\"hl-"), "{html}");
        assert!(
            html.contains("&lt;one&gt;") && !html.contains("style="),
            "{html}"
        );
    }

    #[test]
    fn an_unknown_language_and_too_much_code_stay_plain() {
        assert_eq!(highlight("klingon", "a < b"), "a &lt; b");
        assert!(!highlight("rust", &"fn a() {}\n".repeat(4000)).contains("hl-"));
    }
}
