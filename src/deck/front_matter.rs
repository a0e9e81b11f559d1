//! What a part's YAML says: title, layout, classes, live bindings.
//!
//! Read key by key from a loose mapping, not into one strict struct: a wrong value costs that key a [`Problem`] with
//! its line and the slide keeps the rest. Names are Slidev's, so that its users need not learn ours; keys that only
//! other tools act on are known and passed over in silence, unknown ones are reported.

use serde_json::{Map, Value};

use super::Problem;
use super::diagram::Bindings;
use super::parse::Located;

/// How a slide is laid out; the name is also its CSS class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Title on top, content below.
    #[default]
    Default,
    /// The talk's title slide.
    Cover,
    /// The start of a section.
    Section,
    /// Two columns, cut at a line `::right::`.
    TwoCols,
    /// A quotation.
    Quote,
    /// One sentence, large.
    Statement,
    /// A live step: little text, all the room for diagram and graphs.
    Live,
}

impl Layout {
    const ALL: [Self; 7] = [
        Self::Default,
        Self::Cover,
        Self::Section,
        Self::TwoCols,
        Self::Quote,
        Self::Statement,
        Self::Live,
    ];

    /// The CSS class.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Cover => "cover",
            Self::Section => "section",
            Self::TwoCols => "two-cols",
            Self::Quote => "quote",
            Self::Statement => "statement",
            Self::Live => "live",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.class() == name)
    }
}

/// What the front matter of one part says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrontMatter {
    /// `title`
    pub title: Option<String>,
    /// `layout`
    pub layout: Layout,
    /// `class`: CSS class names.
    pub class: String,
    /// `live`: node ids and the value each shows. `None`: the part's diagrams are still.
    pub live: Option<Bindings>,
}

/// Keys that other tools act on; a deck that carries them is not wrong.
const PASSED_OVER: [&str; 31] = [
    "aspectRatio",
    "author",
    "authors",
    "background",
    "backgroundColor",
    "backgroundImage",
    "canvasWidth",
    "clicks",
    "colorSchema",
    "date",
    "defaults",
    "description",
    "drawings",
    "duration",
    "event",
    "exportFilename",
    "favicon",
    "fonts",
    "footer",
    "header",
    "highlighter",
    "info",
    "keywords",
    "lineNumbers",
    "location",
    "marp",
    "paginate",
    "size",
    "theme",
    "timer",
    "transition",
];

/// Reads a part's YAML, reporting what it cannot use.
pub(crate) fn read(file: &str, yaml: Located<'_>, problems: &mut Vec<Problem>) -> FrontMatter {
    let mut report = |line: usize, column: usize, message: String| {
        problems.push(Problem::error(file, line, message).at_column(column));
    };
    if yaml.text.trim().is_empty() {
        return FrontMatter::default();
    }
    let mapping: Map<String, Value> = match serde_saphyr::from_str(yaml.text) {
        Ok(mapping) => mapping,
        Err(error) => {
            let (line, column) = position(&error);
            let reason = first_line(&error.to_string());
            report(
                yaml.line + line - 1,
                column,
                format!("the front matter is not a YAML mapping: {reason}"),
            );
            return FrontMatter::default();
        }
    };
    let mut front_matter = FrontMatter::default();
    for (key, value) in &mapping {
        if let Err(message) = set(&mut front_matter, key, value) {
            report(yaml.line + line_of(yaml.text, key), 1, message);
        }
    }
    front_matter
}

fn set(front_matter: &mut FrontMatter, key: &str, value: &Value) -> Result<(), String> {
    match key {
        "title" => front_matter.title = Some(text(key, value)?),
        "class" => front_matter.class = class_names(&text(key, value)?)?,
        "layout" => {
            let name = text(key, value)?;
            front_matter.layout = Layout::named(&name).ok_or_else(|| {
                let known: Vec<_> = Layout::ALL.iter().map(|layout| layout.class()).collect();
                format!("unknown layout {name:?}; use one of {}", known.join(", "))
            })?;
        }
        "live" => front_matter.live = live(value)?,
        _ if PASSED_OVER.contains(&key) || key.starts_with('_') => {}
        _ => {
            return Err(format!(
                "unknown front matter key {key:?}; Podium reads title, layout, class and live"
            ));
        }
    }
    Ok(())
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(format!("{key} must be a text, not {value}")),
    }
}

