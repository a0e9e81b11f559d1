//! Everything in one file: stylesheets, fonts and pictures as part of the page, for an export that opens by double click.

use super::assets::{self, Static};
use crate::deck::Deck;
use std::borrow::Cow;
use std::fs;
use std::path::{Component, Path};

/// The page whose look an exported slide must have. Its list of stylesheets is the one list there is.
const DECK_PAGE: &str = include_str!("../../templates/deck.html");

/// Paths below `/static/` of the stylesheets for slides that stand still: those that the deck's page wears, in order,
/// and what a recorded run is drawn with.
pub(super) fn stylesheets() -> Vec<&'static str> {
    let links = DECK_PAGE.split("<link rel=\"stylesheet\" href=\"/static/");
    let paths = links.skip(1).filter_map(|link| link.split('"').next());
    paths.chain(["css/frozen.css"]).collect()
}

/// These stylesheets as one, with what they refer to inside them. An `@import` is left out: the only one is for the
/// live graphs, which an export has not.
pub(super) fn stylesheet(paths: &[&str]) -> String {
    let mut whole = String::new();
    for path in paths {
        let text = text(path);
        let lines = text.lines().filter(|line| !line.starts_with("@import"));
        for line in lines {
            whole.push_str(&with_data_urls(line));
            whole.push('\n');
        }
    }
    whole
}

/// A script or stylesheet of ours as text; empty when there is none.
pub(super) fn text(path: &str) -> String {
    Static::get(path)
        .map(|file| String::from_utf8_lossy(&file.data).into_owned())
        .unwrap_or_default()
}

/// The `sha256-…` by which a content policy lets exactly this script run.
pub(super) fn policy_hash(path: &str) -> String {
    let hash = Static::get(path).map(|file| file.metadata.sha256_hash());
    format!("sha256-{}", base64(&hash.unwrap_or_default()))
}

fn with_data_urls(line: &str) -> Cow<'_, str> {
    let Some((before, rest)) = line.split_once("url(\"/static/") else {
        return line.into();
    };
    let Some((path, after)) = rest.split_once('"') else {
        return line.into();
    };
    let url = Static::get(path).map(|file| data_url(assets::content_type(path), &file.data));
    format!("{before}url(\"{}\"{after}", url.unwrap_or_default()).into()
}

fn data_url(kind: &str, content: &[u8]) -> String {
    format!("data:{kind};base64,{}", base64(content))
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit > chunk.len() {
                text.push('=');
            } else {
                let index = bits >> (18 - 6 * digit) & 63;
                text.push(char::from(DIGITS[usize::try_from(index).unwrap_or(0)]));
            }
        }
    }
    text
}

/// What a page that stands alone may refer to: its own slides and the deck's pictures.
pub(super) struct Alone<'a> {
    /// The slides that are in it.
    pub(super) deck: &'a Deck,
    /// Where the deck's pictures are.
    pub(super) folder: Option<&'a Path>,
}

