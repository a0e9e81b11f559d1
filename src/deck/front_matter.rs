//! What a part's YAML says: title, layout, classes, live bindings, pictures, steps.
//!
//! Read key by key from a loose mapping, not into one strict struct: a wrong value costs that key a [`Problem`] with
//! its line and the slide keeps the rest. Names are Slidev's, Marp's are read as well; keys that only other tools act
//! on are known and said to be ignored, unknown ones are reported.

mod sheet;

use serde_json::Value;

use super::diagram::Bindings;
use super::fragment::MOST_CLICKS;
use super::picture::{Background, ELSEWHERE, is_color, is_elsewhere};
use super::settings::{Settings, Transition};
use super::{Layout, Problem, Severity};
pub(crate) use sheet::{Fault, Sheet};

/// What is said about one slide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FrontMatter {
    pub(crate) title: Option<String>,
    pub(crate) layout: Layout,
    /// CSS class names.
    pub(crate) class: String,
    /// Node ids and the value each shows. `None`: the part's diagrams are still.
    pub(crate) live: Option<Bindings>,
    /// Clicks the slide has at least.
    pub(crate) clicks: usize,
    /// A factor, as CSS has it.
    pub(crate) zoom: Option<String>,
    pub(crate) transition: Option<Transition>,
    /// Whether the slide is left out.
    pub(crate) hidden: bool,
    pub(crate) hide_in_toc: bool,
    /// `routeAlias`
    pub(crate) alias: Option<String>,
    /// The file whose slides take this one's place.
    pub(crate) src: Option<String>,
    pub(crate) background: Option<Background>,
    pub(crate) background_color: Option<String>,
    /// Markdown of the line on top.
    pub(crate) header: String,
    /// Markdown of the line at the foot.
    pub(crate) footer: String,
    /// `paginate: false`
    pub(crate) unnumbered: bool,
    pub(crate) line_numbers: bool,
}

/// Keys that other tools act on; a deck that carries them is not wrong.
const IGNORED: [&str; 44] = [
    "addons",
    "auto-scaling",
    "backgroundPosition",
    "backgroundRepeat",
    "backgroundSize",
    "browserExporter",
    "canvasWidth",
    "color",
    "comark",
    "contextMenu",
    "css",
    "dragPos",
    "download",
    "drawings",
    "exportFilename",
    "export",
    "favicon",
    "fonts",
    "highlighter",
    "image",
    "inlineSVG",
    "layoutClass",
    "level",
    "magicMoveCopy",
    "magicMoveDuration",
    "math",
    "mdc",
    "monaco",
    "monacoTypesSource",
    "plantUmlServer",
    "preload",
    "presenter",
    "record",
    "remote",
    "remoteAssets",
    "routerMode",
    "selectable",
    "seoMeta",
    "size",
    "style",
    "theme",
    "themeConfig",
    "themeName",
    "url",
];

/// What holds while a deck is read: settings, and what goes on from slide to slide.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) settings: Settings,
    /// What a slide starts from.
    carried: FrontMatter,
}

impl Reader {
    /// Reads the deck's first sheet: it speaks for the deck and for its first slide.
    pub(crate) fn head(&mut self, sheet: &Sheet, problems: &mut Vec<Problem>) {
        for (key, value) in &sheet.keys {
            if key == "defaults" {
                for (key, value) in value.as_object().into_iter().flatten() {
                    let done = set(&mut self.carried, key, value);
                    problems.extend(done.err().map(|fault| sheet.problem("defaults", fault)));
                }
            } else if let Err(fault) = self.settings.set(key, value) {
                problems.push(sheet.problem(key, fault));
            }
        }
        self.carried.line_numbers = self.settings.line_numbers;
        self.carried.transition = self.carried.transition.or(self.settings.transition);
    }

    /// What a slide starts from.
    pub(crate) fn start(&self) -> FrontMatter {
        self.carried.clone()
    }

    /// Applies a slide's sheet. `first`: it is the deck's, so that its deck-wide keys are no surprise.
    pub(crate) fn apply(
        &mut self,
        sheet: &Sheet,
        first: bool,
        slide: &mut FrontMatter,
        problems: &mut Vec<Problem>,
    ) {
        let marp = self.settings.marp || sheet.is_comment();
        if first && !self.settings.marp && sheet.keys.contains_key("theme") {
            // Only Slidev's decks name a theme, and its first slide is a cover unless it says otherwise.
            slide.layout = Layout::Cover;
        }
        for (key, value) in &sheet.keys {
            let deck_wide = Settings::reads(key) && !SHARED.contains(&key.as_str());
            if deck_wide && first {
                continue;
            }
            let plain = key.trim_start_matches(['_', '$']);
            let result = if deck_wide {
                let message = format!("{key} is read in the deck's first front matter only");
                Err(Fault(Severity::Ignored, message))
            } else {
                set(slide, plain, value)
            };
            if let Err(fault) = result {
                problems.push(sheet.problem(key, fault));
            } else if !key.starts_with('_') && carries(plain, marp) {
                // Said once already if it is wrong.
                set(&mut self.carried, plain, value).ok();
            }
        }
    }
}

/// Keys that mean the slide as well as, in the first front matter, the deck.
const SHARED: [&str; 3] = ["title", "transition", "lineNumbers"];

/// Whether a key holds from its slide on: header and footer always, the rest as Marp has it.
fn carries(key: &str, marp: bool) -> bool {
    match key {
        "header" | "footer" | "paginate" => true,
        "class" | "backgroundColor" | "backgroundImage" => marp,
        _ => false,
    }
}

