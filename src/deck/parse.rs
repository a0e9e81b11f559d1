//! A file's text to its parts: cut at `---`, front matter taken off.
//!
//! Done here and not by the Markdown parser, which swallows `---⏎# Title⏎---` as metadata anywhere in a text and
//! reads `text⏎---` as a heading. A `---` cuts only outside fenced blocks and HTML comments and with a blank line (or
//! the file's start) above; a block of `key: value` lines closed by a second `---` is the next part's front matter,
//! as in Slidev. Line numbers survive, so that later stages can point into the file.

use super::Problem;

/// A part of a file: one step (or, in a deck of one file, one slide).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// YAML between the dashes, without them.
    pub(crate) front_matter: Option<Located<'a>>,
    /// Markdown.
    pub(crate) body: Located<'a>,
}

/// Text and the line of the file it starts on, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Located<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// Cuts a file into parts. There is always at least one.
pub(crate) fn parts<'a>(file: &str, text: &'a str, problems: &mut Vec<Problem>) -> Vec<Part<'a>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = lines_of(text);
    let mut found = Vec::new();
    let mut at = 0;
    // Only an opening block may sit on the very first line; later ones follow a separator.
    let mut separator = lines.first().is_some_and(|line| is_dashes(line.text));
    loop {
        let front_matter = separator.then(|| front_matter_at(&lines, at)).flatten();
        let start = front_matter.map_or(if separator { at + 1 } else { at }, |close| close + 1);
        let end = next_separator(file, &lines, start, problems);
        found.push(Part {
            front_matter: front_matter.map(|close| slice(text, &lines, at + 1, close)),
            body: slice(text, &lines, start, end),
        });
        if end >= lines.len() {
            return found;
        }
        at = end;
        separator = true;
    }
}

/// The column-separator markers of a two-column part: `(before, left, right)` as located texts, by `::left::` and
/// `::right::` lines outside fences.
pub(crate) fn slots<'a>(body: Located<'a>) -> Vec<(Slot, Located<'a>)> {
    let lines = lines_of(body.text);
    let mut state = Scan::default();
    let mut found = Vec::new();
    let mut slot = Slot::Default;
    let mut start = 0;
    for (index, line) in lines.iter().enumerate() {
        let marker = match line.text.trim() {
            "::left::" => Some(Slot::Left),
            "::right::" => Some(Slot::Right),
            _ => None,
        };
        if let Some(next) = marker.filter(|_| state.plain()) {
            found.push((
                slot,
                offset(slice(body.text, &lines, start, index), body.line),
            ));
            (slot, start) = (next, index + 1);
        }
        state.take(line.text);
    }
    found.push((
        slot,
        offset(slice(body.text, &lines, start, lines.len()), body.line),
    ));
    found
}

/// A named place in a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Default,
    Left,
    Right,
}

fn offset(located: Located<'_>, line: usize) -> Located<'_> {
    Located {
        text: located.text,
        line: located.line + line - 1,
    }
}

#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    start: usize,
}

fn lines_of(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|raw| {
            let line = Line {
                text: raw.trim_end_matches(['\n', '\r']),
                start,
            };
            start += raw.len();
            line
        })
        .collect()
}

