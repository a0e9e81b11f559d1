//! The deck as one file that needs nobody: styles, fonts, pictures and diagrams inside, live parts frozen to a run.

use super::error::Error;
use super::frozen::freeze;
use super::inline::{self, Alone};
use super::print::all_shown;
use crate::deck::{Deck, SlideView};
use crate::live::run::Run;
use askama::Template;
use std::path::Path;

/// Turns the slides by keys. Its hash in the page's content policy lets it run, and nothing else.
const TURNING: &str = "js/export_turn.js";
/// Makes crowded slides fit, as on the page.
const FITTING: &str = "js/fit.js";

/// What to export.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The slides.
    pub deck: &'a Deck,
    /// Where their pictures are.
    pub folder: Option<&'a Path>,
    /// What the live parts show.
    pub run: Option<&'a Run>,
    /// Whether the speaker's notes go along.
    pub notes: Notes,
}

/// Whether the speaker's notes leave the speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// They stay.
    Excluded,
    /// They were asked for.
    Included,
}

#[derive(Template)]
#[template(path = "export.html")]
struct ExportPage<'a> {
    title: &'a str,
    policy: String,
    style: String,
    fitting: String,
    turning: String,
    slides: Vec<SlideView<'a>>,
    notes: bool,
}

/// The whole file. The same deck and run make the same bytes.
///
/// # Errors
/// [`Error::Rendering`].
pub fn html(export: &Export<'_>) -> Result<String, Error> {
    let mut stylesheets = inline::stylesheets();
    stylesheets.push("css/export.css");
    let page = ExportPage {
        title: &export.deck.title,
        policy: format!(
            "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; font-src data:; \
             style-src 'unsafe-inline'; script-src '{}' '{}'",
            inline::policy_hash(FITTING),
            inline::policy_hash(TURNING)
        ),
        style: inline::stylesheet(&stylesheets),
        fitting: inline::text(FITTING),
        turning: inline::text(TURNING),
        slides: all_shown(export.deck),
        notes: export.notes == Notes::Included,
    };
    let (head, body) = split(page.render()?);
    let alone = Alone {
        deck: export.deck,
        folder: export.folder,
    };
    Ok(format!("{head}{}", alone.page(&freeze(&body, export.run))))
}

/// Head and body: styles and fonts need no second look.
fn split(page: String) -> (String, String) {
    match page.find("<body") {
        Some(at) => (page[..at].to_owned(), page[at..].to_owned()),
        None => (String::new(), page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deck;
    use crate::live::run::tests::run;

    fn export(notes: Notes) -> String {
        let deck = deck::embedded();
        html(&Export {
            deck: &deck,
            folder: None,
            run: Some(&run()),
            notes,
        })
        .unwrap()
    }

    #[test]
    fn the_file_refers_to_nothing_outside_itself() {
        let file = export(Notes::Excluded);
        for (attribute, value) in ["src=\"", "href=\""].into_iter().flat_map(|attribute| {
            file.split(attribute)
                .skip(1)
                .map(move |rest| (attribute, rest.split('"').next().unwrap()))
        }) {
            let inside = value.starts_with('#') || value.starts_with("data:");
            let link_in_text = attribute == "href=\"" && value.starts_with("https://");
            assert!(inside || link_in_text, "{attribute}{value}");
        }
        assert!(!file.contains("<link ") && !file.contains("url(\"/"));
    }

    #[test]
    fn notes_stay_with_the_speaker_unless_asked_for() {
        let deck = deck::embedded();
        let note = deck.find("9").unwrap().notes_html.trim().to_owned();
        assert!(!note.is_empty());
        assert!(!export(Notes::Excluded).contains(&note));
        assert!(export(Notes::Included).contains(&note));
    }

    #[test]
    fn the_same_run_makes_the_same_file() {
        assert_eq!(export(Notes::Excluded), export(Notes::Excluded));
    }
}
