//! What the deck says about itself as a whole, in its first front matter.

use std::time::Duration;

use serde_json::Value;

use super::Severity;
use super::front_matter::{Fault, flag, text, transition};

/// The deck's own settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `title`, where the front matter names one.
    pub title: Option<String>,
    /// `author`, or `authors` joined.
    pub author: Option<String>,
    /// `event`
    pub event: Option<String>,
    /// `location`
    pub location: Option<String>,
    /// `date`, as written.
    pub date: Option<String>,
    /// `description`, or Slidev's `info`.
    pub description: Option<String>,
    /// `keywords`, comma separated.
    pub keywords: Option<String>,
    /// `duration`: the planned length.
    pub duration: Option<Duration>,
    /// `timer: countdown`: the clock shows what is left.
    pub countdown: bool,
    /// `colorSchema`
    pub color_scheme: ColorScheme,
    /// `transition`, for slides that name none.
    pub transition: Option<Transition>,
    /// `lang`, or `htmlAttrs.lang`: a language tag such as `en`.
    pub lang: String,
    /// `drawings`: whether the pen is there; `drawings: false` takes it away.
    pub drawings: bool,
    /// `lineNumbers`: whether code is numbered.
    pub line_numbers: bool,
    /// `marp: true`: Marp's rules where they differ (lists with `*` step, `class` holds for all slides).
    pub marp: bool,
    /// `headingDivider`: headings of these levels start a slide.
    pub(crate) heading_divider: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            title: None,
            author: None,
            event: None,
            location: None,
            date: None,
            description: None,
            keywords: None,
            duration: None,
            countdown: false,
            color_scheme: ColorScheme::default(),
            transition: None,
            lang: "en".to_owned(),
            drawings: true,
            line_numbers: false,
            marp: false,
            heading_divider: Vec::new(),
        }
    }
}

/// The keys read here. `title`, `transition` and `lineNumbers` mean the first slide as well.
const KEYS: [&str; 22] = [
    "author",
    "authors",
    "colorSchema",
    "date",
    "defaults",
    "description",
    "drawings",
    "duration",
    "event",
    "headingDivider",
    "htmlAttrs",
    "info",
    "keywords",
    "lang",
    "lineNumbers",
    "location",
    "marp",
    "timer",
    "title",
    "transition",
    "aspectRatio",
    "size",
];

impl Settings {
    /// Whether a key is one of the deck's.
    pub(crate) fn reads(key: &str) -> bool {
        KEYS.contains(&key)
    }

    /// Takes one key of the first front matter; keys of slides are passed over.
    pub(crate) fn set(&mut self, key: &str, value: &Value) -> Result<(), Fault> {
        match key {
            "title" => self.title = Some(text(key, value)?),
            "author" | "authors" => self.author = Some(names(key, value)?),
            "event" => self.event = Some(text(key, value)?),
            "location" => self.location = Some(text(key, value)?),
            "date" => self.date = Some(text(key, value)?),
            // Slidev's `info` is Markdown of several lines; a description is one.
            "description" | "info" => self.description = description(key, value)?,
            "keywords" => self.keywords = Some(names(key, value)?),
            "duration" => {
                let wrong =
                    || format!("duration must be a length such as 30min or 1h 15min, not {value}");
                self.duration = Some(duration(value).ok_or_else(wrong)?);
            }
            "timer" => self.countdown = value == "countdown",
            "colorSchema" => self.color_scheme = color_scheme(value)?,
            "transition" => self.transition = Some(transition(value)?),
            "lang" => self.lang = language(value)?,
            "htmlAttrs" => {
                if let Some(lang) = value.get("lang") {
                    self.lang = language(lang)?;
                }
            }
            "drawings" => {
                self.drawings = value.get("enabled").unwrap_or(value) != &Value::Bool(false);
            }
            "lineNumbers" => self.line_numbers = flag(key, value)?,
            "marp" => self.marp = flag(key, value)?,
            "headingDivider" => self.heading_divider = levels(value)?,
            "aspectRatio" | "size" if !is_wide(value) => {
                return Err(Fault(Severity::Ignored, format!("{key}: slides are 16:9")));
            }
            _ => {}
        }
        Ok(())
    }
}

fn is_wide(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|ratio| matches!(ratio.trim(), "16/9" | "16:9"))
}

/// One name or several, joined; an author may also be a mapping with a `name`.
fn names(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Array(list) => {
            let names: Result<Vec<_>, _> = list.iter().map(|name| names(key, name)).collect();
            Ok(names?.join(", "))
        }
        Value::Object(map) => text(key, map.get("name").unwrap_or(&Value::Null)),
        other => text(key, other),
    }
}