/// Class names end up in an attribute beside our own: only what a class name may be passes.
fn class_names(text: &str) -> Result<String, String> {
    let names: Vec<_> = text.split_whitespace().collect();
    let good = |name: &&str| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    match names.iter().find(|name| !good(name)) {
        Some(bad) => Err(format!(
            "{bad:?} is not a class name: letters, digits, - and _ only"
        )),
        None => Ok(names.join(" ")),
    }
}

fn live(value: &Value) -> Result<Option<Bindings>, String> {
    match value {
        Value::Bool(false) | Value::Null => Ok(None),
        Value::Bool(true) => Ok(Some(Bindings::demo())),
        Value::Object(map) => {
            let pairs = map.iter().map(|(node, field)| match field {
                Value::String(field) => Ok((node.as_str(), field.as_str())),
                other => Err(format!(
                    "live: {node} must name a live value such as depth, not {other}"
                )),
            });
            let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
            Bindings::new(pairs).map(Some)
        }
        other => Err(format!(
            "live must be true, false or a mapping of node ids to live values, not {other}"
        )),
    }
}

fn position(error: &serde_saphyr::Error) -> (usize, usize) {
    let number = |n: u64| usize::try_from(n).unwrap_or(1).max(1);
    error
        .location()
        .map_or((1, 1), |at| (number(at.line()), number(at.column())))
}

fn first_line(text: &str) -> String {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Lines above the key, 0 when it cannot be found (quoted, say): the block's first line is near enough.
fn line_of(yaml: &str, key: &str) -> usize {
    let is_key = |line: &str| {
        line.strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with(':'))
    };
    yaml.lines().position(is_key).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> (FrontMatter, Vec<Problem>) {
        let mut problems = Vec::new();
        let front_matter = read("slide-01.md", Located { text, line: 2 }, &mut problems);
        (front_matter, problems)
    }

    #[test]
    fn known_keys_are_read() {
        let (read, problems) =
            read_text("title: Hello\nlayout: two-cols\nclass: dense quiet\nlive: true\n");
        assert_eq!(problems, []);
        assert_eq!(read.title.as_deref(), Some("Hello"));
        assert_eq!(read.layout, Layout::TwoCols);
        assert_eq!(read.class, "dense quiet");
        assert_eq!(read.live, Some(Bindings::demo()));
    }

    #[test]
    fn a_wrong_key_costs_only_itself() {
        let (read, problems) =
            read_text("title: Hello\nlayout: spiral\nshape: round\nclass: 'a\"b'\n");
        assert_eq!(read.title.as_deref(), Some("Hello"));
        assert_eq!(
            problems
                .iter()
                .map(|problem| problem.line)
                .collect::<Vec<_>>(),
            [3, 4, 5]
        );
        assert!(problems[0].message.contains("spiral") && problems[0].message.contains("two-cols"));
    }

    #[test]
    fn broken_yaml_is_located_and_not_fatal() {
        let (read, problems) = read_text("title: Hello\nlive: [\n");
        assert_eq!(read, FrontMatter::default());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].line >= 3, "{problems:?}");
    }

    #[test]
    fn keys_of_other_tools_are_passed_over() {
        assert_eq!(read_text("theme: seriph\nmarp: true\n_class: lead\n").1, []);
    }

    #[test]
    fn a_live_value_nobody_measures_is_reported() {
        let (read, problems) = read_text("live: {HPA: happiness}\n");
        assert_eq!(read.live, None);
        assert!(problems[0].message.contains("happiness"));
    }
}
