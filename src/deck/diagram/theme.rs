//! Colours by role: what the renderer draws in a stand-in colour, the page paints through a CSS variable.
//!
//! The renderer wants concrete colours and derives others from them, but a diagram must follow light and dark without
//! being drawn again. So each role gets a stand-in that nobody would choose; after drawing, stand-ins become
//! `var(--diagram-…)`. A colour the renderer derived is mapped to the nearest role; one an author wrote is kept.

use serde_json::{Map, Value, json};

/// Font size of labels in px of a 1280 px wide slide: legible from the last row.
pub(super) const FONT_SIZE: u32 = 20;

/// How a flow is spaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    /// Width in px at which a label wraps.
    wrap: u32,
    /// From one row of nodes to the next, in px.
    ranks: u32,
}

/// Sideways: five nodes side by side fit a slide.
pub(super) const WIDE: Flow = Flow {
    wrap: 174,
    ranks: 44,
};

/// Downwards: labels in one line, rows close to each other, for a phone is wide enough for one node and never high
/// enough.
pub(super) const TALL: Flow = Flow {
    wrap: 320,
    ranks: 28,
};

/// Number of palette colours; see `--diagram-1` and on in the stylesheet.
const PALETTE: u32 = 8;

const TEXT: &str = "#0d0a01";
const FILL: &str = "#0d0a02";
const SOFT: &str = "#0d0a03";
const STROKE: &str = "#0d0a04";
const LINE: &str = "#0d0a05";
const NOTE: &str = "#0d0a06";
const NOTE_STROKE: &str = "#0d0a07";
const SURFACE: &str = "#0d0a08";

const ROLES: [(&str, &str); 8] = [
    (TEXT, "var(--diagram-text)"),
    (FILL, "var(--diagram-fill)"),
    (SOFT, "var(--diagram-soft)"),
    (STROKE, "var(--diagram-stroke)"),
    (LINE, "var(--diagram-line)"),
    (NOTE, "var(--diagram-note)"),
    (NOTE_STROKE, "var(--diagram-note-stroke)"),
    (SURFACE, "var(--diagram-surface)"),
];

/// Theme variables of Mermaid's `base` theme, by the role they play.
#[rustfmt::skip]
const VARIABLES: [(&str, &[&str]); 8] = [
    (TEXT, &[
        "primaryTextColor", "secondaryTextColor", "tertiaryTextColor", "textColor", "titleColor", "nodeTextColor",
        "actorTextColor", "signalTextColor", "labelTextColor", "loopTextColor", "noteTextColor", "stateLabelColor",
        "classText", "transitionLabelColor", "relationLabelColor", "labelColor", "taskTextColor", "taskTextDarkColor",
        "taskTextLightColor", "taskTextOutsideColor", "taskTextClickableColor", "pieTitleTextColor",
        "pieLegendTextColor", "pieSectionTextColor", "quadrant1TextFill", "quadrant2TextFill", "quadrant3TextFill",
        "quadrant4TextFill", "quadrantPointTextFill", "quadrantTitleFill", "quadrantXAxisTextFill",
        "quadrantYAxisTextFill", "commitLabelColor", "tagLabelColor", "scaleLabelColor", "sequenceNumberColor",
    ]),
    (FILL, &[
        "primaryColor", "mainBkg", "nodeBkg", "actorBkg", "stateBkg", "labelBoxBkgColor", "taskBkgColor",
        "commitLabelBackground", "tagLabelBackground", "activationBkgColor", "quadrant1Fill", "rowOdd",
        "attributeBackgroundColorOdd",
    ]),
    (SOFT, &[
        "secondaryColor", "tertiaryColor", "clusterBkg", "altBackground", "sectionBkgColor", "sectionBkgColor2",
        "altSectionBkgColor", "compositeBackground", "compositeTitleBackground", "doneTaskBkgColor", "excludeBkgColor",
        "quadrant2Fill", "quadrant3Fill", "quadrant4Fill", "rowEven", "attributeBackgroundColorEven",
    ]),
    (STROKE, &[
        "primaryBorderColor", "secondaryBorderColor", "tertiaryBorderColor", "nodeBorder", "clusterBorder",
        "actorBorder", "stateBorder", "compositeBorder", "labelBoxBorderColor", "activationBorderColor",
        "taskBorderColor", "doneTaskBorderColor", "tagLabelBorder", "gridColor", "pieStrokeColor",
        "pieOuterStrokeColor", "quadrantExternalBorderStrokeFill", "quadrantInternalBorderStrokeFill",
    ]),
    (LINE, &[
        "lineColor", "signalColor", "arrowheadColor", "defaultLinkColor", "transitionColor", "relationColor",
        "actorLineColor", "commitLineColor", "specialStateColor", "innerEndBackground", "quadrantPointFill",
    ]),
    (NOTE, &["noteBkgColor", "activeTaskBkgColor", "critBkgColor"]),
    (NOTE_STROKE, &["noteBorderColor", "activeTaskBorderColor", "critBorderColor", "todayLineColor"]),
    (SURFACE, &[
        "background", "edgeLabelBackground", "labelBackground", "labelBackgroundColor", "relationLabelBackground",
        "stateEdgeLabelBackground", "erEdgeLabelBackground",
    ]),
];

