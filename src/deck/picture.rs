//! Pictures: behind the slide (`background:`, `image:`, Marp's `![bg]`) and sized in the text (`![w:300]`).
//!
//! The page's policy allows no style attribute, so what a picture wants is said in classes and data attributes that
//! the stylesheet and the page's script know.

use super::escape::escape;
use super::sanitise::image_address;

/// A picture behind a slide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// Its address in the talk.
    pub src: String,
    /// Where it is.
    pub side: Side,
    /// Percent of the slide's width a picture at a side takes.
    pub split: Option<u8>,
    /// How it fills its place: `cover` or `contain`.
    pub fit: &'static str,
}

/// Where a background is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Behind all of the slide.
    Whole,
    /// The left part; the text keeps to the right.
    Left,
    /// The right part.
    Right,
}

impl Background {
    /// A picture behind all of the slide. `None` for an address that is none.
    pub(crate) fn new(path: &str) -> Option<Self> {
        let path = path.trim();
        let path = path
            .strip_prefix("url(")
            .and_then(|rest| rest.strip_suffix(')'))
            .unwrap_or(path);
        let path = path.trim_matches(['"', '\'']);
        let src = image_address(path)?;
        Some(Self {
            src,
            side: Side::Whole,
            split: None,
            fit: "cover",
        })
    }

    /// The element for the page.
    #[must_use]
    pub fn html(&self) -> String {
        let side = match self.side {
            Side::Whole => "",
            Side::Left => " left",
            Side::Right => " right",
        };
        let split = self
            .split
            .map_or(String::new(), |split| format!(" data-split=\"{split}\""));
        let (src, fit) = (escape(&self.src), self.fit);
        format!("<img class=\"background{side}\" src=\"{src}\" alt=\"\" data-fit=\"{fit}\"{split}>")
    }
}

/// Said of pictures that the page's policy keeps out: a talk must not depend on the hall's network.
pub(crate) const ELSEWHERE: &str =
    "pictures from other sites are not loaded; copy them into the deck's folder";

/// Whether an address leads to another site.
pub(crate) fn is_elsewhere(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

/// What Marp's words in an image's description ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Picture {
    /// An image like any other.
    Plain,
    /// Behind the slide.
    Behind(Option<Background>),
    /// In the text, `(width, height)` as HTML has them, with the rest of the description.
    Sized(String, String, String),
}

/// Reads an image's description and address.
pub(crate) fn read(alt: &str, address: &str) -> Picture {
    let words: Vec<&str> = alt.split_whitespace().collect();
    if words.contains(&"bg") {
        let background = Background::new(address).map(|background| shaped(background, &words));
        return Picture::Behind(background);
    }
    let (mut width, mut height, mut rest) = (String::new(), String::new(), Vec::new());
    for word in words {
        match word.split_once(':') {
            Some(("w" | "width", size)) if is_size(size) => width = without_unit(size),
            Some(("h" | "height", size)) if is_size(size) => height = without_unit(size),
            _ => rest.push(word),
        }
    }
    if width.is_empty() && height.is_empty() {
        return Picture::Plain;
    }
    Picture::Sized(width, height, rest.join(" "))
}

fn shaped(mut background: Background, words: &[&str]) -> Background {
    for word in words {
        let (word, split) = word.split_once(':').unwrap_or((word, ""));
        match word {
            "left" => background.side = Side::Left,
            "right" => background.side = Side::Right,
            "fit" | "contain" | "auto" => background.fit = "contain",
            _ => continue,
        }
        let percent = split
            .strip_suffix('%')
            .and_then(|number| number.parse().ok());
        background.split = background
            .split
            .or(percent.filter(|percent| (5..=95).contains(percent)));
    }
    background
}

fn is_size(size: &str) -> bool {
    let number = size
        .strip_suffix("px")
        .or_else(|| size.strip_suffix('%'))
        .unwrap_or(size);
    !number.is_empty() && number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_unit(size: &str) -> String {
    size.trim_end_matches("px").to_owned()
}

/// The HTML of a picture with a size.
pub(crate) fn sized(address: &str, width: &str, height: &str, alt: &str) -> String {
    let attribute = |name: &str, value: &str| {
        if value.is_empty() {
            String::new()
        } else {
            format!(" {name}=\"{value}\"")
        }
    };
    let (width, height) = (attribute("width", width), attribute("height", height));
    format!(
        "<img src=\"{}\" alt=\"{}\"{width}{height}>",
        escape(address),
        escape(alt)
    )
}

/// Whether a text is a CSS colour that may stand in an attribute: a name, `#rgb`, `rgb(…)`, `hsl(…)`, `oklch(…)`.
pub(crate) fn is_color(text: &str) -> bool {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix('#') {
        return matches!(hex.len(), 3 | 4 | 6 | 8)
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    if let Some((function, rest)) = text.split_once('(') {
        let known = matches!(
            function,
            "rgb" | "rgba" | "hsl" | "hsla" | "hwb" | "lab" | "lch" | "oklab" | "oklch"
        );
        let values = rest.strip_suffix(')');
        let plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | ',' | '.' | '%' | '/' | '-');
        return known && values.is_some_and(|values| values.chars().all(plain));
    }
    (3..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(alt: &str, expected: &str) {
        let found = match read(alt, "a.png") {
            Picture::Plain => "plain".to_owned(),
            Picture::Behind(background) => {
                background.map_or("none".to_owned(), |background| background.html())
            }
            Picture::Sized(width, height, alt) => sized("a.png", &width, &height, &alt),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn marps_words_shape_a_picture() {
        check("a bridge", "plain");
        check("note: a bridge", "plain");
        check(
            "bg",
            "<img class=\"background\" src=\"/deck/a.png\" alt=\"\" data-fit=\"cover\">",
        );
        check(
            "bg right:40% fit",
            "<img class=\"background right\" src=\"/deck/a.png\" alt=\"\" data-fit=\"contain\" data-split=\"40\">",
        );
        check(
            "w:300px h:200 a bridge",
            "<img src=\"a.png\" alt=\"a bridge\" width=\"300\" height=\"200\">",
        );
        check("width:50%", "<img src=\"a.png\" alt=\"\" width=\"50%\">");
        check("w:1\"x", "plain");
    }

    #[test]
    fn a_background_is_an_image_and_nothing_that_runs() {
        assert_eq!(
            Background::new("url('x y.png')")
                .map(|found| found.src)
                .as_deref(),
            Some("/deck/x y.png")
        );
        assert_eq!(Background::new("javascript:alert(1)"), None);
        assert_eq!(Background::new(""), None);
    }

    #[test]
    fn colours_are_told_from_paths() {
        for color in [
            "#fff",
            "#12ab34",
            "rebeccapurple",
            "rgb(0 10 20 / 50%)",
            "oklch(0.7 0.1 60)",
        ] {
            assert!(is_color(color), "{color}");
        }
        for other in [
            "",
            "#ggg",
            "a.png",
            "url(x)",
            "expression(1)",
            "rgb(1;2)",
            "red;",
        ] {
            assert!(!is_color(other), "{other}");
        }
    }
}
