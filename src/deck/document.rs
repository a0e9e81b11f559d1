//! A Markdown document that is not a slide: the pages that slides link to. The same pipeline as a slide's, and headings
//! that can be linked to.

use super::include::Expanded;
use super::render::{self, Setting};

/// Renders a document; `file` is for messages. Headings get ids as code hosts make them: lower case, words joined by
/// dashes.
#[must_use]
pub fn document(file: &str, text: &str) -> String {
    let mut problems = Vec::new();
    let body = Expanded {
        text: text.to_owned(),
        lines: (1..=text.lines().count()).collect(),
    };
    let setting = Setting {
        file,
        id: "doc",
        ..Setting::default()
    };
    let rendered = render::render(setting, &body, &mut problems);
    with_heading_ids(&rendered.html)
}

/// Code as a page of its own.
#[must_use]
pub fn code(language: &str, text: &str) -> String {
    render::code(language, text)
}

fn with_heading_ids(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((start, level)) = next_heading(rest) {
        let open = start + "<h1>".len();
        let close = format!("</h{level}>");
        let end = rest[open..]
            .find(&close)
            .map_or(rest.len(), |end| open + end);
        let id = slug(&rest[open..end]);
        out.push_str(&rest[..start]);
        out.push_str(&format!("<h{level} id=\"{id}\">"));
        rest = &rest[open..];
    }
    out.push_str(rest);
    out
}

/// Where the next `<h1>` … `<h6>` without attributes begins, and its level.
fn next_heading(html: &str) -> Option<(usize, char)> {
    html.match_indices("<h").find_map(|(at, _)| {
        let mut after = html[at + 2..].chars();
        let level = after.next().filter(|level| matches!(level, '1'..='6'))?;
        (after.next() == Some('>')).then_some((at, level))
    })
}

/// `The redis <code>queue</code>` → `the-redis-queue`
fn slug(html: &str) -> String {
    let mut slug = String::new();
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if in_tag => {}
            ' ' => slug.push('-'),
            _ if c.is_alphanumeric() || c == '-' || c == '_' => slug.extend(c.to_lowercase()),
            _ => {}
        }
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_can_be_linked_to() {
        let html = document("x.md", "# One\n\n## Redis `queue`, autoscaling\n\ntext\n");
        assert!(html.contains("<h1 id=\"one\">One</h1>"), "{html}");
        assert!(
            html.contains("<h2 id=\"redis-queue-autoscaling\">"),
            "{html}"
        );
    }

    #[test]
    fn a_document_is_sanitised_as_a_slide_is() {
        assert!(!document("x.md", "<script>alert(1)</script>").contains("<script"));
    }
}
