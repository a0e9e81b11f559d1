//! The renderer's SVG to the SVG of our page.
//!
//! One walk over the tokens. Elements and attributes pass an allow-list (a deck may come from a stranger); styles
//! become presentation attributes; colours become variables of the theme; ids get the diagram's own prefix; nodes and
//! edges get `data-node` and `data-edge`, bound nodes a line to be filled with a live value.

use super::DRAWN_ID;
use super::live::{Bindings, Display, node_id, value_lines};
use super::model::Model;
use super::stylesheet::{Declaration, Element, Stylesheet, declarations};
use super::theme::{is_stand_in, paint};
use super::xml::{Token, tokens};
use crate::deck::escape::escape;

/// Elements a still drawing needs.
const TAGS: [&str; 21] = [
    "svg",
    "g",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "defs",
    "marker",
    "use",
    "symbol",
    "clipPath",
    "linearGradient",
    "stop",
    "title",
    "desc",
    "switch",
];

/// Properties that SVG takes as attributes, of those the renderer uses.
const PROPERTIES: [&str; 17] = [
    "fill",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "stroke-linecap",
    "stroke-linejoin",
    "fill-opacity",
    "stroke-opacity",
    "opacity",
    "font-size",
    "font-weight",
    "font-style",
    "text-anchor",
    "dominant-baseline",
    "alignment-baseline",
    "text-decoration",
    "stop-color",
];

/// Attributes that place and shape.
const GEOMETRY: [&str; 36] = [
    "id",
    "class",
    "transform",
    "d",
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "dx",
    "dy",
    "width",
    "height",
    "points",
    "viewBox",
    "markerWidth",
    "markerHeight",
    "markerUnits",
    "refX",
    "refY",
    "orient",
    "marker-start",
    "marker-end",
    "clip-path",
    "offset",
    "gradientUnits",
    "preserveAspectRatio",
    "textLength",
    "lengthAdjust",
    "xml:space",
];

/// From the label's last baseline to the value's, in drawing units: a line (1.1 em of 20) and a little air.
const VALUE_DROP: u32 = 27;

/// How nodes and edges are marked for the browser.
#[derive(Clone, Copy)]
pub(super) struct Marks {
    node: &'static str,
    edge: &'static str,
}

/// The drawing itself.
pub(super) const FIRST: Marks = Marks {
    node: "data-node",
    edge: "data-edge",
};

/// The same drawing once more: whoever counts the nodes of a page counts each once.
pub(super) const TWIN: Marks = Marks {
    node: "data-twin",
    edge: "data-twin",
};

/// The page's SVG for a drawn diagram.
pub(super) fn repaint(drawn: &str, model: &Model, live: Option<&Bindings>, marks: Marks) -> String {
    let tokens = tokens(drawn);
    let mut painter = Painter {
        sheet: Stylesheet::parse(&style_text(&tokens)),
        model,
        live,
        marks,
        drawn,
        path: Vec::new(),
        value_lines: value_lines(&tokens, live),
        skipped: None,
        out: String::with_capacity(drawn.len()),
    };
    for (index, token) in tokens.iter().enumerate() {
        painter.token(index, token);
    }
    painter.out
}

/// Width and height of the drawing, from its `viewBox`.
pub(super) fn size(drawn: &str) -> Option<(f64, f64)> {
    let (_, rest) = drawn.split_once("viewBox=\"")?;
    let mut numbers = rest
        .split_once('"')?
        .0
        .split_whitespace()
        .skip(2)
        .map(str::parse::<f64>);
    let (width, height) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (width > 0.0 && height > 0.0).then_some((width, height))
}

