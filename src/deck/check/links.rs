//! Links and pictures: what they point at must be there, and a picture must say what it shows.

use std::path::{Component, Path};

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};

use super::{Part, Place};
use crate::deck::reload::decoded;
use crate::deck::{Address, Problem, Severity};

pub(super) fn check(part: &Part<'_>, place: &Place<'_>, problems: &mut Vec<Problem>) {
    let mut picture: Option<(usize, bool)> = None;
    for (event, range) in Part::events(part.body.text) {
        let mut report = |severity, message| {
            problems.push(part.at(range.start, severity, message));
        };
        match event {
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                ..
            }) if link_type != LinkType::Email => {
                if let Some(message) = broken_link(&dest_url, place) {
                    report(Severity::Error, message);
                }
            }
            Event::Start(Tag::Image {
                dest_url, title, ..
            }) => {
                if let Some(message) = broken_picture(&dest_url, place) {
                    report(Severity::Error, message);
                }
                picture = Some((range.start, !title.is_empty()));
            }
            Event::Text(_) | Event::Code(_) => {
                if let Some((_, described)) = &mut picture {
                    *described = true;
                }
            }
            Event::End(TagEnd::Image) => {
                if let Some((start, false)) = picture.take() {
                    problems.push(part.at(start, Severity::Warning, NO_ALT.to_owned()));
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                for (at, tag) in image_tags(&html) {
                    if !tag.contains("alt=") {
                        let at = range.start + at;
                        problems.push(part.at(at, Severity::Warning, NO_ALT.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
}

const NO_ALT: &str = "a picture without words: say what it shows, as in ![what it shows](picture.png), \
                      for those who cannot see it";

/// `<img …>` tags and where they are.
fn image_tags(html: &str) -> impl Iterator<Item = (usize, &str)> {
    html.match_indices("<img").map(|(at, _)| {
        let tag = &html[at..];
        (at, tag.split('>').next().unwrap_or(tag))
    })
}

fn broken_link(target: &str, place: &Place<'_>) -> Option<String> {
    if let Some(path) = target.strip_prefix('/') {
        return broken_address(path.split(['#', '?']).next().unwrap_or(path), place);
    }
    let path = relative(target)?;
    let slide = path
        .strip_prefix("slide-")
        .and_then(|rest| rest.strip_suffix(".md"))
        .and_then(|number| number.parse::<u32>().ok());
    if let Some(number) = slide {
        return broken_address(&number.to_string(), place);
    }
    missing_file(path, place)
}

/// `/99` of a deck of twelve slides. Other pages of the server are not the deck's business.
fn broken_address(path: &str, place: &Place<'_>) -> Option<String> {
    Address::parse(path)?;
    if place.deck.find(path).is_some() {
        return None;
    }
    let last = place.deck.last_number();
    Some(format!(
        "there is no slide {path}: the deck goes from 1 to {last}"
    ))
}

fn broken_picture(target: &str, place: &Place<'_>) -> Option<String> {
    let path = relative(target)?;
    if Path::new(path)
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return Some("a picture must lie in the deck's folder or below it".to_owned());
    }
    missing_file(path, place)
}

fn missing_file(path: &str, place: &Place<'_>) -> Option<String> {
    // What the built-in talk links to is in the binary.
    let folder = place.folder.as_ref()?;
    let there = folder.join(decoded(path)).exists();
    (!there).then(|| format!("there is no {path:?} in the deck's folder"))
}

/// The path of a link into the deck's folder; `None` when it leads elsewhere.
fn relative(target: &str) -> Option<&str> {
    let path = target.split(['#', '?']).next().unwrap_or(target);
    let elsewhere = path.is_empty()
        || path.starts_with('/')
        || path
            .split('/')
            .next()
            .is_some_and(|head| head.contains(':'));
    (!elsewhere).then(|| path.strip_prefix("./").unwrap_or(path))
}
