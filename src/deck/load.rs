//! Files to a deck: a folder of `slide-NN.md`, one Markdown file, or the talk in the binary.
//!
//! In a folder each file is one slide number and its `---` parts are that slide's steps; in a single file each part is
//! a slide. Everything after reading is the same for all three: see [`super::assemble`].

use std::fs;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use super::assemble::{Source, Split, assemble};
use super::include::Library;
use super::{Deck, DeckError};

#[derive(RustEmbed)]
#[folder = "slides/"]
#[include = "*.md"]
struct Shipped;

/// The deck that is meant by a path: a folder of `slide-NN.md` or a file as it is; of another folder its `slides.md`,
/// the name under which other tools keep a deck.
#[must_use]
pub fn entry(path: PathBuf) -> PathBuf {
    let one_file = path.join("slides.md");
    let has_slides = read_folder(&path).is_ok_and(|sources| !sources.is_empty());
    let is_its_own = is_inside(&one_file, &path).unwrap_or_default();
    if !has_slides && is_its_own && one_file.is_file() {
        one_file
    } else {
        path
    }
}

/// Loads a deck from a Markdown file or a folder of them.
///
/// # Errors
/// [`DeckError`] when there is nothing to show at all; what is wrong inside is in [`Deck::problems`].
pub fn load(path: &Path) -> Result<Deck, DeckError> {
    let unreadable = |source| DeckError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let is_folder = fs::metadata(path).map_err(unreadable)?.is_dir();
    let root = if is_folder {
        path
    } else {
        path.parent().unwrap_or(Path::new(""))
    };
    let mut library = Library::new(root).map_err(unreadable)?;
    let (sources, split) = if is_folder {
        (read_folder(path).map_err(unreadable)?, Split::Steps)
    } else {
        let text = read_text(path).map_err(unreadable)?;
        let (name, path) = (file_name(path), fs::canonicalize(path).map_err(unreadable)?);
        (
            vec![Source {
                number: 1,
                name,
                path,
                text,
            }],
            Split::Slides,
        )
    };
    for source in &sources {
        library.remember(&source.path);
    }
    let blank = sources.iter().all(|source| source.text.trim().is_empty());
    let deck = if blank && !is_folder {
        None
    } else {
        assemble(&sources, split, library)
    };
    deck.ok_or_else(|| DeckError::Empty {
        path: path.to_owned(),
    })
}

/// The talk that ships in the binary.
///
/// # Panics
/// Never in a build whose tests passed: the slides are in the binary.
#[must_use]
pub fn embedded() -> Deck {
    let mut sources: Vec<_> = embedded_texts()
        .into_iter()
        .filter_map(|(name, text)| {
            Some(Source {
                number: slide_number(&name)?,
                name,
                path: PathBuf::new(),
                text,
            })
        })
        .collect();
    sources.sort_by_key(|source| source.number);
    assemble(&sources, Split::Steps, Library::default())
        .expect("the binary carries slides/slide-01.md onwards")
}

/// The files of the talk in the binary, in order, by name.
pub(super) fn embedded_texts() -> Vec<(String, String)> {
    let mut texts: Vec<_> = Shipped::iter()
        .filter_map(|name| {
            let text = String::from_utf8_lossy(&Shipped::get(&name)?.data).into_owned();
            Some((name.into_owned(), text))
        })
        .collect();
    texts.sort_by_key(|(name, _)| slide_number(name));
    texts
}

fn read_folder(folder: &Path) -> std::io::Result<Vec<Source>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        let name = file_name(&path);
        if let Some(number) = slide_number(&name) {
            if !is_inside(&path, folder)? {
                return Err(std::io::Error::other(format!(
                    "{name} leads out of the deck's folder; copy the file into it"
                )));
            }
            let text = read_text(&path)?;
            let path = fs::canonicalize(path)?;
            sources.push(Source {
                number,
                name,
                path,
                text,
            });
        }
    }
    // By number, so that slide-2.md comes before slide-10.md; names decide between equals.
    sources.sort_by_key(|source| source.number);
    Ok(sources)
}

/// Whether a file of a folder is there itself. A deck may come from a stranger, and a link that leads out of it would
/// show the room a file of the speaker's.
fn is_inside(file: &Path, folder: &Path) -> std::io::Result<bool> {
    Ok(fs::canonicalize(file)?.starts_with(fs::canonicalize(folder)?))
}

/// A stray byte must not cost the talk: it is shown as the replacement character.
pub(super) fn read_text(path: &Path) -> std::io::Result<String> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

