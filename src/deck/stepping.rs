//! Code that is lit line by line: `{1,3-5|all|7}` after the language, as Slidev and presenterm write it, or `[1|3-5]`,
//! as reveal.js does.
//!
//! Each state of the block is one click; every line knows the clicks at which it is lit, so that the browser only
//! compares numbers. Coloured spans that cross lines are closed and opened again, so that a line is an element.

use super::fragment::MOST_CLICKS;
use super::markup::{Piece, pieces};

/// How a code block is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stepping {
    /// The lines lit in each state; empty: the block does not step.
    states: Vec<Lines>,
    /// The first line's number, where numbers are shown.
    pub(crate) numbers_from: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lines {
    All,
    These(Vec<(usize, usize)>),
}

impl Lines {
    fn read(text: &str) -> Option<Self> {
        match text.trim() {
            "all" | "*" => return Some(Self::All),
            "none" | "hide" | "" => return Some(Self::These(Vec::new())),
            _ => {}
        }
        let ranges = text.split(',').map(|range| {
            let (from, to) = range
                .trim()
                .split_once('-')
                .unwrap_or((range.trim(), range.trim()));
            Some((from.trim().parse().ok()?, to.trim().parse().ok()?))
        });
        ranges.collect::<Option<Vec<_>>>().map(Self::These)
    }

    fn hold(&self, line: usize) -> bool {
        match self {
            Self::All => true,
            Self::These(ranges) => ranges
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&line)),
        }
    }
}

impl Stepping {
    /// Reads what follows the language: `{1|3} {lines:true, startLine:5}`. What it does not know is left alone.
    pub(crate) fn read(info: &str, numbered: bool) -> Self {
        let mut stepping = Self {
            states: Vec::new(),
            numbers_from: numbered.then_some(1),
        };
        let mut rest = info;
        while let Some(open) = rest.find(['{', '[']) {
            let close = if rest[open..].starts_with('{') {
                '}'
            } else {
                ']'
            };
            let inner = &rest[open + 1..];
            let end = inner.find(close).unwrap_or(inner.len());
            stepping.group(&inner[..end]);
            rest = inner.get(end + 1..).unwrap_or_default();
        }
        stepping
    }

    fn group(&mut self, group: &str) {
        if group.contains(':') {
            for (key, value) in group.split(',').filter_map(|pair| pair.split_once(':')) {
                match (key.trim(), value.trim()) {
                    ("lines", "true") => self.numbers_from = self.numbers_from.or(Some(1)),
                    ("lines", "false") => self.numbers_from = None,
                    ("startLine", line) => {
                        let line = line.parse().unwrap_or(1);
                        self.numbers_from = self.numbers_from.map(|_| line);
                    }
                    _ => {}
                }
            }
            return;
        }
        let states: Option<Vec<_>> = group.split('|').map(Lines::read).collect();
        if let Some(states) = states.filter(|_| self.states.is_empty() && !group.trim().is_empty())
        {
            self.states = states;
        }
    }

    /// Clicks the block takes.
    pub(crate) fn clicks(&self) -> usize {
        self.states.len().saturating_sub(1).min(MOST_CLICKS)
    }

    /// Whether its lines need to be elements.
    pub(crate) fn wraps(&self) -> bool {
        !self.states.is_empty() || self.numbers_from.is_some()
    }

    /// Wraps each line of coloured code. `base` is the click at which the first state stands, `last` the slide's last.
    pub(crate) fn wrap(&self, code: &str, base: usize, last: usize) -> String {
        let mut lines = lines_closed(code);
        // The last line end may be followed by the ends of spans; that is no further line.
        lines.pop_if(|line| {
            !pieces(line)
                .iter()
                .any(|piece| matches!(piece, Piece::Text(_)))
        });
        let wrapped = lines.iter().enumerate().map(|(index, line)| {
            let number = self.numbers_from.map_or(String::new(), |from| {
                format!(" data-line=\"{}\"", from.saturating_add(index))
            });
            let on = self.lit(index + 1, base, last);
            format!("<span class=\"line\"{number}{on}>{line}\n</span>")
        });
        wrapped.collect()
    }

    fn lit(&self, line: usize, base: usize, last: usize) -> String {
        let Some(end) = self.states.len().checked_sub(1) else {
            return String::new();
        };
        let clicks =
            (0..=last).filter(|click| self.states[click.saturating_sub(base).min(end)].hold(line));
        let clicks: Vec<_> = clicks.map(|click| click.to_string()).collect();
        format!(" data-on=\"{}\"", clicks.join(" "))
    }
}

/// Cuts HTML of spans and text at its line ends; spans open there are closed and opened again.
fn lines_closed(html: &str) -> Vec<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for source in html.split('\n') {
        let mut line = open.concat();
        line.push_str(source);
        let mut rest = source;
        while let Some(at) = rest.find('<') {
            let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
            if rest[at..].starts_with("</") {
                open.pop();
            } else {
                open.push(&rest[at..end]);
            }
            rest = &rest[end..];
        }
        line.push_str(&"</span>".repeat(open.len()));
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Info string, clicks at which each of three lines is lit (base 0, last = its own clicks).
    #[track_caller]
    fn check(info: &str, expected: [&str; 3]) {
        let stepping = Stepping::read(info, false);
        let html = stepping.wrap("a\nb\nc\n", 0, stepping.clicks());
        let found: Vec<_> = html
            .split("data-on=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default())
            .collect();
        assert_eq!(found, expected, "{html}");
    }

    #[test]
    fn each_line_knows_the_clicks_at_which_it_is_lit() {
        check("rust {1,3}", ["0", "", "0"]);
        check("rust {1-2|all|3}", ["0 1", "0 1", "1 2"]);
        check("js [2|1,3]", ["1", "0", "1"]);
        check("ts {*|none|2} {lines:true}", ["0", "0 2", "0"]);
    }

    #[test]
    fn lines_may_be_numbered_without_steps() {
        let stepping = Stepping::read("yaml {lines:true, startLine:5}", false);
        assert_eq!((stepping.clicks(), stepping.numbers_from), (0, Some(5)));
        assert!(
            Stepping::read("yaml {lines:false}", true)
                .numbers_from
                .is_none()
        );
        assert!(!Stepping::read("yaml {monaco} [file.yaml]", false).wraps());
        let html = stepping.wrap("a\n\nb\n", 0, 0);
        assert_eq!(
            html.matches("class=\"line\" data-line=").count(),
            3,
            "{html}"
        );
    }

    #[test]
    fn the_first_state_stands_before_and_the_last_after() {
        let stepping = Stepping::read("x {1|2}", false);
        let html = stepping.wrap("a\nb", 2, 4);
        assert!(
            html.contains("data-on=\"0 1 2\">a") && html.contains("data-on=\"3 4\">b"),
            "{html}"
        );
    }

    #[test]
    fn a_span_across_lines_is_closed_and_opened_again() {
        let lines = lines_closed("<span class=\"c\">/* a\n b */</span> x");
        assert_eq!(
            lines,
            [
                "<span class=\"c\">/* a</span>",
                "<span class=\"c\"> b */</span> x"
            ]
        );
    }
}
