//! Files to a deck: a folder of `slide-NN.md`, one Markdown file, or the talk in the binary.
//!
//! In a folder each file is one slide number and its `---` parts are that slide's steps; in a single file each part is
//! a slide. Everything after reading is the same for all three.

use std::fs;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;

use super::front_matter::{self, FrontMatter};
use super::parse::{self, Part};
use super::render::render;
use super::{Address, Deck, DeckError, Problem, Slide};

#[derive(RustEmbed)]
#[folder = "slides/"]
#[include = "*.md"]
struct Shipped;

/// A file of a deck: its slide number, its name for messages, its text.
struct Source {
    number: u32,
    name: String,
    text: String,
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
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        let sources = read_folder(path).map_err(unreadable)?;
        return assemble(&sources, Split::Steps).ok_or_else(|| DeckError::Empty {
            path: path.to_owned(),
        });
    }
    let text = read_text(path).map_err(unreadable)?;
    if text.trim().is_empty() {
        return Err(DeckError::Empty {
            path: path.to_owned(),
        });
    }
    let name = file_name(path);
    assemble(
        &[Source {
            number: 1,
            name,
            text,
        }],
        Split::Slides,
    )
    .ok_or_else(|| DeckError::Empty {
        path: path.to_owned(),
    })
}

/// The talk that ships in the binary.
///
/// # Panics
/// Never in a build whose tests passed: the slides are in the binary.
#[must_use]
pub fn embedded() -> Deck {
    let sources: Vec<_> = embedded_texts()
        .into_iter()
        .filter_map(|(name, text)| {
            Some(Source {
                number: slide_number(&name)?,
                name,
                text,
            })
        })
        .collect();
    assemble(&sources, Split::Steps).expect("the binary carries slides/slide-01.md onwards")
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

/// What a `---` starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Split {
    /// The next step of the same slide.
    Steps,
    /// The next slide.
    Slides,
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
            sources.push(Source {
                number,
                name,
                text: read_text(&path)?,
            });
        }
    }
    // By number, so that slide-2.md comes before slide-10.md; names decide between equals.
    sources.sort_by_key(|source| source.number);
    Ok(sources)
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

fn assemble(sources: &[Source], split: Split) -> Option<Deck> {
    let mut problems = Vec::new();
    let mut slides: Vec<Slide> = Vec::new();
    for source in sources {
        if slides
            .last()
            .is_some_and(|last| last.address.slide == source.number)
        {
            let message = format!(
                "slide {} is already another file; this one is left out",
                source.number
            );
            problems.push(Problem::error(&source.name, 1, message));
            continue;
        }
        let parts = parse::parts(&source.name, &source.text, &mut problems);
        let several = parts.len() > 1;
        for (part, index) in parts.iter().zip(0_u32..) {
            let address = match split {
                Split::Steps => Address {
                    slide: source.number,
                    step: index + 1,
                },
                Split::Slides => Address {
                    slide: index + 1,
                    step: 1,
                },
            };
            let label = match split {
                Split::Steps if several => format!("{}.{}", address.slide, address.step),
                _ => address.slide.to_string(),
            };
            let before = slides
                .last()
                .filter(|slide| slide.address.slide == address.slide);
            let inherited = before.map(|slide| slide.title.clone());
            slides.push(slide(
                &source.name,
                address,
                label,
                part,
                inherited,
                &mut problems,
            ));
        }
    }
    let title = slides.first()?.title.clone();
    Some(Deck {
        title,
        slides,
        problems,
    })
}

fn slide(
    file: &str,
    address: Address,
    label: String,
    part: &Part<'_>,
    inherited: Option<String>,
    problems: &mut Vec<Problem>,
) -> Slide {
    let FrontMatter {
        title,
        layout,
        class,
        live,
    } = part
        .front_matter
        .map(|yaml| front_matter::read(file, yaml, problems))
        .unwrap_or_default();
    let id = format!("s{}", label.replace('.', "-"));
    let rendered = render(file, &id, part.body, layout, live.as_ref(), problems);
    let title = title
        .or(rendered.heading)
        .or(inherited)
        .unwrap_or_else(|| format!("Slide {label}"));
    let mut slide = Slide {
        address,
        label,
        title,
        layout,
        class,
        html: rendered.html,
        notes_html: rendered.notes_html,
        live: rendered.live,
        file: file.to_owned(),
        line: part.body.line,
        hash: 0,
    };
    slide.seal();
    slide
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(deck.problems, []);
        assert_eq!(
            deck.slides
                .iter()
                .map(|slide| slide.label.as_str())
                .collect::<Vec<_>>(),
            ["1", "2"]
        );
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
