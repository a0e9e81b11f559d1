//! What is wrong in a deck: where, how badly, and what to do.

use std::fmt;

/// How much a [`Problem`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something the author wrote is not shown as meant.
    Error,
    /// Probably a slip.
    Warning,
    /// Known, from another tool, and not acted on.
    Ignored,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Ignored => "ignored",
        })
    }
}

/// Something wrong in a deck, where it is, and never a reason to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// File name, as the speaker knows it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// An error at the start of a line.
    #[must_use]
    pub fn error(file: &str, line: usize, message: String) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            column: 1,
            message,
        }
    }

    /// A warning at the start of a line.
    #[must_use]
    pub fn warning(file: &str, line: usize, message: String) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(file, line, message)
        }
    }

    /// Something of another tool's at a line.
    #[must_use]
    pub fn ignored(file: &str, line: usize, message: String) -> Self {
        Self {
            severity: Severity::Ignored,
            ..Self::error(file, line, message)
        }
    }

    /// The same, at a column from 1.
    #[must_use]
    pub fn at_column(self, column: usize) -> Self {
        Self { column, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            severity,
            file,
            line,
            column,
            message,
        } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {message}")
    }
}