fn set(slide: &mut FrontMatter, key: &str, value: &Value) -> Result<(), Fault> {
    match key {
        "title" => slide.title = Some(text(key, value)?),
        "class" => slide.class = class_names(value)?,
        "layout" => slide.layout = layout(&text(key, value)?)?,
        "live" => slide.live = live(value)?,
        "clicks" => slide.clicks = clicks(value)?,
        "zoom" => slide.zoom = zoom(value)?,
        "transition" => slide.transition = Some(transition(value)?),
        "hide" | "disabled" => slide.hidden = flag(key, value)?,
        "hideInToc" => slide.hide_in_toc = flag(key, value)?,
        "lineNumbers" => slide.line_numbers = flag(key, value)?,
        "routeAlias" => slide.alias = Some(alias(&text(key, value)?)?),
        "src" => slide.src = Some(text(key, value)?),
        "image" | "background" | "backgroundImage" | "backgroundColor" => {
            background(slide, key, value)?;
        }
        "header" => slide.header = line(key, value)?,
        "footer" => slide.footer = line(key, value)?,
        // Marp's `skip` hides the number too; `hold` repeats one, and ours is an address that never repeats.
        "paginate" => {
            slide.unnumbered =
                matches!(value, Value::Bool(false)) || value == "skip" || value == "false";
        }
        _ => return Err(not_acted_on(key)),
    }
    Ok(())
}

/// The fault of a key nobody here reads.
pub(crate) fn not_acted_on(key: &str) -> Fault {
    if IGNORED.contains(&key) || Settings::reads(key) {
        Fault(Severity::Ignored, format!("{key} is not acted on"))
    } else {
        Fault(
            Severity::Warning,
            format!("unknown front matter key {key:?}"),
        )
    }
}

pub(crate) fn text(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(format!("{key} must be a text, not {value}")),
    }
}

/// A text or nothing: an empty header takes the line away.
fn line(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Null | Value::Bool(false) => Ok(String::new()),
        other => text(key, other),
    }
}

pub(crate) fn flag(key: &str, value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
        other => Err(format!("{key} must be true or false, not {other}")),
    }
}

/// Class names end up in an attribute beside our own: only what a class name may be passes.
fn class_names(value: &Value) -> Result<String, String> {
    let text = match value {
        Value::Array(names) => {
            let names: Result<Vec<_>, _> = names.iter().map(|name| text("class", name)).collect();
            names?.join(" ")
        }
        Value::Null => String::new(),
        other => text("class", other)?,
    };
    // Utility classes such as `w-1/2` and `md:p-4` belong to a theme's framework; they may stand, they do nothing here.
    let good = |c: char| c.is_ascii_alphanumeric() || "-_:/.[]%!".contains(c);
    let names: Vec<_> = text.split_whitespace().collect();
    match names.iter().find(|name| !name.chars().all(good)) {
        Some(bad) => Err(format!(
            "{bad:?} is not a class name: letters, digits, - and _ only"
        )),
        None => Ok(names.join(" ")),
    }
}

fn layout(name: &str) -> Result<Layout, Fault> {
    if name.starts_with("iframe") {
        let message = "layout iframe is refused: a page may not frame another; use a link, an image or a chart";
        return Err(Fault(Severity::Error, message.to_owned()));
    }
    let unknown = || format!("unknown layout {name:?}; use one of {}", Layout::names());
    Layout::named(name).ok_or_else(|| Fault(Severity::Warning, unknown()))
}

pub(crate) fn transition(value: &Value) -> Result<Transition, Fault> {
    let name = match value {
        Value::Object(map) => map.get("name").unwrap_or(&Value::Null),
        other => other,
    };
    let name = match name {
        Value::Null | Value::Bool(false) => "none".to_owned(),
        other => text("transition", other)?,
    };
    let unknown = || {
        format!(
            "unknown transition {name:?}; Podium has fade, slide-left, slide-right, slide-up, slide-down and none"
        )
    };
    Transition::named(&name).ok_or_else(|| Fault(Severity::Ignored, unknown()))
}

fn clicks(value: &Value) -> Result<usize, String> {
    let number = value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    let number = number.filter(|number| *number <= MOST_CLICKS);
    number.ok_or_else(|| format!("clicks must be a number up to {MOST_CLICKS}, not {value}"))
}

fn zoom(value: &Value) -> Result<Option<String>, String> {
    let factor = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok());
    let factor = factor.filter(|factor| (0.2..=5.0).contains(factor));
    let factor =
        factor.ok_or_else(|| format!("zoom must be a factor from 0.2 to 5, not {value}"))?;
    Ok(Some(factor.to_string()))
}

fn alias(name: &str) -> Result<String, String> {
    let name = name.trim().trim_start_matches('/');
    let good = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let word = name.chars().all(good) && name.contains(char::is_alphabetic);
    word.then(|| name.to_owned())
        .ok_or_else(|| format!("routeAlias {name:?} must be a word: letters, digits and dashes"))
}

fn background(slide: &mut FrontMatter, key: &str, value: &Value) -> Result<(), Fault> {
    let what = line(key, value)?;
    let what = what.trim();
    if what.is_empty() || what == "none" {
        (slide.background, slide.background_color) = (None, None);
    } else if key != "image" && is_color(what) {
        slide.background_color = Some(what.to_owned());
    } else if is_elsewhere(
        what.trim_start_matches("url(")
            .trim_start_matches(['"', '\'']),
    ) {
        return Err(Fault(Severity::Ignored, ELSEWHERE.to_owned()));
    } else if what.contains("gradient(") {
        let message = format!("{key} takes a picture or a colour; the gradient is not drawn");
        return Err(Fault(Severity::Ignored, message));
    } else {
        let not_a_picture =
            || format!("{key} must be a picture in the deck's folder or a colour, not {what:?}");
        slide.background = Some(Background::new(what).ok_or_else(not_a_picture)?);
    }
    Ok(())
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

#[cfg(test)]
mod tests;