impl Alone<'_> {
    /// Turns links between slides into links within the file, takes pictures in, and leaves of a link to a page of the
    /// server the words alone. Links to the web stay.
    pub(super) fn page(&self, html: &str) -> String {
        let mut out = String::with_capacity(html.len());
        let mut rest = html;
        let mut unlinked = false;
        while let Some(start) = rest.find('<') {
            out.push_str(&rest[..start]);
            let tag_end = rest[start..]
                .find('>')
                .map_or(rest.len(), |end| start + end + 1);
            let tag = &rest[start..tag_end];
            if tag.starts_with("<a ") {
                let link = self.link(tag);
                unlinked = link.is_none();
                out.push_str(&link.unwrap_or("<span class=\"unlinked\">".into()));
            } else if tag == "</a>" && std::mem::take(&mut unlinked) {
                out.push_str("</span>");
            } else if tag.starts_with("<img ") {
                out.push_str(&self.picture(tag));
            } else {
                out.push_str(tag);
            }
            rest = &rest[tag_end..];
        }
        out.push_str(rest);
        out
    }

    /// The tag to write; `None` when there is nothing to lead to.
    fn link<'t>(&self, tag: &'t str) -> Option<Cow<'t, str>> {
        let href = attribute(tag, "href").unwrap_or_default();
        let Some(path) = href.strip_prefix('/') else {
            return Some(tag.into());
        };
        let address = path.split(['?', '#']).next().unwrap_or(path);
        let label = &self.deck.find(address)?.label;
        Some(
            tag.replace(&format!("href=\"{href}\""), &format!("href=\"#/{label}\""))
                .into(),
        )
    }

    fn picture<'t>(&self, tag: &'t str) -> Cow<'t, str> {
        let src = attribute(tag, "src").unwrap_or_default();
        if src.starts_with("data:") {
            return tag.into();
        }
        match self.content(src) {
            Some(content) => {
                let url = data_url(assets::content_type(src), &content);
                tag.replace(&format!("src=\"{src}\""), &format!("src=\"{url}\""))
                    .into()
            }
            None => format!(
                "<span class=\"problem\">The picture {src} is not part of this file.</span>"
            )
            .into(),
        }
    }

    /// A picture's bytes: ours, or from the deck's folder and nowhere else.
    fn content(&self, src: &str) -> Option<Vec<u8>> {
        if let Some(ours) = src.strip_prefix("/static/") {
            return Some(Static::get(ours)?.data.into_owned());
        }
        let path = Path::new(src.strip_prefix("/deck/")?);
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !plain || !assets::content_type(src).starts_with("image/") {
            return None;
        }
        let folder = fs::canonicalize(self.folder?).ok()?;
        let file = fs::canonicalize(folder.join(path)).ok()?;
        (file.starts_with(folder) && file.is_file())
            .then(|| fs::read(file).ok())
            .flatten()
    }
}

/// An attribute's value, as the sanitiser writes it: in double quotes.
pub(super) fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deck;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_stylesheets_are_those_of_the_deck_and_carry_their_fonts() {
        let paths = stylesheets();
        assert_eq!(paths.first(), Some(&"css/tokens.css"));
        assert!(paths.contains(&"css/deck.css"), "{paths:?}");
        let css = stylesheet(&paths);
        assert!(css.contains("url(\"data:font/woff2;base64,"));
        assert!(!css.contains("/static/") && !css.contains("@import"));
    }

    #[track_caller]
    fn check(html: &str, expected: &str) {
        let deck = deck::embedded();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("dot.png"), b"foo").unwrap();
        let alone = Alone {
            deck: &deck,
            folder: Some(folder.path()),
        };
        assert_eq!(alone.page(html), expected);
    }

    #[test]
    fn links_lead_within_the_file_to_the_web_or_nowhere() {
        check("<a href=\"/9\">x</a>", "<a href=\"#/9.1\">x</a>");
        check(
            "<a rel=\"next\" href=\"/9.2\">x</a>",
            "<a rel=\"next\" href=\"#/9.2\">x</a>",
        );
        check(
            "<a href=\"https://keda.sh\">x</a>",
            "<a href=\"https://keda.sh\">x</a>",
        );
        check(
            "<a target=\"_blank\" href=\"/docs/a.md\">the <b>docs</b></a> <a href=\"/1\">y</a>",
            "<span class=\"unlinked\">the <b>docs</b></span> <a href=\"#/1\">y</a>",
        );
    }

    #[test]
    fn pictures_are_taken_in_from_the_decks_folder_and_from_nowhere_else() {
        check(
            "<img alt=\"a\" src=\"/deck/dot.png\">",
            "<img alt=\"a\" src=\"data:image/png;base64,Zm9v\">",
        );
        for src in [
            "/deck/../secret.png",
            "https://example.com/x.png",
            "/deck/gone.png",
            "/etc/passwd",
        ] {
            check(
                &format!("<img src=\"{src}\">"),
                &format!(
                    "<span class=\"problem\">The picture {src} is not part of this file.</span>"
                ),
            );
        }
    }
}
