//! The same flow, downwards: sideways flows are wider than a phone.

/// The source with its direction turned from sideways to downwards; `None` if it is no flow or does not run sideways.
///
/// Only the direction on the first statement counts: subgraphs that say their own keep it.
pub(super) fn turned(source: &str) -> Option<String> {
    let mut offset = 0;
    let mut in_front_matter = false;
    for line in source.split_inclusive('\n') {
        let text = line.trim();
        if text == "---" {
            in_front_matter = !in_front_matter;
        } else if !in_front_matter && !text.is_empty() && !text.starts_with("%%") {
            let (before, after) = source.split_at(offset);
            return Some(format!("{before}{}", turned_statement(after)?));
        }
        offset += line.len();
    }
    None
}

/// `flowchart LR…` as `flowchart TB…`.
fn turned_statement(text: &str) -> Option<String> {
    let start = text.trim_start();
    let keyword = ["flowchart", "graph"]
        .into_iter()
        .find(|keyword| start.starts_with(*keyword))?;
    let rest = &start[keyword.len()..];
    let direction = rest.trim_start_matches([' ', '\t']);
    let (turned, after) = None
        .or_else(|| direction.strip_prefix("LR").map(|after| ("TB", after)))
        .or_else(|| direction.strip_prefix("RL").map(|after| ("BT", after)))?;
    let whole = direction.len() < rest.len() && !after.starts_with(char::is_alphanumeric);
    whole.then(|| format!("{keyword} {turned}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: Option<&str>) {
        assert_eq!(turned(source).as_deref(), expected);
    }

    #[test]
    fn a_flow_that_runs_sideways_is_turned_down_and_nothing_else_is_changed() {
        check("flowchart LR\n A --> B\n", Some("flowchart TB\n A --> B\n"));
        check("  graph RL; A-->LR\n", Some("graph BT; A-->LR\n"));
        check(
            "---\ntitle: LR\n---\n%% flowchart LR\n\nflowchart LR\n A\n",
            Some("---\ntitle: LR\n---\n%% flowchart LR\n\nflowchart TB\n A\n"),
        );
    }

    #[test]
    fn what_does_not_run_sideways_is_left_alone() {
        check("flowchart TD\n A --> B\n", None);
        check("flowchart LRX\n", None);
        check("flowchartLR\n", None);
        check("sequenceDiagram\n A->>LR: x\n", None);
        check("", None);
    }
}
