//! Formulas: TeX between dollars to MathML, on the server, so that the page needs no script and no font for it.
//!
//! The renderer's output is written again tag by tag from a list of what MathML has, because it goes into the page
//! behind the sanitiser and because the page's policy refuses the style attributes it would like to set.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser, Storage, push_mathml};

use super::markup::{Piece, Tag, pieces};

const ELEMENTS: [&str; 23] = [
    "math",
    "menclose",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtext",
    "munder",
];
const MORE_ELEMENTS: [&str; 3] = ["munderover", "mtd", "mtr"];

const ATTRIBUTES: [&str; 20] = [
    "accent",
    "accentunder",
    "columnalign",
    "columnspan",
    "depth",
    "display",
    "displaystyle",
    "fence",
    "form",
    "height",
    "largeop",
    "linethickness",
    "lspace",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "rspace",
    "stretchy",
    "width",
];

/// A formula on its own line or in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Inline,
    Block,
}

/// Renders a formula. The error says what the parser did not like.
pub(crate) fn render(tex: &str, place: Place) -> Result<String, String> {
    let tex = without_steps(tex);
    // The parser is fed with what authors type; a fault in it must cost one formula, not the talk.
    let mathml = catch_unwind(AssertUnwindSafe(|| mathml(tex, place)));
    let mathml =
        mathml.unwrap_or_else(|_| Err("the formula renderer failed on this".to_owned()))?;
    let html: String = pieces(&mathml).iter().map(known).collect();
    Ok(spaces_outside(&html))
}

fn mathml(tex: &str, place: Place) -> Result<String, String> {
    let storage = Storage::new();
    let mut events = Vec::new();
    for event in Parser::new(tex, &storage) {
        events.push(event.map_err(|error| reason(&error.to_string()))?);
    }
    let config = RenderConfig {
        display_mode: match place {
            Place::Inline => DisplayMode::Inline,
            Place::Block => DisplayMode::Block,
        },
        ..RenderConfig::default()
    };
    let mut html = String::new();
    let events = events.into_iter().map(Ok::<_, std::fmt::Error>);
    push_mathml(&mut html, events, config).map_err(|error| error.to_string())?;
    Ok(html)
}

/// The parser's message without its drawing of the context.
fn reason(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or("it is not TeX").trim();
    line.trim_start_matches("error: ")
        .trim_end_matches(':')
        .to_owned()
}

/// Slidev steps through a formula's lines with `{1|3|all}` after the dollars; the formula is shown whole.
fn without_steps(tex: &str) -> &str {
    let trimmed = tex.trim_start();
    let after = trimmed
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'));
    match after {
        Some((steps, rest))
            if rest.starts_with('\n') && steps.chars().all(|c| "0123456789,-|al*".contains(c)) =>
        {
            rest
        }
        _ => tex,
    }
}

/// Puts the thin space before a function such as `log` in front of the function's scripts: the renderer writes it
/// inside, as a child too many, and browsers then draw the whole as an error.
fn spaces_outside(html: &str) -> String {
    const SPACE: &str = "<mspace width=\"0.1667em\"/>";
    ["msub", "msup", "msubsup", "munder", "mover", "munderover"]
        .iter()
        .fold(html.to_owned(), |html, name| {
            html.replace(&format!("<{name}>{SPACE}"), &format!("{SPACE}<{name}>"))
        })
}

fn known(piece: &Piece<'_>) -> String {
    match piece {
        Piece::Text(text) => text.replace('<', "&lt;").replace('>', "&gt;"),
        Piece::Tag(tag) => known_tag(tag).unwrap_or_default(),
    }
}

fn known_tag(tag: &Tag<'_>) -> Option<String> {
    let name = ELEMENTS
        .iter()
        .chain(&MORE_ELEMENTS)
        .find(|name| **name == tag.name)?;
    if tag.closing {
        return Some(format!("</{name}>"));
    }
    let mut out = format!("<{name}");
    for (key, value) in &tag.attributes {
        let value = value.unwrap_or_default();
        let plain = !value.contains(['<', '>', '"', '&']);
        if let Some(key) = ATTRIBUTES.iter().find(|known| *known == key && plain) {
            out.push_str(&format!(" {key}=\"{value}\""));
        }
    }
    out.push_str(if tag.closes_itself() { "/>" } else { ">" });
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(tex: &str, expected: &[&str]) {
        let html = render(tex, Place::Inline).expect("a formula");
        for part in expected {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(
            html.starts_with("<math") && !html.contains("style="),
            "{html}"
        );
    }

    #[test]
    fn formulas_become_mathml() {
        check(r"\frac{a}{b^2}", &["<mfrac>", "<msup>"]);
        check(r"\sqrt{x} \le \sum_{i=0}^n i", &["<msqrt>", "≤", "∑"]);
        check(r"\color{red} x \quad \text{a < b}", &["a", "&lt;"]);
        check(
            r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}",
            &["<mtable", "<mtr>"],
        );
        check(r"2 \log_{10} x", &["/><msub><mi>log</mi>"]);
        check("\n{1|all}\nx", &["<mi>x</mi>"]);
    }

    #[test]
    fn a_formula_that_is_not_one_is_an_error_and_markup_does_not_pass() {
        assert!(render(r"\frac{a", Place::Inline).is_err());
        assert!(render(r"\nonsense{a}", Place::Inline).is_err());
        let html = render(r"\text{<script>alert(1)</script>}", Place::Block).unwrap_or_default();
        assert!(!html.contains("<script"), "{html}");
    }

    proptest! {
        #[test]
        fn no_formula_breaks_the_renderer(tex in r"([a-c{}^_\\& 0-9<>]|\\frac|\\left\(|\\text\{|\\begin\{cases\}){0,24}") {
            let html = render(&tex, Place::Inline).unwrap_or_default();
            prop_assert!(!html.contains("<a") && !html.contains("style="));
        }
    }
}
