//! The renderer's `<style>` element, applied here instead of in the browser.
//!
//! The page's content security policy forbids inline styles, and rightly. So each rule's declarations are written onto
//! the elements it selects, as SVG presentation attributes. This is as much CSS as the renderer emits: type, class, id
//! and attribute selectors with descendant and child combinators. A selector beyond that selects nothing.

/// A parsed stylesheet: rules in source order.
#[derive(Debug, Default)]
pub(super) struct Stylesheet {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    selector: Vec<Compound>,
    specificity: (usize, usize, usize),
    declarations: Vec<Declaration>,
}

/// One `property: value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declaration {
    pub(super) property: String,
    pub(super) value: String,
    pub(super) important: bool,
}

#[derive(Debug, Default)]
struct Compound {
    /// Must the element be a child of what the compound before selects, not just inside it?
    child: bool,
    tag: Option<String>,
    id: Option<String>,
    classes: Vec<String>,
    attributes: Vec<(String, Option<String>)>,
}

/// What a selector can see of an element.
#[derive(Debug, Clone, Default)]
pub(super) struct Element {
    pub(super) tag: String,
    pub(super) attributes: Vec<(String, String)>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn has_class(&self, class: &str) -> bool {
        self.attribute("class")
            .is_some_and(|classes| classes.split_whitespace().any(|name| name == class))
    }
}

impl Stylesheet {
    pub(super) fn parse(css: &str) -> Self {
        let mut rules = Vec::new();
        let mut rest = css;
        while let Some((prelude, after)) = rest.split_once('{') {
            let Some(length) = block_length(after) else {
                break;
            };
            let prelude = prelude.trim();
            if !prelude.starts_with('@') {
                let declared = declarations(&after[..length]);
                for selector in prelude.split(',').filter_map(parse_selector) {
                    let specificity = specificity(&selector);
                    rules.push(Rule {
                        selector,
                        specificity,
                        declarations: declared.clone(),
                    });
                }
            }
            rest = after.get(length + 1..).unwrap_or_default();
        }
        Self { rules }
    }

    /// What applies to the last element of `path` (root first): later in the list wins.
    pub(super) fn applied(&self, path: &[Element]) -> Vec<&Declaration> {
        let mut matching: Vec<_> = self
            .rules
            .iter()
            .filter(|rule| selects(&rule.selector, path))
            .collect();
        // Stable: source order decides between equals.
        matching.sort_by_key(|rule| rule.specificity);
        matching
            .into_iter()
            .flat_map(|rule| &rule.declarations)
            .collect()
    }
}