fn slice<'a>(text: &'a str, lines: &[Line<'_>], from: usize, to: usize) -> Located<'a> {
    let position = |index: usize| lines.get(index).map_or(text.len(), |line| line.start);
    Located {
        text: &text[position(from)..position(to.max(from))],
        line: from + 1,
    }
}

fn is_dashes(line: &str) -> bool {
    line.trim_end() == "---"
}

/// Line index of the `---` that closes a front matter opened at `open`.
fn front_matter_at(lines: &[Line<'_>], open: usize) -> Option<usize> {
    let first = lines.get(open + 1)?.text;
    if !(is_key(first) || first.starts_with('#') || is_dashes(first)) {
        return None;
    }
    let close = (open + 1..lines.len()).find(|index| is_dashes(lines[*index].text))?;
    // A heading right after a separator is not a YAML comment: some line must be a key.
    let has_key = lines[open + 1..close].iter().any(|line| is_key(line.text));
    let prose = lines[open + 1..close]
        .iter()
        .any(|line| line.text.trim().is_empty());
    (has_key && (!prose || open == 0) || close == open + 1 && open == 0).then_some(close)
}

fn is_key(line: &str) -> bool {
    line.split_once(':').is_some_and(|(key, rest)| {
        let named = key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        !key.is_empty() && named && (rest.is_empty() || rest.starts_with([' ', '\t']))
    })
}

/// Index of the next separating `---` at or after `from`, or the number of lines.
fn next_separator(
    file: &str,
    lines: &[Line<'_>],
    from: usize,
    problems: &mut Vec<Problem>,
) -> usize {
    let mut state = Scan::default();
    for (index, line) in lines.iter().enumerate().skip(from) {
        if state.plain() && is_dashes(line.text) {
            let above_is_blank = index == from || lines[index - 1].text.trim().is_empty();
            if above_is_blank {
                return index;
            }
            let message = "a line --- right under text makes that text a heading; \
                           put a blank line above to start a new part";
            problems.push(Problem::warning(file, index + 1, message.to_owned()));
        }
        state.take(line.text);
    }
    lines.len()
}

/// Whether we are inside something that may contain `---` without meaning it.
#[derive(Default)]
pub(super) struct Scan {
    fence: Option<(u8, usize)>,
    comment: bool,
}

impl Scan {
    pub(super) fn plain(&self) -> bool {
        self.fence.is_none() && !self.comment
    }

    pub(super) fn take(&mut self, line: &str) {
        if self.comment {
            self.comment = !line.contains("-->");
        } else if let Some((mark, length)) = self.fence {
            let run = fence_run(line)
                .filter(|(found, n, rest)| *found == mark && *n >= length && rest.is_empty());
            if run.is_some() {
                self.fence = None;
            }
        } else if let Some((mark, length, rest)) = fence_run(line) {
            // Backticks in the info string make it inline code, not a fence.
            if mark == b'~' || !rest.contains('`') {
                self.fence = Some((mark, length));
            }
        } else if let Some(open) = line.rfind("<!--") {
            self.comment = !line[open..].contains("-->");
        }
    }
}

fn fence_run(line: &str) -> Option<(u8, usize, &str)> {
    let trimmed = line.trim_start_matches(' ');
    let mark = *trimmed.as_bytes().first()?;
    let length = trimmed.bytes().take_while(|byte| *byte == mark).count();
    let opens = matches!(mark, b'`' | b'~') && length >= 3 && line.len() - trimmed.len() <= 3;
    opens.then(|| (mark, length, trimmed[length..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &[(Option<&str>, &str)]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let found = parts("slide-01.md", text, &mut problems);
        let found: Vec<_> = found
            .iter()
            .map(|part| {
                (
                    part.front_matter.map(|yaml| yaml.text.trim()),
                    part.body.text.trim(),
                )
            })
            .collect();
        assert_eq!(found, expected);
        problems
    }

    #[test]
    fn a_text_without_dashes_is_one_part() {
        check("# One\n\ntext\n", &[(None, "# One\n\ntext")]);
        check("", &[(None, "")]);
    }

    #[test]
    fn dashes_between_blank_lines_split() {
        check("# A\n\n---\n\n# B\n", &[(None, "# A"), (None, "# B")]);
        check(
            "# A\r\n\r\n---\r\n\r\n# B\r\n",
            &[(None, "# A"), (None, "# B")],
        );
        check(
            "# A\n\n---\n# B\n\n---\n\n# C",
            &[(None, "# A"), (None, "# B"), (None, "# C")],
        );
    }

    #[test]
    fn front_matter_opens_a_file_and_follows_a_separator() {
        check(
            "---\ntitle: A\n---\n\n# A\n\n---\nlayout: cover\n---\n\n# B\n",
            &[(Some("title: A"), "# A"), (Some("layout: cover"), "# B")],
        );
    }

    #[test]
    fn a_heading_between_two_separators_is_a_part_and_not_metadata() {
        check(
            "a\n\n---\n# B: the title\n\n---\n\nc\n",
            &[(None, "a"), (None, "# B: the title"), (None, "c")],
        );
    }

    #[test]
    fn dashes_in_fences_and_comments_do_not_split() {
        check(
            "```yaml\na: 1\n\n---\n\nb: 2\n```\n",
            &[(None, "```yaml\na: 1\n\n---\n\nb: 2\n```")],
        );
        check(
            "<!-- note\n\n---\n\nmore -->\n",
            &[(None, "<!-- note\n\n---\n\nmore -->")],
        );
        check(
            "~~~~\n~~~\n\n---\n~~~~\n",
            &[(None, "~~~~\n~~~\n\n---\n~~~~")],
        );
    }

    #[test]
    fn dashes_right_under_text_stay_a_heading_and_are_reported() {
        let problems = check("Title\n---\n\ntext\n", &[(None, "Title\n---\n\ntext")]);
        assert_eq!((problems[0].line, problems[0].column), (2, 1));
    }

    #[test]
    fn parts_know_their_lines() {
        let mut problems = Vec::new();
        let found = parts(
            "f",
            "---\ntitle: A\n---\n# A\n\n---\n\n# B\n",
            &mut problems,
        );
        assert_eq!(found[0].front_matter.expect("has one").line, 2);
        assert_eq!((found[0].body.line, found[1].body.line), (4, 7));
    }

    #[test]
    fn slots_are_cut_outside_fences_only() {
        let body = Located {
            text: "# T\n\na\n\n::right::\n\n```\n::right::\n```\n",
            line: 5,
        };
        let found = slots(body);
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].0, found[1].1.line), (Slot::Right, 10));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "([-`~<!# :a-z\n\r]|---\n|```\n|<!--|-->|é){0,60}") {
            let mut problems = Vec::new();
            let found = parts("f", &text, &mut problems);
            prop_assert!(!found.is_empty());
            for part in &found {
                slots(part.body);
            }
        }
    }
}
