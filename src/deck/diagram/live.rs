//! Which node of a diagram shows which live value.
//!
//! A bound node gets one more line in its label, set before the layout to the widest text the value can have, so that
//! the box never changes and no number overflows it; in the drawing that line becomes an element the browser fills.

use super::DRAWN_ID;
use super::model::Model;
use super::xml::Token;
use crate::deck::fence::SERIES;

/// Node ids and the live value each shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bindings(Vec<(String, &'static str)>);

impl Bindings {
    /// The five nodes of the demo's flow.
    #[must_use]
    pub fn demo() -> Self {
        let bound = [
            ("EventSource", "depth"),
            ("KedaScaler", "scaler"),
            ("MetricsAPI", "external_metric"),
            ("HPA", "desired"),
            ("FunctionPods", "ready"),
        ];
        Self(bound.map(|(node, field)| (node.to_owned(), field)).to_vec())
    }

    /// Binds nodes to values by name.
    ///
    /// # Errors
    /// A value that no sample carries; the message lists those that exist.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let known = |(node, field): (&str, &str)| {
            let found = SERIES.into_iter().find(|name| *name == field);
            let found = found.ok_or_else(|| {
                format!(
                    "no live value is called {field:?}; use {}",
                    SERIES.join(", ")
                )
            })?;
            Ok((node.to_owned(), found))
        };
        pairs
            .into_iter()
            .map(known)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn field(&self, node: &str) -> Option<&'static str> {
        self.0
            .iter()
            .find(|(bound, _)| bound == node)
            .map(|(_, field)| *field)
    }

    /// Mermaid statements that give each bound node its value line. Shapes and edges stay as they are.
    pub(super) fn statements(&self, model: &Model) -> String {
        let bound = model
            .nodes
            .iter()
            .filter_map(|node| Some((node, self.field(&node.id)?)));
        bound
            .map(|(node, field)| {
                let label = node.label.replace('"', "#quot;");
                format!(
                    "\n    {}@{{ label: \"{label}<br/>{}\" }}",
                    node.id,
                    Display::of(field).widest()
                )
            })
            .collect()
    }
}

/// How a value is written in a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Display {
    /// `data-format`, which the browser's code follows.
    pub(super) format: &'static str,
    /// Words after the number, which stay.
    pub(super) unit: &'static str,
}

impl Display {
    pub(super) fn of(field: &str) -> Self {
        let (format, unit) = match field {
            "depth" => ("jobs", ""),
            "scaler" => ("state", ""),
            "arrival_rate" | "service_rate" => ("rate", ""),
            "cold_start" => ("ms", ""),
            "cpu" => ("cpu", ""),
            "desired" => ("int", " desired"),
            "replicas" => ("int", " replicas"),
            "ready" => ("int", " ready"),
            "starting" => ("int", " starting"),
            _ => ("int", ""),
        };
        Self { format, unit }
    }

    /// The widest the line gets, as one word that cannot wrap (a full stop is as wide as a space), and with a few
    /// digits more than values have, since they are set larger than the label.
    fn widest(self) -> String {
        let value = match self.format {
            "jobs" => "10,000,000 jobs",
            "state" => "inactive",
            "rate" => "10,000/s",
            "ms" => "100.0 s",
            "cpu" => "1,000 mCPU",
            _ if self.unit.is_empty() => "10,000,000",
            _ => "1,000",
        };
        format!("{value}{}", self.unit).replace(' ', ".")
    }
}

/// The id of the node whose group this tag opens: `diagram-flowchart-HPA-3` names `HPA`.
pub(super) fn node_id<'a>(attributes: &[(&'a str, &'a str)]) -> Option<&'a str> {
    let value = |name: &str| {
        attributes
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    };
    value("class")?
        .split_whitespace()
        .find(|class| *class == "node")?;
    let own = value("id")?.strip_prefix(DRAWN_ID)?.strip_prefix('-')?;
    let (_, named) = own.split_once('-')?;
    Some(named.rsplit_once('-').map_or(named, |(name, _)| name))
}

/// For each bound node, the token that opens the last line of its label, and the value to show there.
pub(super) fn value_lines(
    tokens: &[Token<'_>],
    live: Option<&Bindings>,
) -> Vec<(usize, &'static str)> {
    let Some(live) = live else { return Vec::new() };
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    let mut current = None;
    for (index, token) in tokens.iter().enumerate() {
        let Token::Open { attributes, .. } = token else {
            continue;
        };
        if let Some(node) = node_id(attributes) {
            current = live.field(node);
            found.extend(current.map(|field| (usize::MAX, field)));
        }
        let is_line = attributes
            .iter()
            .any(|(key, value)| *key == "class" && value.contains("text-outer-tspan"));
        if let (true, Some(_), Some(line)) = (is_line, current, found.last_mut()) {
            line.0 = index;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::model::Node;
    use super::*;

    #[test]
    fn only_bound_nodes_that_exist_get_a_value_line() {
        let node = |id: &str| Node {
            id: id.to_owned(),
            label: format!("the \"{id}\""),
        };
        let model = Model {
            nodes: vec![node("HPA"), node("Other")],
            edges: Vec::new(),
        };
        let statements = Bindings::demo().statements(&model);
        assert_eq!(
            statements,
            "\n    HPA@{ label: \"the #quot;HPA#quot;<br/>1,000.desired\" }"
        );
    }
}