/// Length of a block whose opening brace has been read, nested blocks included.
fn block_length(text: &str) -> Option<usize> {
    let mut depth = 1;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

/// `a: b; c: d !important`, of a rule or of a `style` attribute.
pub(super) fn declarations(block: &str) -> Vec<Declaration> {
    let declared = block.split(';').filter_map(|text| {
        let (property, value) = text.split_once(':')?;
        let plain = value.trim().trim_end_matches("!important").trim_end();
        let important = plain.len() < value.trim().len();
        Some(Declaration {
            property: property.trim().to_ascii_lowercase(),
            value: plain.to_owned(),
            important,
        })
    });
    declared
        .filter(|declared| !declared.value.is_empty())
        .collect()
}

fn parse_selector(text: &str) -> Option<Vec<Compound>> {
    let spaced = text.replace('>', " > ");
    let mut selector: Vec<Compound> = Vec::new();
    let mut child = false;
    for word in spaced.split_whitespace() {
        if word == ">" {
            child = true;
        } else {
            selector.push(Compound {
                child,
                ..parse_compound(word)?
            });
            child = false;
        }
    }
    (!selector.is_empty()).then_some(selector)
}

fn parse_compound(word: &str) -> Option<Compound> {
    let mut compound = Compound::default();
    let mut rest = word;
    while let Some(mark) = rest.chars().next() {
        let body = if matches!(mark, '.' | '#' | '[') {
            &rest[1..]
        } else {
            rest
        };
        let end = if mark == '[' {
            body.find(']')?
        } else {
            body.find(['.', '#', '[', ':']).unwrap_or(body.len())
        };
        let name = body[..end].to_owned();
        match mark {
            '.' => compound.classes.push(name),
            '#' => compound.id = Some(name),
            '[' => compound.attributes.push(match name.split_once('=') {
                Some((key, value)) => (
                    key.to_owned(),
                    Some(value.trim_matches(['"', '\'']).to_owned()),
                ),
                None => (name, None),
            }),
            // Pseudo-classes, siblings and namespaces: never what a still drawing needs.
            ':' | '+' | '~' | '|' => return None,
            '*' => {}
            _ => compound.tag = Some(name),
        }
        rest = if mark == '[' {
            &body[end + 1..]
        } else {
            &body[end..]
        };
    }
    Some(compound)
}

fn specificity(selector: &[Compound]) -> (usize, usize, usize) {
    selector
        .iter()
        .fold((0, 0, 0), |(ids, classes, tags), compound| {
            (
                ids + usize::from(compound.id.is_some()),
                classes + compound.classes.len() + compound.attributes.len(),
                tags + usize::from(compound.tag.is_some()),
            )
        })
}

fn selects(selector: &[Compound], path: &[Element]) -> bool {
    let (Some((last, before)), Some((element, above))) = (selector.split_last(), path.split_last())
    else {
        return selector.is_empty();
    };
    if !last.fits(element) {
        return false;
    }
    if before.is_empty() {
        return true;
    }
    if last.child {
        return selects(before, above);
    }
    (1..=above.len())
        .rev()
        .any(|length| selects(before, &above[..length]))
}

impl Compound {
    fn fits(&self, element: &Element) -> bool {
        self.tag.as_ref().is_none_or(|tag| *tag == element.tag)
            && self
                .id
                .as_ref()
                .is_none_or(|id| element.attribute("id") == Some(id))
            && self.classes.iter().all(|class| element.has_class(class))
            && self
                .attributes
                .iter()
                .all(|(key, wanted)| match (element.attribute(key), wanted) {
                    (Some(found), Some(wanted)) => found == wanted,
                    (found, None) => found.is_some(),
                    (None, Some(_)) => false,
                })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: &str, attributes: &[(&str, &str)]) -> Element {
        let owned = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Element {
            tag: tag.to_owned(),
            attributes: owned.collect(),
        }
    }

    #[track_caller]
    fn check(css: &str, path: &[Element], property: &str, expected: Option<&str>) {
        let sheet = Stylesheet::parse(css);
        let found = sheet
            .applied(path)
            .into_iter()
            .rev()
            .find(|declared| declared.property == property);
        assert_eq!(found.map(|declared| declared.value.as_str()), expected);
    }

    #[test]
    fn the_more_specific_rule_wins_and_then_the_later() {
        let path = [
            element("svg", &[("id", "d")]),
            element("g", &[("class", "node hot")]),
            element("rect", &[]),
        ];
        check(
            "#d .node rect{fill:a;} rect{fill:b;}",
            &path,
            "fill",
            Some("a"),
        );
        check(
            "#d rect{fill:a;} #d rect{fill:b;}",
            &path,
            "fill",
            Some("b"),
        );
        check("#d .hot>rect{fill:a;}", &path, "fill", Some("a"));
        check("#d>rect{fill:a;}", &path, "fill", None);
        check(
            "#d .cold rect, #d .hot rect{fill:a;}",
            &path,
            "fill",
            Some("a"),
        );
    }

    #[test]
    fn what_is_beyond_us_selects_nothing() {
        let path = [
            element("svg", &[("id", "d")]),
            element("rect", &[("data-look", "classic")]),
        ];
        check(
            "#d :root{fill:a;} @keyframes x{from{fill:b;}} rect:hover{fill:c;}",
            &path,
            "fill",
            None,
        );
        check("#d [data-look=\"neo\"]{fill:a;}", &path, "fill", None);
        check(
            "#d [data-look=\"classic\"]{fill:a;}",
            &path,
            "fill",
            Some("a"),
        );
        check("broken {", &path, "fill", None);
    }
}