fn style_text(tokens: &[Token<'_>]) -> String {
    let after_style = tokens.windows(2).filter_map(|pair| match pair {
        [Token::Open { tag: "style", .. }, Token::Text(css)] => Some(*css),
        _ => None,
    });
    after_style.collect::<String>().replace("&gt;", ">")
}

/// What is being left out: everything until fewer than `depth` elements are open.
#[derive(Clone, Copy)]
struct Skipped {
    depth: usize,
    /// Closing tag still owed, when only the content is left out.
    owed: &'static str,
}

struct Painter<'a> {
    sheet: Stylesheet,
    model: &'a Model,
    live: Option<&'a Bindings>,
    marks: Marks,
    drawn: &'a str,
    /// Open elements, root first.
    path: Vec<Element>,
    value_lines: Vec<(usize, &'static str)>,
    /// Set while what we read is left out.
    skipped: Option<Skipped>,
    out: String,
}

impl Painter<'_> {
    fn token(&mut self, index: usize, token: &Token<'_>) {
        match token {
            Token::Open {
                tag,
                attributes,
                empty,
            } => {
                self.open(index, tag, attributes);
                if *empty {
                    self.close(tag);
                }
            }
            Token::Close(tag) => self.close(tag),
            Token::Text(text) if self.skipped.is_none() => self.out.push_str(text),
            Token::Text(_) => {}
        }
    }

    fn open(&mut self, index: usize, tag: &str, attributes: &[(&str, &str)]) {
        let owned = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.path.push(Element {
            tag: tag.to_owned(),
            attributes: owned.collect(),
        });
        if self.skipped.is_some() {
            return;
        }
        if !TAGS.contains(&tag) || self.is_unused_marker(tag, attributes) {
            self.skipped = Some(Skipped {
                depth: self.path.len(),
                owed: "",
            });
            return;
        }
        self.out.push('<');
        self.out.push_str(tag);
        if self.path.len() == 1 {
            self.root_attributes();
        }
        self.plain_attributes(attributes);
        let mut styles = self.styles(tag, attributes);
        let inherited = if self.path.len() == 1 {
            std::mem::take(&mut styles)
        } else {
            Vec::new()
        };
        self.style_attributes(&styles);
        self.bindings(attributes);
        self.out.push('>');
        if self.path.len() == 1 {
            // Not on the root: its own font size would be what its width in `em` counts in.
            self.out.push_str("<g");
            self.style_attributes(&inherited);
            self.out.push('>');
        }
        if let Some((_, field)) = self.value_lines.iter().find(|(at, _)| *at == index) {
            let Display { format, unit } = Display::of(field);
            self.out.push_str(&format!(
                "<tspan class=\"live-value\" dy=\"{VALUE_DROP}\" data-live=\"{field}\" data-format=\"{format}\">–</tspan><tspan class=\"live-unit\">{unit}</tspan>"
            ));
            self.skipped = Some(Skipped {
                depth: self.path.len(),
                owed: "</tspan>",
            });
        }
    }

    fn close(&mut self, tag: &str) {
        let depth = self.path.len();
        self.path.pop();
        match self.skipped {
            Some(skipped) if skipped.depth < depth => {}
            Some(skipped) => {
                self.out.push_str(skipped.owed);
                self.skipped = None;
            }
            None => {
                self.out.push_str(if depth == 1 { "</g></" } else { "</" });
                self.out.push_str(tag);
                self.out.push('>');
            }
        }
    }

    fn style_attributes(&mut self, styles: &[(String, String)]) {
        for (property, value) in styles {
            self.attribute(property, &escape(value));
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push_str(&format!(" {name}=\"{value}\""));
    }

    /// `em` of the slide's text: the drawing has its natural size at 1280 px and grows with the slide.
    fn root_attributes(&mut self) {
        if let Some((width, _)) = size(self.drawn) {
            self.attribute("width", &format!("{:.3}em", width / 28.0));
        }
    }

    fn plain_attributes(&mut self, attributes: &[(&str, &str)]) {
        let is_root = self.path.len() == 1;
        for (name, value) in attributes {
            let sized_by_us = is_root && matches!(*name, "width" | "height");
            // Ids without the diagram's prefix would clash between diagrams; nothing refers to them.
            let stray_id = *name == "id" && !value.starts_with(DRAWN_ID);
            let local = !value.contains("url(") || value.contains("url(#");
            if *name == "transform" && self.in_state_box(1) {
                self.attribute(name, &centred(value));
            } else if GEOMETRY.contains(name) && !sized_by_us && !stray_id && local {
                self.attribute(name, value);
            } else if matches!(*name, "href" | "xlink:href") && value.starts_with('#') {
                self.attribute("href", value);
            }
        }
    }

    /// What stylesheet, presentation attributes and the element's own style add up to, theme colours applied.
    fn styles(&self, tag: &str, attributes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut result: Vec<(String, String)> = Vec::new();
        let mut set = |property: &str, value: String| match result
            .iter_mut()
            .find(|(name, _)| name == property)
        {
            Some(slot) => slot.1 = value,
            None => result.push((property.to_owned(), value)),
        };
        let own: Vec<Declaration> = attributes
            .iter()
            .filter(|(name, _)| *name == "style")
            .flat_map(|(_, value)| declarations(value))
            .collect();
        let applied = self.sheet.applied(&self.path);
        let usable = |property: &str| PROPERTIES.contains(&property);
        for (name, value) in attributes.iter().filter(|(name, _)| usable(name)) {
            set(name, themed(name, tag, value));
        }
        for important in [false, true] {
            for declared in applied
                .iter()
                .filter(|d| d.important == important && usable(&d.property))
            {
                set(
                    &declared.property,
                    themed(&declared.property, tag, &declared.value),
                );
            }
            for declared in own
                .iter()
                .filter(|d| d.important == important && usable(&d.property))
            {
                set(&declared.property, own_or_themed(tag, declared));
            }
        }
        if tag == "text" && self.in_state_box(2) {
            set("text-anchor", "middle".to_owned());
        }
        result.retain(|(_, value)| !matches!(value.as_str(), "revert" | "inherit" | "initial"));
        result
    }

    /// Whether the element `levels` above the last is a state's box and what is inside it a label. The renderer starts
    /// short labels of states at the box's left edge; mermaid.js centres them, and so do we.
    fn in_state_box(&self, levels: usize) -> bool {
        let from_end = |n: usize| self.path.len().checked_sub(n + 1).map(|at| &self.path[at]);
        let is_box = from_end(levels).is_some_and(|state| state.has_class("statediagram-state"));
        is_box && from_end(levels - 1).is_some_and(|label| label.has_class("label"))
    }

    fn bindings(&mut self, attributes: &[(&str, &str)]) {
        if let Some(node) = node_id(attributes) {
            self.attribute(self.marks.node, node);
            if self.live.is_some_and(|live| live.field(node).is_some()) {
                self.attribute("data-bound", "true");
            }
        }
        let id = attributes
            .iter()
            .find(|(name, _)| *name == "data-id")
            .map(|(_, id)| *id);
        let is_path = attributes
            .iter()
            .any(|(name, _)| *name == "d" || *name == "x2");
        let edge = id
            .filter(|_| is_path)
            .and_then(|id| self.model.edges.iter().find(|edge| edge.id == id));
        if let Some(edge) = edge {
            let joined = format!("{}-{}", edge.from, edge.to);
            self.attribute(self.marks.edge, &escape(&joined));
        }
    }

    /// The renderer defines every arrowhead it knows; a slide needs those it uses.
    fn is_unused_marker(&self, tag: &str, attributes: &[(&str, &str)]) -> bool {
        let id = attributes
            .iter()
            .find(|(name, _)| *name == "id")
            .map_or("", |(_, id)| *id);
        tag == "marker" && !self.drawn.contains(&format!("url(#{id})"))
    }
}

/// `translate(-60, -12)` without the step to the left.
fn centred(transform: &str) -> String {
    let y = transform.split(',').nth(1).map_or("0)", str::trim);
    format!("translate(0, {y}")
}

fn themed(property: &str, tag: &str, value: &str) -> String {
    match property {
        "fill" | "stroke" | "stop-color" => paint(property, tag, value),
        _ => value.to_owned(),
    }
}

/// Some kinds write theme colours into an element's own style; any other colour there is an author's, and kept.
fn own_or_themed(tag: &str, declared: &Declaration) -> String {
    if is_stand_in(&declared.value) {
        return paint(&declared.property, tag, &declared.value);
    }
    declared.value.clone()
}
