//! `podium dead-letters`: list, show, retry and discard the jobs that could not be done.
//!
//! A letter quotes what anybody may have pushed, so nothing of it reaches a terminal unescaped.

use super::confirm::confirm;
use super::{exit_code, world};
use crate::config::{Config, DeadLettersArgs, DeadLettersCommand, ListArgs, ListFormat, Which};
use crate::queue::Queue;
use crate::queue::dead_letters::{self, Fate, Letter, Listing};
use crate::stage::dead_letters::{letters, settle, settle_all};
use anyhow::Result;
use std::io::Write;
use std::process::ExitCode;

/// Does what the arguments ask for; fails when one of several letters could not be handled.
///
/// # Errors
/// A queue that does not answer, a letter that is not there, or a question that was not answered with yes.
pub async fn run(config: &Config, args: DeadLettersArgs) -> Result<ExitCode> {
    let queue = world::queue(config).await?;
    let out = &mut std::io::stdout();
    match args.command.unwrap_or(DeadLettersCommand::List(args.list)) {
        DeadLettersCommand::List(ListArgs { limit, format }) => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let listing = dead_letters::list(&queue, 0, limit).await?;
            print_list(out, &listing, format)?;
        }
        DeadLettersCommand::Show { id, format } => {
            print_letter(out, &dead_letters::inspect(&queue, &id).await?, format)?;
        }
        DeadLettersCommand::Retry(which) => return handle(&queue, &which, Fate::Retry, out).await,
        DeadLettersCommand::Discard { which, yes } => {
            if !yes {
                confirm(
                    &question(&which, &queue),
                    "this destroys dead letters",
                    "nothing was discarded",
                )?;
            }
            return handle(&queue, &which, Fate::Discard, out).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn question(which: &Which, queue: &Queue) -> String {
    let what = if which.all {
        "all dead letters".to_owned()
    } else {
        letters(u64::try_from(which.ids.len()).unwrap_or(u64::MAX))
    };
    format!("Discard {what} of the queue at {}?", queue.address())
}

/// Handles each letter, and the next one even when one could not be.
async fn handle(
    queue: &Queue,
    which: &Which,
    fate: Fate,
    out: &mut impl Write,
) -> Result<ExitCode> {
    if which.all {
        writeln!(out, "{}", settle_all(queue, fate).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut good = true;
    for id in &which.ids {
        match settle(queue, id, fate).await {
            Ok(told) => writeln!(out, "{told}")?,
            Err(error) => {
                good = false;
                writeln!(std::io::stderr(), "error: {error}")?;
            }
        }
    }
    Ok(exit_code(good))
}

fn print_list(out: &mut impl Write, listing: &Listing, format: ListFormat) -> Result<()> {
    if format == ListFormat::Json {
        writeln!(out, "{}", serde_json::to_string_pretty(listing)?)?;
        return Ok(());
    }
    if listing.letters.is_empty() {
        writeln!(out, "no dead letters")?;
        return Ok(());
    }
    let rows: Vec<[String; 5]> = listing.letters.iter().map(row).collect();
    let mut table = vec![["ID", "WHEN", "JOB", "WORKER", "REASON"].map(str::to_owned)];
    table.extend(rows);
    for line in aligned(&table) {
        writeln!(out, "{line}")?;
    }
    let shown = u64::try_from(listing.letters.len()).unwrap_or(u64::MAX);
    if shown < listing.total {
        writeln!(
            out,
            "{shown} of {}; --limit shows more",
            letters(listing.total)
        )?;
    }
    Ok(())
}

fn row(letter: &Letter) -> [String; 5] {
    let dash = || "–".to_owned();
    let attempt = |job: &crate::queue::job::Job| format!(", attempt {}", job.attempt);
    let job = letter.title().map(|title| {
        let attempt = letter.job.as_ref().map(attempt).unwrap_or_default();
        format!("{title}{attempt}")
    });
    [
        letter.id.clone(),
        letter.when().unwrap_or_else(dash),
        job.map_or_else(dash, |job| printable(&job)),
        printable(&letter.worker),
        printable(&letter.reason),
    ]
}

/// Columns as wide as their widest cell; the last one ends where it ends.
fn aligned(table: &[[String; 5]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = table.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("   ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

fn print_letter(out: &mut impl Write, letter: &Letter, format: ListFormat) -> Result<()> {
    if format == ListFormat::Json {
        writeln!(out, "{}", serde_json::to_string_pretty(letter)?)?;
        return Ok(());
    }
    let [id, when, job, worker, reason] = row(letter);
    let retry = match &letter.unretriable {
        None => "possible".to_owned(),
        Some(cause) => format!("not possible: {}", printable(cause)),
    };
    for (what, value) in [
        ("id", id),
        ("when", when),
        ("job", job),
        ("worker", worker),
        ("reason", reason),
        ("retry", retry),
        ("on the queue", printable(&letter.body)),
    ] {
        writeln!(out, "{:14}{value}", format!("{what}:"))?;
    }
    Ok(())
}

/// The text with control characters written out: a terminal obeys them.
fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_pushed_cannot_speak_to_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}c"), "a\\u{1b}[2Jb\\u{9b}c");
        assert_eq!(printable("fünf 🎫"), "fünf 🎫");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned);
        let lines = aligned(&[
            row(["ID", "WHEN", "JOB", "WORKER", "REASON"]),
            row(["1", "now", "ticket 5", "w", "lost"]),
        ]);
        assert_eq!(
            lines,
            [
                "ID   WHEN   JOB        WORKER   REASON",
                "1    now    ticket 5   w        lost"
            ]
        );
    }
}
