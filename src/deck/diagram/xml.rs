//! The renderer's SVG as a list of tokens: tags with their attributes, and text.
//!
//! Not an XML parser, only as much as the renderer's well-formed output needs. Comments, processing instructions and
//! CDATA carry nothing a page wants and are dropped. Attribute values stay escaped as they came.

/// A piece of SVG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open {
        tag: &'a str,
        attributes: Vec<(&'a str, &'a str)>,
        empty: bool,
    },
    Close(&'a str),
    Text(&'a str),
}

/// Cuts SVG into tokens. A tag that never ends is dropped with all behind it.
pub(super) fn tokens(svg: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = svg;
    while !rest.is_empty() {
        let Some(start) = rest.find('<') else {
            found.push(Token::Text(rest));
            break;
        };
        if start > 0 {
            found.push(Token::Text(&rest[..start]));
        }
        rest = &rest[start..];
        let end = match rest {
            _ if rest.starts_with("<!--") => rest.find("-->").map(|at| at + 3),
            _ if rest.starts_with("<![CDATA[") => rest.find("]]>").map(|at| at + 3),
            _ => tag_end(rest),
        };
        let Some(end) = end else { break };
        if let Some(token) = tag(&rest[1..end - 1]) {
            found.push(token);
        }
        rest = &rest[end..];
    }
    found
}

/// One past the `>` that ends the tag at the start of `text`; quoted values may contain it.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'>') => return Some(index + 1),
            _ => {}
        }
    }
    None
}

fn tag(inside: &str) -> Option<Token<'_>> {
    if inside.starts_with(['!', '?']) {
        return None;
    }
    if let Some(name) = inside.strip_prefix('/') {
        return Some(Token::Close(name.trim()));
    }
    let (inside, empty) = inside
        .strip_suffix('/')
        .map_or((inside, false), |inside| (inside, true));
    let name_end = inside.find(char::is_whitespace).unwrap_or(inside.len());
    Some(Token::Open {
        tag: &inside[..name_end],
        attributes: attributes(&inside[name_end..]),
        empty,
    })
}

fn attributes(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            break;
        };
        let Some((value, next)) = after[1..].split_once(quote) else {
            break;
        };
        found.push((name.trim(), value));
        rest = next.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_text_come_apart() {
        let found = tokens("<g a=\"1>2\" b='x'>t<!-- no --><path d=\"M0\"/></g>");
        assert_eq!(
            found,
            [
                Token::Open {
                    tag: "g",
                    attributes: vec![("a", "1>2"), ("b", "x")],
                    empty: false
                },
                Token::Text("t"),
                Token::Open {
                    tag: "path",
                    attributes: vec![("d", "M0")],
                    empty: true
                },
                Token::Close("g"),
            ]
        );
    }

    #[test]
    fn a_tag_without_end_is_dropped() {
        assert_eq!(tokens("a<g x=\"1"), [Token::Text("a")]);
    }
}