fn description(key: &str, value: &Value) -> Result<Option<String>, String> {
    if matches!(value, Value::Bool(_) | Value::Null) {
        return Ok(None);
    }
    let text = text(key, value)?;
    let words: Vec<_> = text
        .split_whitespace()
        .filter(|word| !word.starts_with('#'))
        .collect();
    Ok((!words.is_empty()).then(|| words.join(" ")))
}

fn color_scheme(value: &Value) -> Result<ColorScheme, String> {
    let schemes = [ColorScheme::Auto, ColorScheme::Light, ColorScheme::Dark];
    let found = schemes.into_iter().find(|scheme| value == scheme.name());
    // Slidev writes `all` for both as well.
    let found = found.or_else(|| (value == "all" || value == "both").then_some(ColorScheme::Auto));
    found.ok_or_else(|| format!("colorSchema must be auto, light or dark, not {value}"))
}

/// A language tag ends up in the page's first element: letters, digits and dashes.
fn language(value: &Value) -> Result<String, String> {
    let tag = text("lang", value)?;
    let good = !tag.is_empty()
        && tag.len() <= 35
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    good.then_some(tag)
        .ok_or_else(|| format!("lang must be a language tag such as en or pt-BR, not {value}"))
}

/// `2` divides at levels 1 and 2, `[2]` at level 2 alone.
fn levels(value: &Value) -> Result<Vec<u8>, String> {
    let level = |value: &Value| {
        let level = value.as_u64().and_then(|level| u8::try_from(level).ok());
        level.filter(|level| (1..=6).contains(level))
    };
    let found = match value {
        Value::Bool(false) | Value::Null => Some(Vec::new()),
        Value::Array(list) => list.iter().map(level).collect(),
        other => level(other).map(|deepest| (1..=deepest).collect()),
    };
    found.ok_or_else(|| {
        format!("headingDivider must be a level from 1 to 6 or a list of them, not {value}")
    })
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorScheme {
    /// As the browser prefers.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl ColorScheme {
    /// As written in the front matter and in the page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How one slide gives way to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// At once.
    None,
    /// One fades into the other.
    Fade,
    /// The next comes from the right.
    SlideLeft,
    /// The next comes from the left.
    SlideRight,
    /// The next comes from below.
    SlideUp,
    /// The next comes from above.
    SlideDown,
}

impl Transition {
    /// As written in the front matter and in the page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fade => "fade",
            Self::SlideLeft => "slide-left",
            Self::SlideRight => "slide-right",
            Self::SlideUp => "slide-up",
            Self::SlideDown => "slide-down",
        }
    }

    /// The transition of this name; Slidev's `a | b` (forward and back) is its first.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.split('|').next().unwrap_or_default().trim() {
            "none" => Some(Self::None),
            "fade" | "fade-out" | "view-transition" => Some(Self::Fade),
            "slide-left" => Some(Self::SlideLeft),
            "slide-right" => Some(Self::SlideRight),
            "slide-up" => Some(Self::SlideUp),
            "slide-down" => Some(Self::SlideDown),
            _ => None,
        }
    }
}

/// Reads a length of time: `30min`, `1h 15m`, `90 s`; a number alone is minutes.
pub(crate) fn duration(value: &Value) -> Option<Duration> {
    if let Some(minutes) = value.as_u64() {
        return minutes.checked_mul(60).map(Duration::from_secs);
    }
    let mut seconds: u64 = 0;
    let mut rest = value.as_str()?.trim();
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit = match rest[..letters].to_ascii_lowercase().as_str() {
            "h" | "hour" | "hours" => 3600,
            "" | "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = rest[letters..].trim_start_matches([' ', ',']);
    }
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &Value, minutes: Option<f64>) {
        let found = duration(value).map(|length| length.as_secs_f64() / 60.0);
        assert_eq!(found, minutes, "{value}");
    }

    #[test]
    fn a_planned_length_is_read_as_people_write_it() {
        check(&"30min".into(), Some(30.0));
        check(&"1h 15min".into(), Some(75.0));
        check(&"1 hour, 30 minutes".into(), Some(90.0));
        check(&"90s".into(), Some(1.5));
        check(&45.into(), Some(45.0));
        check(&"45".into(), Some(45.0));
        check(&"soon".into(), None);
        check(&"".into(), None);
        check(&"99999999999999999999h".into(), None);
    }

    #[test]
    fn transitions_have_slidevs_names() {
        assert_eq!(
            Transition::named("slide-left | slide-right"),
            Some(Transition::SlideLeft)
        );
        assert_eq!(Transition::named("view-transition"), Some(Transition::Fade));
        assert_eq!(Transition::named("spiral"), None);
    }
}
