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
        // Kinds have one of these lists; states have their edges in two of them.
        let edges = ["edges", "messages", "relations"]
            .into_iter()
            .map(list)
            .find(|edges| !edges.is_empty())
            .unwrap_or_default();
        let edges = edges.iter().filter_map(edge).collect();
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
            match label {
                "root_start" => "Start".to_owned(),
                "root_end" => "End".to_owned(),
                label => plain(label),
            }
        };
        let mut text = format!("{}.", kind_name(kind));
        if self.edges.is_empty() {
            let names: Vec<_> = self.nodes.iter().map(|node| plain(&node.label)).collect();
            if !names.is_empty() {
                text.push_str(&format!(" Shows {}.", names.join(", ")));
            }
        }
        for edge in &self.edges {
            let (from, to, label) = (name(&edge.from), name(&edge.to), plain(&edge.label));
            text.push_str(&format!(" {}", sentence(kind, &from, &to, &label)));
        }
        text
    }
}

/// An edge in the words of its kind of diagram: what flows leads, who talks says, a state becomes another.
fn sentence(kind: &str, from: &str, to: &str, label: &str) -> String {
    if kind.starts_with("sequence") {
        return match label {
            "" => format!("{from} calls {to}."),
            // A note over one participant comes as its word to itself.
            said if from == to => format!("{from}: {}", ended(said)),
            said => format!("{from} to {to}: {}", ended(said)),
        };
    }
    let verb = match kind {
        "class" | "classDiagram" | "er" | "erDiagram" => "is related to",
        kind if kind.starts_with("state") => "becomes",
        _ => "leads to",
    };
    match label {
        "" => format!("{from} {verb} {to}."),
        label => format!("{from} {verb} {to} ({label})."),
    }
}

/// With a full stop, unless it ends as a sentence does.
fn ended(said: &str) -> String {
    let stop = if said.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{said}{stop}")
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
        assert_eq!(
            sentence("sequence", "HPA", "KEDA", "metric?"),
            "HPA to KEDA: metric?"
        );
        assert_eq!(
            sentence("sequence", "KEDA", "HPA", "42"),
            "KEDA to HPA: 42."
        );
        assert_eq!(
            sentence("stateDiagram", "Idle", "Trigger", "spike"),
            "Idle becomes Trigger (spike)."
        );
    }
}
