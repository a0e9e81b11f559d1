//! The last stage of a slide's HTML: harmless, and its links lead to the right place.
//!
//! A deck may come from a stranger, and Markdown lets raw HTML through. ammonia rebuilds the HTML from an allow-list:
//! no scripts, no event handlers, no inline styles (the page's content security policy forbids them anyway), no
//! comments. Links and images pass here whether Markdown or HTML wrote them, so this is also where `slide-08.md`
//! becomes `/8`.

use std::borrow::Cow;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::fragment::is_click;

/// What a slide may say beyond ammonia's own list: live values and the phase strip, as text with a role.
const LIVE_ATTRIBUTES: [&str; 4] = ["data-live", "data-format", "data-phase-strip", "data-block"];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    cleaner
        .add_generic_attributes(["class", "id"])
        .add_generic_attributes(LIVE_ATTRIBUTES)
        .add_generic_attributes(["data-click"])
        .add_tags(["figure", "figcaption", "section", "input"])
        .add_tag_attributes("input", ["type", "checked", "disabled"])
        .add_tag_attributes("ol", ["start"])
        .link_rel(Some("noopener"))
        .url_relative(UrlRelative::PassThrough)
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("a", "href") => Some(link(value)),
            ("img", "src") => Some(image(value)),
            // When it is revealed: a number, whoever wrote it.
            (_, "data-click") => is_click(value).then(|| value.into()),
            // Checkboxes of task lists are all that is wanted of input.
            ("input", "type") => (value == "checkbox").then_some(value.into()),
            _ => Some(value.into()),
        });
    cleaner
});

/// Cleans a slide's HTML. What leads out of the talk opens beside it, so that a click never loses the stage.
pub(crate) fn sanitise(html: &str) -> String {
    let clean = CLEANER.clean(html).to_string();
    // Exact: in clean HTML a literal `<a href="` is only ever a tag; text and attribute values have it escaped.
    clean
        .replace("<a href=\"http", "<a target=\"_blank\" href=\"http")
        .replace("<a href=\"/docs/", "<a target=\"_blank\" href=\"/docs/")
        .replace("<a href=\"/src/", "<a target=\"_blank\" href=\"/src/")
        .replace(
            "<a href=\"/manifests/",
            "<a target=\"_blank\" href=\"/manifests/",
        )
}

/// Where a link of a deck file leads in the talk: `slide-08.md` to `/8`, a relative path to the same path from the
/// repository's root (decks live in a folder below it), anything else where it says.
fn link(href: &str) -> Cow<'_, str> {
    if is_absolute(href) {
        return href.into();
    }
    let path = href.strip_prefix("./").unwrap_or(href);
    if let Some(number) = slide_number(path) {
        return format!("/{number}").into();
    }
    match path.strip_prefix("../") {
        Some(outside) => format!("/{}", outside.trim_start_matches("../")).into(),
        None => format!("/deck/{path}").into(),
    }
}

/// Images of a deck are served below `/deck/`.
fn image(src: &str) -> Cow<'_, str> {
    if is_absolute(src) {
        return src.into();
    }
    let path = src.strip_prefix("./").unwrap_or(src);
    format!("/deck/{}", path.trim_start_matches("../")).into()
}

/// The address of a picture that is not in the text. `None` for what is no address of a picture.
pub(crate) fn image_address(src: &str) -> Option<String> {
    let scheme = src
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    let known = match scheme.as_deref() {
        None | Some("http" | "https") => true,
        Some("data") => src.starts_with("data:image/"),
        Some(_) => false,
    };
    (known && !src.is_empty()).then(|| image(src).into_owned())
}

fn is_absolute(url: &str) -> bool {
    let scheme = url
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|head| head.contains(':'));
    url.is_empty() || url.starts_with(['/', '#', '?']) || scheme
}

fn slide_number(path: &str) -> Option<u32> {
    let name = path.split(['#', '?']).next().unwrap_or(path);
    name.strip_prefix("slide-")?
        .strip_suffix(".md")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_handlers_styles_and_comments_do_not_pass() {
        let html = "<p onclick=\"x()\" style=\"color:red\">a<script>alert(1)</script><!-- secret --></p>\
                    <a href=\"javascript:x()\">b</a><iframe src=\"/\"></iframe><input type=\"text\">";
        let clean = sanitise(html);
        for danger in [
            "onclick",
            "style",
            "script",
            "secret",
            "javascript",
            "iframe",
            "type=\"text\"",
        ] {
            assert!(!clean.contains(danger), "{danger} in {clean}");
        }
    }

    #[test]
    fn links_between_slide_files_become_addresses() {
        assert!(sanitise("<a href=\"slide-08.md\">Back</a>").contains("href=\"/8\""));
        assert!(sanitise("<a href=\"./slide-10.md#x\">Next</a>").contains("href=\"/10\""));
        assert!(sanitise("<a href=\"#here\">x</a>").contains("href=\"#here\""));
    }

    #[test]
    fn links_out_of_the_talk_open_beside_it() {
        let clean = sanitise(
            "<a href=\"https://keda.sh/\">KEDA</a> <a href=\"../docs/architecture.md#a\">notes</a>",
        );
        assert_eq!(clean.matches("target=\"_blank\"").count(), 2, "{clean}");
        assert_eq!(clean.matches("rel=\"noopener\"").count(), 2, "{clean}");
        assert!(
            clean.contains("href=\"/docs/architecture.md#a\""),
            "{clean}"
        );
    }

    #[test]
    fn a_link_written_in_an_attribute_is_not_taken_for_one() {
        let clean = sanitise("<p title='<a href=\"http://x\">'>t</p>");
        assert!(!clean.contains("target"), "{clean}");
    }

    #[test]
    fn a_reveal_is_a_number() {
        assert!(sanitise("<p data-click=\"2\">a</p>").contains("data-click=\"2\""));
        for forged in ["0", "x", "1e3", "-1", "100000", "2\" onclick=\"x"] {
            let clean = sanitise(&format!("<p data-click='{forged}'>a</p>"));
            assert!(!clean.contains("data-click"), "{clean}");
        }
    }

    #[test]
    fn images_are_found_below_the_deck() {
        assert!(sanitise("<img src=\"stage.png\" alt=\"a\">").contains("src=\"/deck/stage.png\""));
        assert!(sanitise("<img src=\"../../etc/passwd\">").contains("src=\"/deck/etc/passwd\""));
        assert!(sanitise("<img src=\"https://x/y.png\">").contains("src=\"https://x/y.png\""));
    }
}
