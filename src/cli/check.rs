//! `podium check [DECK]`: what is wrong in a deck, where compilers and editors expect it: `file:line:column: severity:
//! message`, then the line with a caret under the place.

use crate::config::ReportFormat;
use crate::deck::check::{Report, check};
use crate::deck::reload::folder_of;
use crate::deck::{Problem, Severity, entry};
use anyhow::Result;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Checks `deck`, or what is found where decks usually are, and writes what is wrong to `out`. `true` when the deck is
/// good: no errors, and with `strict` no warnings.
///
/// # Errors
/// When there is no deck to check, or `out` cannot be written.
pub fn run(
    deck: Option<PathBuf>,
    strict: bool,
    format: ReportFormat,
    out: &mut impl Write,
) -> Result<bool> {
    let deck = deck.or_else(usual_place).map(entry);
    let report = check(deck.as_deref())?;
    // Paths as the shell has them, so that an editor finds the file.
    let folder = deck.as_deref().map(folder_of);
    let path = |file: &str| match &folder {
        Some(folder) if folder != Path::new(".") => folder.join(file).display().to_string(),
        _ => file.to_owned(),
    };
    match format {
        ReportFormat::Text => {
            for problem in &report.problems {
                print(&path(&problem.file), problem, report.line_of(problem), out)?;
            }
            writeln!(out, "{}", summary(deck.as_deref(), &report))?;
        }
        ReportFormat::Json => writeln!(out, "{:#}", as_json(&report, path))?,
    }
    let warnings = report.count(Severity::Warning);
    Ok(report.count(Severity::Error) == 0 && !(strict && warnings > 0))
}

fn usual_place() -> Option<PathBuf> {
    let places = [PathBuf::from("slides.md"), PathBuf::from("slides")];
    places.into_iter().find(|place| place.exists())
}

fn print(
    path: &str,
    problem: &Problem,
    text: Option<&str>,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let Problem {
        severity,
        line,
        column,
        message,
        ..
    } = problem;
    writeln!(out, "{path}:{line}:{column}: {severity}: {message}")?;
    let Some(text) = text else {
        return Ok(());
    };
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    // Tabs stay tabs above the caret, so that it stands where it should however wide they are.
    let indent: String = text
        .chars()
        .take(column - 1)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    writeln!(out, "  {number} | {text}\n  {margin} | {indent}^")
}

fn summary(deck: Option<&Path>, report: &Report) -> String {
    let count = |number: usize, one: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    };
    let name = deck.map_or("the built-in talk".to_owned(), |deck| {
        deck.display().to_string()
    });
    let mut found = format!(
        "{name}: {}, {}, {}",
        count(report.steps, "step"),
        count(report.count(Severity::Error), "error"),
        count(report.count(Severity::Warning), "warning"),
    );
    let ignored = report.count(Severity::Ignored);
    if ignored > 0 {
        found.push_str(&format!(", {ignored} ignored"));
    }
    found
}

fn as_json(report: &Report, path: impl Fn(&str) -> String) -> Value {
    let problems: Vec<_> = report
        .problems
        .iter()
        .map(|problem| {
            json!({
                "file": path(&problem.file),
                "line": problem.line,
                "column": problem.column,
                "severity": problem.severity.to_string(),
                "message": problem.message,
                "source": report.line_of(problem),
            })
        })
        .collect();
    json!({
        "steps": report.steps,
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "problems": problems,
    })
}
