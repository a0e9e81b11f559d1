//! What every drawing promises, kind by kind.

use super::*;

/// A source of each kind the binary draws.
const KINDS: [(&str, &str); 12] = [
    (
        "flowchart",
        "flowchart TD\n A[Start] -->|yes| B{Choice} --> C((End))\n subgraph S\n A\n end\n",
    ),
    (
        "sequence",
        "sequenceDiagram\n participant H as HPA\n H->>K: metric?\n K-->>H: 42\n Note over H: ceil\n",
    ),
    (
        "class",
        "classDiagram\n class HPA {\n  +int desired\n  +sync()\n }\n ScaledObject --> HPA : makes\n",
    ),
    (
        "state",
        "stateDiagram-v2\n [*] --> Idle\n Idle --> Trigger: spike\n Trigger --> [*]\n",
    ),
    (
        "er",
        "erDiagram\n RUN ||--o{ JOB : has\n JOB {\n  string id\n }\n",
    ),
    (
        "gantt",
        "gantt\n dateFormat YYYY-MM-DD\n section A\n Work :a1, 2026-01-01, 3d\n",
    ),
    (
        "git",
        "gitGraph\n commit\n branch b\n commit\n checkout main\n merge b\n",
    ),
    (
        "journey",
        "journey\n title Day\n section Go\n Work: 5: Me\n",
    ),
    ("mindmap", "mindmap\n root((KEDA))\n  Scalers\n  Adapter\n"),
    ("pie", "pie title Jobs\n \"done\" : 40\n \"left\" : 60\n"),
    (
        "quadrant",
        "quadrantChart\n title T\n x-axis Low --> High\n y-axis Low --> High\n A: [0.3, 0.6]\n",
    ),
    (
        "timeline",
        "timeline\n title T\n 2019 : KEDA\n 2023 : Graduated\n",
    ),
];

#[test]
fn every_kind_is_drawn_and_asks_nothing_of_the_page_that_its_policy_forbids() {
    for (kind, source) in KINDS {
        let figure = draw(source, "s1-d1", None).unwrap_or_else(|fault| panic!("{kind}: {fault}"));
        for forbidden in [
            "<style",
            " style=",
            "<script",
            "foreignObject",
            "onclick",
            "#0d0",
            "hsl(",
            DRAWN_ID,
        ] {
            assert!(
                !figure.contains(forbidden),
                "{forbidden} in {kind}: {figure}"
            );
        }
        assert!(
            figure.contains("</text>") || figure.contains("</tspan>"),
            "{kind} has no text: {figure}"
        );
        assert_eq!(
            figure.matches("<g").count(),
            figure.matches("</g>").count(),
            "{kind} is unbalanced"
        );
    }
}

#[test]
fn the_demo_flow_has_five_live_nodes_and_four_edges_sideways_and_downwards() {
    let figure = live_flow().expect("our own source");
    let drawings: Vec<_> = figure.split_inclusive("</svg>").collect();
    let [sideways, downwards, _caption] = drawings[..] else {
        panic!("two drawings and a caption: {figure}");
    };
    check_demo_flow(sideways, "data-node", "data-edge");
    check_demo_flow(downwards, "data-twin", "data-twin");
    assert!(
        !figure.contains("100,000"),
        "the widest value is for measuring, not for showing: {figure}"
    );
}

#[track_caller]
fn check_demo_flow(drawing: &str, node_mark: &str, edge_mark: &str) {
    let count = |mark: String| drawing.matches(&mark).count();
    for (node, field) in [
        ("EventSource", "depth"),
        ("KedaScaler", "scaler"),
        ("MetricsAPI", "external_metric"),
        ("HPA", "desired"),
        ("FunctionPods", "ready"),
    ] {
        assert_eq!(count(format!("{node_mark}=\"{node}\"")), 1, "{drawing}");
        assert_eq!(count(format!("data-live=\"{field}\"")), 1, "{drawing}");
    }
    for edge in [
        "EventSource-KedaScaler",
        "KedaScaler-MetricsAPI",
        "MetricsAPI-HPA",
        "HPA-FunctionPods",
    ] {
        assert_eq!(count(format!("{edge_mark}=\"{edge}\"")), 1, "{drawing}");
    }
    let marks = count(" data-node=".to_owned())
        + count(" data-edge=".to_owned())
        + count(" data-twin=".to_owned());
    assert_eq!(marks, 9, "{drawing}");
}

#[test]
fn a_still_diagram_has_no_live_value_and_two_of_the_same_share_no_id() {
    let figure = draw(DEMO_FLOW, "a", None).expect("our own source");
    assert!(!figure.contains("data-live"));
    let other = draw(DEMO_FLOW, "b", None).expect("our own source");
    let ids = |figure: &str| -> Vec<String> {
        figure
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
            .collect()
    };
    let mut own = ids(&figure);
    let count = own.len();
    own.sort();
    own.dedup();
    assert_eq!(own.len(), count, "ids are unique in a figure: {figure}");
    assert!(
        ids(&figure).iter().all(|id| id.starts_with('a'))
            && ids(&other).iter().all(|id| id.starts_with('b'))
    );
}

#[test]
fn the_drawing_says_in_text_what_it_shows() {
    let figure = draw("flowchart LR\n A[Queue] --> B[HPA]\n", "d", None).expect("drawn");
    assert!(
        figure.contains("Flow diagram. Queue leads to HPA."),
        "{figure}"
    );
}

#[test]
fn colours_an_author_chose_are_kept_and_the_rest_follows_the_theme() {
    let figure = draw("flowchart LR\n A --> B\n style A fill:#ff9900\n", "d", None).expect("drawn");
    assert!(
        figure.contains("fill=\"#ff9900\"") && figure.contains("var(--diagram-fill)"),
        "{figure}"
    );
}

#[test]
fn a_broken_diagram_names_its_line() {
    let fault = draw("flowchart LR\n  A --> B\n  C -->\n", "d", None).expect_err("no target");
    assert!(fault.line >= 3, "{fault}");
    assert!(draw("hello", "d", None).is_err());
    assert!(draw("", "d", None).is_err());
}

#[test]
fn markup_in_labels_stays_text() {
    let figure = draw(
        "flowchart LR\n A[\"<img src=x onerror=alert(1)> & <b>x</b>\"]\n",
        "d",
        None,
    )
    .expect("drawn");
    assert!(
        !figure.contains("<img") && !figure.contains("<b>"),
        "{figure}"
    );
}
