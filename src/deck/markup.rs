//! Raw HTML seen as tags and the text between them.
//!
//! Nothing here makes HTML safe: that is the sanitiser's work, afterwards. This only finds the tags that mean
//! something in a deck (`<v-click>`, components of other tools) without being fooled by a `>` in an attribute.

/// A stretch of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Anything that is not a tag, and a tag that never ends.
    Text(&'a str),
    /// A tag.
    Tag(Tag<'a>),
}

/// A tag as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    /// All of it, `<` to `>`.
    pub(crate) source: &'a str,
    /// Its name, as written.
    pub(crate) name: &'a str,
    /// Whether it is `</name>`.
    pub(crate) closing: bool,
    /// Attributes in order; `None` for one without a value.
    pub(crate) attributes: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Tag<'a> {
    /// The value of an attribute: `Some(None)` when it is there without one.
    pub(crate) fn attribute(&self, name: &str) -> Option<Option<&'a str>> {
        let found = self.attributes.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| *value)
    }

    /// Whether it is `<name/>`.
    pub(crate) fn closes_itself(&self) -> bool {
        self.source.ends_with("/>")
    }
}

/// Cuts HTML into tags and text; joined again, the sources are the input.
pub(crate) fn pieces(html: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut text_start = 0;
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|offset| at + offset) {
        let Some(tag) = tag_at(&html[open..]) else {
            at = open + 1;
            continue;
        };
        if text_start < open {
            found.push(Piece::Text(&html[text_start..open]));
        }
        at = open + tag.source.len();
        text_start = at;
        found.push(Piece::Tag(tag));
    }
    if text_start < html.len() {
        found.push(Piece::Text(&html[text_start..]));
    }
    found
}

fn tag_at(html: &str) -> Option<Tag<'_>> {
    let after = html.strip_prefix('<')?;
    let closing = after.starts_with('/');
    let start = 1 + usize::from(closing);
    if !html[start..].starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let name = until(&html[start..], |c| {
        c.is_whitespace() || matches!(c, '/' | '>')
    });
    let mut at = start + name.len();
    let mut attributes = Vec::new();
    loop {
        let rest = &html[at..];
        let skipped = until(rest, |c| !(c.is_whitespace() || c == '/'));
        at += skipped.len();
        let rest = &html[at..];
        if rest.starts_with('>') {
            let source = &html[..=at];
            return Some(Tag {
                source,
                name,
                closing,
                attributes,
            });
        }
        let key = until(rest, |c| c.is_whitespace() || matches!(c, '=' | '/' | '>'));
        if key.is_empty() && !rest.starts_with('=') {
            return None;
        }
        at += key.len();
        let (value, length) = value_at(&html[at..])?;
        at += length;
        attributes.push((key, value));
    }
}

/// The `="value"` at the start, without its quotes, and its length.
fn value_at(html: &str) -> Option<(Option<&str>, usize)> {
    let Some(after) = html.trim_start().strip_prefix('=') else {
        return Some((None, 0));
    };
    let after = after.trim_start();
    let before = html.len() - after.len();
    for quote in ['"', '\''] {
        if let Some(quoted) = after.strip_prefix(quote) {
            let value = &quoted[..quoted.find(quote)?];
            return Some((Some(value), before + value.len() + 2));
        }
    }
    let value = until(after, |c| c.is_whitespace() || c == '>');
    Some((Some(value), before + value.len()))
}

fn until(text: &str, stop: impl Fn(char) -> bool) -> &str {
    &text[..text.find(stop).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_found_with_their_attributes() {
        let found = pieces("a <v-click at=\"2\" hide x='>'>b</v-click> 1 < 2");
        let Piece::Tag(tag) = &found[1] else {
            panic!("{found:?}")
        };
        assert_eq!(tag.name, "v-click");
        assert_eq!(tag.attribute("at"), Some(Some("2")));
        assert_eq!(tag.attribute("hide"), Some(None));
        assert_eq!(tag.attribute("x"), Some(Some(">")));
        assert!(matches!(&found[3], Piece::Tag(tag) if tag.closing));
        assert_eq!(found[4], Piece::Text(" 1 < 2"));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(html in "[<>/a-c=\"' é\n-]{0,60}") {
            let joined: String = pieces(&html).iter().map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Tag(tag) => tag.source,
            }).collect();
            prop_assert_eq!(joined, html);
        }
    }
}