/// The renderer's configuration: our theme, SVG text instead of HTML in SVG, the classic layout.
pub(super) fn configuration(flow: Flow) -> Value {
    let mut variables = Map::new();
    for (colour, names) in VARIABLES {
        variables.extend(names.iter().map(|name| ((*name).to_owned(), json!(colour))));
    }
    for index in 0..12 {
        variables.insert(format!("pie{}", index + 1), json!(palette(index)));
        variables.insert(format!("cScale{index}"), json!(palette(index)));
        variables.insert(format!("cScalePeer{index}"), json!(STROKE));
        variables.insert(format!("cScaleInv{index}"), json!(LINE));
        variables.insert(format!("cScaleLabel{index}"), json!(TEXT));
        variables.insert(format!("git{index}"), json!(palette(index)));
        variables.insert(format!("gitInv{index}"), json!(LINE));
        variables.insert(format!("gitBranchLabel{index}"), json!(TEXT));
        variables.insert(format!("fillType{index}"), json!(palette(index)));
    }
    variables.insert("fontFamily".to_owned(), json!("Podium Sans"));
    variables.insert("fontSize".to_owned(), json!(format!("{FONT_SIZE}px")));
    json!({
        "theme": "base", "look": "classic", "layout": "dagre", "htmlLabels": false, "securityLevel": "strict",
        "fontFamily": "Podium Sans", "fontSize": FONT_SIZE, "themeVariables": variables,
        "flowchart": {
            "htmlLabels": false, "wrappingWidth": flow.wrap, "nodeSpacing": 40, "rankSpacing": flow.ranks, "padding": 10
        },
        "sequence": {
            "actorFontSize": FONT_SIZE, "messageFontSize": FONT_SIZE, "noteFontSize": FONT_SIZE, "mirrorActors": false
        },
        "class": { "htmlLabels": false },
    })
}

fn palette(index: u32) -> String {
    format!("#0d0b{:02x}", index % PALETTE + 1)
}

/// Whether a colour is one of ours, put there to be replaced.
pub(super) fn is_stand_in(colour: &str) -> bool {
    let hex = as_hex(colour);
    hex.len() == 7 && (hex.starts_with("#0d0a") || hex.starts_with("#0d0b"))
}

/// Lower case; `rgb(13, 10, 1)`, as some kinds write our stand-ins, as `#0d0a01`.
fn as_hex(colour: &str) -> String {
    let lower = colour.trim().to_ascii_lowercase();
    let inside = lower
        .strip_prefix("rgb(")
        .and_then(|rest| rest.strip_suffix(')'));
    let bytes: Option<Vec<u8>> = inside.and_then(|list| {
        list.split(',')
            .map(|part| part.trim().parse().ok())
            .collect()
    });
    match bytes.as_deref() {
        Some([red, green, blue]) => format!("#{red:02x}{green:02x}{blue:02x}"),
        _ => lower,
    }
}

/// The colour to paint with, for a colour the renderer chose for `property` of an element called `element`.
pub(super) fn paint(property: &str, element: &str, colour: &str) -> String {
    let lower = as_hex(colour);
    if let Some((_, variable)) = ROLES.iter().find(|(stand_in, _)| *stand_in == lower) {
        return (*variable).to_owned();
    }
    if let Some(index) = lower
        .strip_prefix("#0d0b")
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
    {
        return format!("var(--diagram-{index})");
    }
    if matches!(
        lower.as_str(),
        "none" | "transparent" | "inherit" | "currentcolor"
    ) || lower.starts_with("url(")
    {
        return lower;
    }
    let role = match (property, element) {
        ("fill", "text" | "tspan") => "text",
        ("stroke", _) => "line",
        _ if matches!(
            lower.as_str(),
            "black" | "#000" | "#000000" | "#333" | "#333333"
        ) =>
        {
            "line"
        }
        _ => "soft",
    };
    format!("var(--diagram-{role})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_become_variables_and_derived_colours_the_nearest_role() {
        assert_eq!(paint("fill", "rect", FILL), "var(--diagram-fill)");
        assert_eq!(paint("fill", "path", &palette(9)), "var(--diagram-2)");
        assert_eq!(
            paint("fill", "text", "hsl(1, 2%, 3%)"),
            "var(--diagram-text)"
        );
        assert_eq!(paint("stroke", "rect", "#123456"), "var(--diagram-line)");
        assert_eq!(paint("fill", "path", "none"), "none");
        assert_eq!(paint("fill", "rect", "rgb(13, 11, 2)"), "var(--diagram-2)");
    }
}