pub(super) fn slide_number(name: &str) -> Option<u32> {
    name.strip_prefix("slide-")?
        .strip_suffix(".md")?
        .parse()
        .ok()
        .filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deck::Severity;

    #[test]
    fn a_folder_counts_slides_by_name_and_steps_by_dashes() {
        let folder = tempfile::tempdir().expect("a temp dir");
        for (name, text) in [
            ("slide-10.md", "# Ten\n"),
            ("slide-02.md", "# Two\n\n---\n\nstill two\n"),
            ("notes.md", "# Not a slide\n"),
        ] {
            fs::write(folder.path().join(name), text).expect("written");
        }
        let deck = load(folder.path()).expect("a deck");
        let labels: Vec<_> = deck
            .slides
            .iter()
            .map(|slide| (slide.label.as_str(), slide.title.as_str()))
            .collect();
        assert_eq!(labels, [("2.1", "Two"), ("2.2", "Two"), ("10", "Ten")]);
        assert_eq!(deck.title, "Two");
    }

    #[test]
    fn one_file_is_a_deck_of_single_slides() {
        let folder = tempfile::tempdir().expect("a temp dir");
        let path = folder.path().join("talk.md");
        fs::write(
            &path,
            "---\ntheme: seriph\ntitle: Talk\n---\n\n# A\n\n---\nlayout: section\n---\n\n# B\n",
        )
        .expect("written");
        let deck = load(&path).expect("a deck");
        assert_eq!(deck.title, "Talk");
        assert!(
            deck.problems
                .iter()
                .all(|problem| problem.severity == Severity::Ignored)
        );
        assert_eq!(
            deck.slides
                .iter()
                .map(|slide| slide.label.as_str())
                .collect::<Vec<_>>(),
            ["1", "2"]
        );
    }

    #[test]
    fn a_folder_with_one_file_of_slides_is_that_file() {
        let folder = tempfile::tempdir().expect("a temp dir");
        let file = folder.path().join("slides.md");
        fs::write(&file, "# A\n").expect("written");
        assert_eq!(entry(folder.path().to_owned()), file);
        assert_eq!(entry(file.clone()), file);
        fs::write(folder.path().join("slide-01.md"), "# A\n").expect("written");
        assert_eq!(entry(folder.path().to_owned()), folder.path());
    }

    #[test]
    fn nothing_to_show_is_an_error_that_names_the_path() {
        let folder = tempfile::tempdir().expect("a temp dir");
        let empty = load(folder.path()).expect_err("an empty folder");
        assert!(empty.to_string().contains("slide-01.md"));
        let missing = load(&folder.path().join("gone")).expect_err("a missing path");
        assert!(missing.to_string().contains("gone"));
    }

    #[test]
    fn the_shipped_talk_has_twelve_slides_with_notes_and_no_problem() {
        let deck = embedded();
        assert_eq!(deck.problems, []);
        assert_eq!(deck.last_number(), 12);
        for slide in &deck.slides {
            assert_ne!(slide.notes_html, "", "no notes on {}", slide.label);
            assert!(
                !slide.html.contains(" style=\""),
                "inline style on {}",
                slide.label
            );
        }
    }

    /// Looked at when they change: `cargo insta review`.
    #[test]
    fn slides_look_as_reviewed() {
        let deck = embedded();
        for label in ["2.2", "6.1", "9.3", "9.4"] {
            let slide = deck
                .slides
                .iter()
                .find(|slide| slide.label == label)
                .expect("it is in the talk");
            insta::assert_snapshot!(format!("slide-{label}"), slide.html);
        }
    }

    #[test]
    fn the_architecture_slide_has_exactly_the_five_nodes_and_links_what_it_names() {
        let deck = embedded();
        let nine: Vec<_> = deck
            .slides
            .iter()
            .filter(|slide| slide.address.slide == 9)
            .collect();
        let still = &nine[0].html;
        assert_eq!(
            (
                still.matches("data-node=").count(),
                still.matches("data-edge=").count()
            ),
            (5, 4)
        );
        assert!(nine[1].live && nine[1].html.contains("data-live=\"ready\""));
        let all: String = nine.iter().map(|slide| slide.html.as_str()).collect();
        for needed in [
            "/docs/architecture.md#redis-queue-autoscaling-demo",
            "/manifests/queue-demo/",
            "podium",
        ] {
            assert!(all.contains(needed), "{needed}");
        }
    }
}
