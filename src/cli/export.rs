//! `podium export`: the deck as one file, for those who were not there.
//!
//! The HTML is made here; the PDF is that HTML, printed by a browser of this machine, so that both look alike.

mod browser;

use crate::config::{Config, ExportArgs};
use crate::deck::reload::folder_of;
use crate::deck::{self, Deck};
use crate::live::run::Runs;
use crate::live::run::words::when;
use crate::web::export::{self, Export, Notes};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// Exports what the arguments ask for.
///
/// # Errors
/// What is missing, and what to install or to give.
pub async fn run(config: &Config, args: ExportArgs) -> Result<()> {
    let path = args.deck.map(deck::entry);
    let mut deck = load(path.as_deref())?;
    if let Some(range) = &args.range {
        deck.slides
            .retain(|slide| range.contains(slide.address.slide));
        if deck.slides.is_empty() {
            bail!("--range {range} names no slide of this deck; leave it away for all of them");
        }
    }
    let last = Runs::open(&config.state_dir).last();
    let folder = path.as_deref().map(folder_of);
    let html = export::html(&Export {
        deck: &deck,
        folder: folder.as_deref(),
        run: last.as_deref(),
        notes: if args.with_notes {
            Notes::Included
        } else {
            Notes::Excluded
        },
    })?;
    if let Some(path) = &args.html {
        write(path, html.as_bytes())?;
        say(path, &deck, last.as_deref().map(when))?;
    }
    if let Some(path) = &args.pdf {
        browser::print(&html, path, args.browser.as_deref()).await?;
        say(path, &deck, last.as_deref().map(when))?;
    }
    Ok(())
}

fn load(path: Option<&Path>) -> Result<Deck> {
    let deck = match path {
        Some(path) => deck::load(path).with_context(|| format!("--deck {}", path.display()))?,
        None => deck::embedded(),
    };
    for problem in &deck.problems {
        writeln!(std::io::stderr(), "{problem}")?;
    }
    Ok(deck)
}

/// Writes beside and renames, so that a file that somebody has open is never half a deck.
fn write(path: &Path, content: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let attempt = || -> std::io::Result<()> {
        fs::write(&beside, content)?;
        fs::rename(&beside, path)
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

fn say(path: &Path, deck: &Deck, run: Option<String>) -> Result<()> {
    let size = fs::metadata(path)?.len().div_ceil(1_024);
    let live = match run {
        Some(when) => format!("live parts as recorded {when}"),
        None => "no run recorded yet, and the live parts say so".to_owned(),
    };
    writeln!(
        std::io::stdout(),
        "{}: {} steps, {size} kB; {live}",
        path.display(),
        deck.slides.len()
    )?;
    Ok(())
}
