//! Files a deck takes in: `src: ./part.md`, Slidev's `<<< @/file.rs`, mdBook's `{{#include file.rs:2:5}}`.
//!
//! A deck may come from a stranger, so nothing outside its own folder is ever read: no absolute path, no `..`, no
//! symbolic link that leads out. What was read is remembered, so that an edit of any of it is noticed.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::parse::Scan;

/// Bytes beyond which a file is no part of a talk.
const LARGEST: u64 = 1024 * 1024;

/// The deck's folder.
#[derive(Debug, Default)]
pub(crate) struct Library {
    /// `None`: the talk in the binary, which has none.
    root: Option<PathBuf>,
    /// Every file read, in order.
    pub(crate) files: Vec<PathBuf>,
}

/// A file of the deck.
pub(crate) struct Found {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) text: String,
}

/// A text with its includes in place, and the line of the file that each of its lines comes from.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    pub(crate) lines: Vec<usize>,
}

impl Expanded {
    fn push(&mut self, text: &str, line: usize) {
        self.text.push_str(text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
        let count = text.lines().count().max(1);
        self.lines.extend(std::iter::repeat_n(line, count));
    }
}

impl Library {
    /// The library of a deck in this folder.
    pub(crate) fn new(root: &Path) -> std::io::Result<Self> {
        let root = fs::canonicalize(if root.as_os_str().is_empty() {
            Path::new(".")
        } else {
            root
        })?;
        Ok(Self {
            root: Some(root),
            files: Vec::new(),
        })
    }

