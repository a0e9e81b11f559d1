//! What a diagram says, apart from how it looks: its nodes and edges.
//!
//! Read from the renderer's semantic model, which differs a little from kind to kind. Used for the diagram's text
//! alternative and to find which drawn edge joins which nodes. Kinds without nodes and edges have an empty model.

use serde_json::Value;

/// Nodes and edges, in the order of the source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) id: String,
    /// Plain text; line breaks as `<br/>`, as the source may have them.
    pub(super) label: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edge {
    /// The id the drawing carries; empty if it carries none.
    pub(super) id: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) label: String,
}

impl Model {
    pub(super) fn read(model: &Value) -> Self {
        let list = |key: &str| {
            model
                .get(key)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let mut nodes: Vec<_> = list("nodes").iter().filter_map(node).collect();
        if let Some(actors) = model.get("actors").and_then(Value::as_object) {
            nodes.extend(actors.values().filter_map(actor));
        }
        let edges = list("edges")
            .iter()
            .chain(&list("messages"))
            .chain(&list("relations"))
            .filter_map(edge)
            .collect();
        Self { nodes, edges }
    }

    /// The diagram as sentences: "Event source leads to KEDA scaler."
    pub(super) fn describe(&self, kind: &str) -> String {
        let name = |id: &str| {
            let label = self
                .nodes
                .iter()
                .find(|node| node.id == id)
                .map_or(id, |node| node.label.as_str());
            plain(label)
        };
        let mut text = format!("{}.", kind_name(kind));
        if self.edges.is_empty() {
            let names: Vec<_> = self.nodes.iter().map(|node| plain(&node.label)).collect();
            if !names.is_empty() {
                text.push_str(&format!(" Shows {}.", names.join(", ")));
            }
        }
        for edge in &self.edges {
            let label = plain(&edge.label);
            let because = if label.is_empty() {
                String::new()
            } else {
                format!(" ({label})")
            };
            text.push_str(&format!(
                " {} leads to {}{because}.",
                name(&edge.from),
                name(&edge.to)
            ));
        }
        text
    }
}

fn text<'v>(value: &'v Value, keys: &[&str]) -> &'v str {
    keys.iter()
        .find_map(|key| value.get(key).and_then(Value::as_str))
        .unwrap_or_default()
}

fn node(value: &Value) -> Option<Node> {
    let id = value.get("id")?.as_str()?.to_owned();
    let label = Some(text(value, &["label"]))
        .filter(|label| !label.is_empty())
        .unwrap_or(&id)
        .to_owned();
    Some(Node { id, label })
}

fn actor(value: &Value) -> Option<Node> {
    let id = value.get("name")?.as_str()?.to_owned();
    let label = text(value, &["description", "name"]).to_owned();
    Some(Node { id, label })
}

fn edge(value: &Value) -> Option<Edge> {
    let (from, to) = (
        text(value, &["from", "start", "id1"]),
        text(value, &["to", "end", "id2"]),
    );
    let label = text(value, &["label", "message", "title"]).to_owned();
    (!from.is_empty() && !to.is_empty()).then(|| Edge {
        id: text(value, &["id"]).to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        label,
    })
}

fn plain(label: &str) -> String {
    label
        .replace("<br/>", " ")
        .replace("<br>", " ")
        .replace('\n', " ")
        .trim()
        .to_owned()
}

fn kind_name(kind: &str) -> &'static str {
    match kind {
        "sequence" | "sequenceDiagram" => "Sequence diagram",
        "stateDiagram" | "state" => "State diagram",
        "classDiagram" | "class" => "Class diagram",
        "er" | "erDiagram" => "Entity relationship diagram",
        "pie" => "Pie chart",
        "gantt" => "Gantt chart",
        "timeline" => "Timeline",
        "mindmap" => "Mind map",
        "gitGraph" => "Git history",
        "journey" => "User journey",
        "quadrantChart" => "Quadrant chart",
        kind if kind.starts_with("flowchart") => "Flow diagram",
        _ => "Diagram",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nodes_and_edges_become_sentences() {
        let model = Model::read(&json!({
            "nodes": [{"id": "A", "label": "Event<br>source"}, {"id": "B", "label": "HPA"}],
            "edges": [{"id": "L_A_B_0", "from": "A", "to": "B", "label": "scales"}],
        }));
        assert_eq!(
            model.describe("flowchart-v2"),
            "Flow diagram. Event source leads to HPA (scales)."
        );
        assert_eq!(Model::default().describe("pie"), "Pie chart.");
    }
}
