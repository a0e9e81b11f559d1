//! What a fenced block means.
//!
//! The word after the fence decides: `mermaid`, `chart` and `controls` are ours, everything else is code to show. To
//! add a directive, add a variant here; the compiler then points at `render`. On any other Markdown viewer a directive
//! is a plain code block, so decks stay portable.

use super::chart::Chart;
use serde::Deserialize;

/// A fenced block, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Fence {
    /// Mermaid source to draw.
    Diagram,
    /// A live graph.
    Chart(Chart),
    /// Buttons for the speaker.
    Controls(Vec<Button>),
    /// Code in this language (empty: none named).
    Code(String),
}

/// A button a slide may carry. What destroys (remove, purge) stays on the control page, where it asks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// Deploy the demo.
    Deploy,
    /// Enqueue jobs.
    Enqueue,
    /// The tour announcement.
    Spike,
}

impl Button {
    /// The action's name.
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Enqueue => "enqueue",
            Self::Spike => "spike",
        }
    }

    /// What the button says.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Deploy => "Deploy demo",
            Self::Enqueue => "Enqueue jobs",
            Self::Spike => "Tour announcement",
        }
    }
}

/// The live values a node can show, as named in `sample` events.
pub const SERIES: [&str; 19] = [
    "depth",
    "in_flight",
    "enqueued",
    "processed",
    "failed",
    "dead",
    "duplicates",
    "arrival_rate",
    "service_rate",
    "external_metric",
    "scaler",
    "desired",
    "replicas",
    "ready",
    "starting",
    "pending",
    "terminating",
    "cold_start",
    "cpu",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlsBody {
    buttons: Vec<Button>,
}

/// Reads a block by its info string (`mermaid`, `rust {1,3}`) and body. The error says what to write instead.
///
/// # Errors
/// A directive whose body cannot be used.
pub fn read(info: &str, body: &str) -> Result<Fence, String> {
    let word = info.split([' ', '\t', ',', '{']).next().unwrap_or_default();
    match word {
        "mermaid" => Ok(Fence::Diagram),
        "chart" => Chart::read(body).map(Fence::Chart),
        "controls" => {
            let body: ControlsBody = serde_saphyr::from_str(body).map_err(|_| {
                "a controls block is one line such as `buttons: [deploy, spike]`; it knows deploy, enqueue and spike"
                    .to_owned()
            })?;
            Ok(Fence::Controls(body.buttons))
        }
        _ => Ok(Fence::Code(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_told_from_code() {
        assert_eq!(read("mermaid", "graph LR"), Ok(Fence::Diagram));
        assert_eq!(read("mermaid {scale: 0.8}", ""), Ok(Fence::Diagram));
        assert_eq!(
            read("rust {1,3}", "fn main() {}"),
            Ok(Fence::Code("rust".to_owned()))
        );
        assert_eq!(read("", "text"), Ok(Fence::Code(String::new())));
        assert!(matches!(
            read("chart", "series: [depth, replicas]"),
            Ok(Fence::Chart(chart)) if chart.series == ["depth", "replicas"]
        ));
        assert_eq!(
            read("controls", "buttons: [deploy, spike]"),
            Ok(Fence::Controls(vec![Button::Deploy, Button::Spike]))
        );
    }

    #[test]
    fn a_directive_that_cannot_work_says_what_would() {
        assert!(
            read("controls", "buttons: [purge]").is_err_and(|message| message.contains("deploy"))
        );
    }
}
