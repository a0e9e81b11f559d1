//! What the author of a deck should know before the room does.
//!
//! The loader reports what it cannot use. Here the same files are read once more for what it can use but should not
//! have to: links that lead nowhere, pictures without words, slides with more on them than they hold. Each rule is a
//! function of one [`Part`] and reports [`Problem`]s; no browser is needed, so what depends on fonts is an estimate.

mod budget;
mod code;
mod headings;
mod links;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser};

use super::load::{self, slide_number};
use super::parse::{self, Located};
use super::reload::folder_of;
use super::{Deck, DeckError, Problem, Severity, Slide};

/// What `check` found.
#[derive(Debug)]
pub struct Report {
    /// In reading order.
    pub problems: Vec<Problem>,
    /// Steps in the deck.
    pub steps: usize,
    /// Texts by file name, to show the line that a problem points at.
    texts: BTreeMap<String, String>,
}

impl Report {
    /// The line that a problem points at.
    #[must_use]
    pub fn line_of(&self, problem: &Problem) -> Option<&str> {
        let text = self.texts.get(&problem.file)?;
        text.lines().nth(problem.line.checked_sub(1)?)
    }

    /// How many problems are of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let of_it = |problem: &&Problem| problem.severity == severity;
        self.problems.iter().filter(of_it).count()
    }
}

/// Checks the deck at a path; the talk in the binary when there is none.
///
/// # Errors
/// [`DeckError`] when there is no deck to check.
pub fn check(path: Option<&Path>) -> Result<Report, DeckError> {
    let (deck, texts) = match path {
        Some(path) => {
            let deck = load::load(path)?;
            let texts = read(path, &deck.files)?;
            (deck, texts)
        }
        None => (load::embedded(), load::embedded_texts()),
    };
    let place = Place {
        deck: &deck,
        folder: path.map(folder_of),
    };
    let mut problems = deck.problems.clone();
    for (file, text) in &texts {
        // The loader has reported what is wrong with the cutting itself.
        for part in parse::parts(file, text, &mut Vec::new()) {
            let part = Part::new(file, &part);
            links::check(&part, &place, &mut problems);
            headings::check(&part, &mut problems);
            code::check(&part, &mut problems);
            budget::check(&part, &mut problems);
        }
    }
    let order: Vec<_> = texts.iter().map(|(file, _)| file.clone()).collect();
    let order = |file: &str| order.iter().position(|known| known == file);
    let texts: BTreeMap<_, _> = texts.into_iter().collect();
    problems.extend(missing_notes(&deck, &texts));
    problems.sort_by_key(|problem| (order(&problem.file), problem.line, problem.column));
    problems.dedup();
    Ok(Report {
        problems,
        steps: deck.slides.len(),
        texts,
    })
}

/// The deck's Markdown, by file name: the slides in the order in which they are presented, then what they include.
fn read(path: &Path, files: &[PathBuf]) -> Result<Vec<(String, String)>, DeckError> {
    let read = || -> std::io::Result<_> {
        let mut paths = vec![path.to_owned()];
        if path.is_dir() {
            let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
            paths = entries.collect::<Result<Vec<_>, _>>()?;
            let number = |path: &PathBuf| slide_number(&load::file_name(path));
            paths.retain(|path| number(path).is_some());
            paths.sort_by_key(|path| (number(path), path.clone()));
        }
        let own: Vec<_> = paths
            .iter()
            .map(fs::canonicalize)
            .collect::<Result<_, _>>()?;
        let markdown =
            |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "md");
        let included = files
            .iter()
            .filter(markdown)
            .filter(|file| !own.contains(file));
        let texts = paths
            .iter()
            .chain(included)
            .map(|path| Ok((load::file_name(path), load::read_text(path)?)));
        texts.collect()
    };
    read().map_err(|source| DeckError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn missing_notes(deck: &Deck, texts: &BTreeMap<String, String>) -> Vec<Problem> {
    let silent = deck
        .slides
        .iter()
        .filter(|slide| slide.notes_html.is_empty());
    let problem = |slide: &Slide| {
        let message = format!(
            "slide {} has no speaker notes: write them as an HTML comment, <!-- … -->",
            slide.label
        );
        let text = texts.get(&slide.file).map_or("", String::as_str);
        // A slide begins right after its ---; what can be seen of it, a line further.
        let from_there = text.lines().skip(slide.line - 1);
        let blank = from_there.take_while(|line| line.trim().is_empty()).count();
        Problem::warning(&slide.file, slide.line + blank, message)
    };
    silent.map(problem).collect()
}

/// What a rule about links needs to know besides the part.
struct Place<'a> {
    deck: &'a Deck,
    /// Where the deck's files are; `None` for the talk in the binary.
    folder: Option<PathBuf>,
}

/// One step's Markdown, with what its front matter says about its looks.
struct Part<'a> {
    file: &'a str,
    body: Located<'a>,
    layout: &'a str,
    class: &'a str,
}

impl<'a> Part<'a> {
    fn new(file: &'a str, part: &parse::Part<'a>) -> Self {
        let yaml = part.front_matter.map_or("", |yaml| yaml.text);
        // Read line by line, so that a mistake elsewhere in the YAML costs these two nothing.
        let value = |key: &str| {
            let line = yaml.lines().find_map(|line| line.strip_prefix(key));
            line.map_or("", |rest| rest.trim().trim_matches(['"', '\'']))
        };
        Self {
            file,
            body: part.body,
            layout: value("layout:"),
            class: value("class:"),
        }
    }

    /// The events of a text of this part, which starts on `line`, each with its place in the text.
    fn events(text: &'a str) -> impl Iterator<Item = (Event<'a>, std::ops::Range<usize>)> {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_HEADING_ATTRIBUTES;
        Parser::new_ext(text, options).into_offset_iter()
    }

    /// A problem where `offset` of the body is.
    fn at(&self, offset: usize, severity: Severity, message: String) -> Problem {
        let before = self.body.text.get(..offset).unwrap_or_default();
        let line = self.body.line + before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default();
        Problem {
            severity,
            file: self.file.to_owned(),
            line,
            column: column.chars().count() + 1,
            message,
        }
    }
}

#[cfg(test)]
mod tests;
