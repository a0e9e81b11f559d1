//! A front matter as written: its keys, and the line each stands on.

use serde_json::{Map, Value};

use crate::deck::parse::Located;
use crate::deck::{Problem, Severity};

/// Why a key is not acted on.
pub(crate) struct Fault(pub(crate) Severity, pub(crate) String);

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self(Severity::Error, message)
    }
}

/// A front matter as written: its keys and where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    file: String,
    line: usize,
    text: String,
    pub(crate) keys: Map<String, Value>,
}

impl Sheet {
    /// Parses YAML. `None` when there is none, or when it is broken, which is reported.
    pub(crate) fn parse(
        file: &str,
        yaml: Located<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        if yaml.text.trim().is_empty() {
            return None;
        }
        match serde_saphyr::from_str(yaml.text) {
            Ok(keys) => {
                let (file, text) = (file.to_owned(), yaml.text.to_owned());
                Some(Self {
                    file,
                    line: yaml.line,
                    text,
                    keys,
                })
            }
            Err(error) => {
                let (line, column) = position(&error);
                let reason = first_line(&error.to_string());
                let message = format!("the front matter is not a YAML mapping: {reason}");
                problems
                    .push(Problem::error(file, yaml.line + line - 1, message).at_column(column));
                None
            }
        }
    }

    /// A comment's directives, which stand at one line.
    pub(crate) fn comment(file: &str, line: usize, keys: Map<String, Value>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            text: String::new(),
            keys,
        }
    }

    /// Whether it comes from a comment.
    pub(super) fn is_comment(&self) -> bool {
        self.text.is_empty()
    }

    /// Where a problem with a key is. Quoted keys are not found: the block's first line is near enough.
    pub(super) fn problem(&self, key: &str, Fault(severity, message): Fault) -> Problem {
        let is_key = |line: &str| {
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        let above = self.text.lines().position(is_key).unwrap_or(0);
        Problem {
            severity,
            ..Problem::error(&self.file, self.line + above, message)
        }
    }
}

fn position(error: &serde_saphyr::Error) -> (usize, usize) {
    let number = |n: u64| usize::try_from(n).unwrap_or(1).max(1);
    error
        .location()
        .map_or((1, 1), |at| (number(at.line()), number(at.column())))
}

fn first_line(text: &str) -> String {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim()
        .to_owned()
}