    /// Reads `./file`, relative to `folder`, or `@/file`, relative to the deck's folder. The error is for the author.
    pub(crate) fn read(&mut self, folder: &Path, path: &str) -> Result<Found, String> {
        let Some(root) = &self.root else {
            return Err(format!("{path}: the built-in talk includes no files"));
        };
        let (base, relative) = match path.strip_prefix("@/").or_else(|| path.strip_prefix('/')) {
            Some(below) => (root.as_path(), below),
            None => (folder, path),
        };
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if relative.is_empty() || !Path::new(relative).components().all(inside) {
            return Err(format!(
                "{path}: only files in the deck's own folder can be included"
            ));
        }
        let missing = |error: std::io::Error| format!("{path} cannot be included: {error}");
        let file = fs::canonicalize(base.join(relative)).map_err(missing)?;
        if !file.starts_with(root) {
            return Err(format!(
                "{path} leads out of the deck's folder; copy the file into it"
            ));
        }
        if fs::metadata(&file).map_err(missing)?.len() > LARGEST {
            return Err(format!(
                "{path} is larger than 1 MB; include a part of it, copied to its own file"
            ));
        }
        let bytes = fs::read(&file).map_err(missing)?;
        self.remember(&file);
        Ok(Found {
            path: file,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// Notes a file that was read elsewhere.
    pub(crate) fn remember(&mut self, file: &Path) {
        if !self.files.iter().any(|known| known == file) {
            self.files.push(file.to_owned());
        }
    }

    /// A file's name as the speaker knows it: its path below the deck's folder.
    pub(crate) fn name(&self, file: &Path) -> String {
        let below = self
            .root
            .as_ref()
            .and_then(|root| file.strip_prefix(root).ok());
        below.unwrap_or(file).to_string_lossy().into_owned()
    }

    /// Puts snippets and included files in their places. `line` is the first line's number; `report` takes a line and
    /// what is wrong there, and the line stays as it was written.
    pub(crate) fn expand(
        &mut self,
        folder: &Path,
        text: &str,
        line: usize,
        report: &mut dyn FnMut(usize, String),
    ) -> Expanded {
        let mut out = Expanded::default();
        let mut scan = Scan::default();
        for (raw, number) in text.lines().zip(line..) {
            let snippet = raw.trim().strip_prefix("<<< ").filter(|_| scan.plain());
            let taken = match (snippet, included(raw)) {
                (Some(snippet), _) => self.snippet(folder, snippet).map(Some),
                (None, Some((path, what))) => self.part(folder, path, what).map(Some),
                (None, None) => Ok(None),
            };
            match taken {
                Ok(Some(content)) => out.push(&content, number),
                Ok(None) => out.push(raw, number),
                Err(message) => {
                    report(number, message);
                    out.push(raw, number);
                }
            }
            scan.take(raw);
        }
        out
    }

    /// `@/file.ts#region ts {2|3}` as a fenced block.
    fn snippet(&mut self, folder: &Path, snippet: &str) -> Result<String, String> {
        let (path, rest) = snippet
            .trim()
            .split_once([' ', '\t'])
            .unwrap_or((snippet.trim(), ""));
        let (path, region) = path.split_once('#').unwrap_or((path, ""));
        let content = self.part(folder, path, region)?;
        let rest = rest.trim();
        let named = !rest.is_empty() && !rest.starts_with(['{', '[']);
        let language = if named {
            ""
        } else {
            Path::new(path)
                .extension()
                .and_then(|e| e.to_str())
                .unwrap_or_default()
        };
        let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        Ok(format!(
            "{fence}{language} {rest}\n{}\n{fence}",
            content.trim_end()
        ))
    }

    /// Lines `2:5`, a named region, or all of a file.
    fn part(&mut self, folder: &Path, path: &str, what: &str) -> Result<String, String> {
        let text = self.read(folder, path)?.text;
        if what.is_empty() {
            return Ok(text);
        }
        match range(what) {
            Some((from, to)) => {
                let count = to.saturating_sub(from).saturating_add(1);
                Ok(lines(text.lines().skip(from - 1).take(count)))
            }
            None => {
                region(&text, what).ok_or_else(|| format!("{path} has no region called {what:?}"))
            }
        }
    }
}

/// The path and the rest of `{{#include path:rest}}`, when the line is nothing else.
fn included(line: &str) -> Option<(&str, &str)> {
    let inner = line
        .trim()
        .strip_prefix("{{#include ")?
        .strip_suffix("}}")?
        .trim();
    Some(inner.split_once(':').unwrap_or((inner, "")))
}

/// `2:5`, `2:`, `:5` or `2`, from 1.
fn range(what: &str) -> Option<(usize, usize)> {
    let number = |text: &str, absent: usize| {
        if text.is_empty() {
            Some(absent)
        } else {
            text.parse().ok()
        }
    };
    let (from, to) = match what.split_once(':') {
        Some((from, to)) => (number(from, 1)?, number(to, usize::MAX)?),
        None => (what.parse().ok()?, what.parse().ok()?),
    };
    (from > 0).then_some((from, to))
}

/// What stands between `#region name` and `#endregion`, or mdBook's `ANCHOR: name` and `ANCHOR_END: name`.
fn region(text: &str, name: &str) -> Option<String> {
    let ends_with = |line: &str, mark: &str| {
        let rest = line.split_once(mark).map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest.split_whitespace().next() == Some(name))
    };
    let starts = |line: &&str| ends_with(line, "#region") || ends_with(line, "ANCHOR:");
    let ends = |line: &str| line.contains("#endregion") || ends_with(line, "ANCHOR_END:");
    let mut rest = text.lines().skip_while(|line| !starts(line));
    rest.next()?;
    Some(lines(rest.take_while(|line| !ends(line))))
}

fn lines<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}

/// Whether a slide, counted from 1, is in `2,4-6`; an empty selection holds all.
pub(crate) fn selects(selection: &str, number: usize) -> bool {
    let selection = selection.trim();
    selection.is_empty()
        || selection.split(',').any(|range| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let (from, to) = (from.trim().parse::<usize>(), to.trim().parse::<usize>());
            matches!((from, to), (Ok(from), Ok(to)) if (from..=to).contains(&number))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library() -> (tempfile::TempDir, Library) {
        let folder = tempfile::tempdir().expect("a temp dir");
        let code = "one\n// ANCHOR: middle\ntwo\n// ANCHOR_END: middle\nthree\n";
        fs::write(folder.path().join("code.rs"), code).expect("written");
        let library = Library::new(folder.path()).expect("it exists");
        (folder, library)
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let (folder, mut library) = library();
        let root = fs::canonicalize(folder.path()).expect("it exists");
        let mut problems = Vec::new();
        let text = format!("above\n{line}\nbelow\n");
        let out = library.expand(&root, &text, 7, &mut |line, message| {
            problems.push((line, message));
        });
        assert_eq!(problems, []);
        assert_eq!(out.text, format!("above\n{expected}\nbelow\n"));
        assert_eq!((out.lines[0], out.lines.last()), (7, Some(&9)));
        assert_eq!(out.lines.len(), out.text.lines().count());
    }

    #[test]
    fn files_and_parts_of_files_are_put_in_place() {
        check("<<< @/code.rs#middle {1|2}", "```rs {1|2}\ntwo\n```");
        check(
            "<<< ./code.rs text",
            "``` text\none\n// ANCHOR: middle\ntwo\n// ANCHOR_END: middle\nthree\n```",
        );
        check("{{#include code.rs:1:1}}", "one");
        check("{{#include ./code.rs:5:}}", "three");
        check("{{#include code.rs:middle}}", "two");
    }

    #[test]
    fn nothing_outside_the_deck_is_read() {
        let (folder, mut library) = library();
        let root = fs::canonicalize(folder.path()).expect("it exists");
        let outside = tempfile::NamedTempFile::new().expect("a temp file");
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out.md")).expect("linked");
        for path in [
            "../x.md",
            "/etc/passwd",
            "a/../../x",
            "@/../x",
            "out.md",
            "gone.md",
            "",
        ] {
            assert!(library.read(&root, path).is_err(), "{path}");
        }
        assert_eq!(library.files, Vec::<PathBuf>::new());
    }

    #[test]
    fn what_cannot_be_included_is_reported_and_left_as_written() {
        let (folder, mut library) = library();
        let mut problems = Vec::new();
        let text = "<<< ./gone.rs\n\n```text\n<<< ./also.rs\n```\n";
        let out = library.expand(folder.path(), text, 3, &mut |line, _| problems.push(line));
        assert_eq!((problems, out.text.as_str()), (vec![3], text));
    }

    #[test]
    fn a_selection_is_numbers_and_ranges() {
        let chosen: Vec<_> = (1..=7)
            .filter(|number| selects("2, 4-6", *number))
            .collect();
        assert_eq!(chosen, [2, 4, 5, 6]);
        assert!(selects("", 3) && !selects("x", 1));
    }
}
