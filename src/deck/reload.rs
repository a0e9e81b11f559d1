//! The deck that is shown now, and the watch on its files that replaces it.
//!
//! Everyone who needs the deck asks a [`DeckHandle`] for it, so an edit reaches the next request at once. [`follow`]
//! looks at the deck's files twenty times a second. It polls on purpose: a `stat` of some twenty files costs
//! microseconds, needs no library, works on every file system, and does not care whether an editor writes in place or
//! saves by renaming. Only when size, time or inode of a file differ is the deck loaded again, and only when the
//! outcome differs is it published: a file saved without a change stirs nobody.
//!
//! A deck that cannot be loaded (a folder emptied in the middle of a save) leaves the last good one on the screen; the
//! reason goes to the author.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Deck, DeckError, Problem, load};

/// Pause between two looks. An edit should be on the screen within 200 ms; this is the quarter that waiting may take.
const POLL: Duration = Duration::from_millis(50);

/// How many looks a file that is suddenly gone or empty gets to come back: editors truncate, or move away, before they
/// write. A quarter of a second is longer than any save and shorter than a deletion is waited for.
const PATIENCE: u8 = 5;

/// A deck as it was published, with a name for exactly this content.
#[derive(Debug, Clone)]
pub struct Edition {
    /// The deck; the last good one when there is a `fault`.
    pub deck: Arc<Deck>,
    /// Differs when anything of the deck, its problems or the fault does; the same across restarts.
    pub version: String,
    /// Why the files as they are now make no deck.
    pub fault: Option<String>,
}

impl Edition {
    fn new(deck: Arc<Deck>, fault: Option<String>) -> Self {
        let version = format!("{:016x}", fingerprint(&format!("{deck:?}{fault:?}")));
        Self {
            deck,
            version,
            fault,
        }
    }

    /// What the author has to know.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.deck.problems
    }
}

/// The deck that is shown now. Clones share it.
#[derive(Debug, Clone)]
pub struct DeckHandle(Arc<watch::Sender<Edition>>);

impl DeckHandle {
    /// A handle on a deck that was just loaded.
    #[must_use]
    pub fn new(deck: Deck) -> Self {
        let edition = Edition::new(Arc::new(deck), None);
        Self(Arc::new(watch::Sender::new(edition)))
    }

    /// The deck.
    #[must_use]
    pub fn deck(&self) -> Arc<Deck> {
        Arc::clone(&self.0.borrow().deck)
    }

    /// The deck with its version and what is wrong with it.
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.0.borrow().clone()
    }

    /// Tells of every new edition.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Edition> {
        self.0.subscribe()
    }

    /// Shows another deck, if it is another.
    fn publish(&self, loaded: Result<Deck, DeckError>) {
        let edition = match loaded {
            Ok(deck) => Edition::new(Arc::new(deck), None),
            Err(error) => Edition::new(self.deck(), Some(error.to_string())),
        };
        self.0.send_if_modified(|current| {
            let differs = current.version != edition.version;
            if differs {
                *current = edition;
            }
            differs
        });
    }
}

/// Loads the deck that `follow` will watch: as [`load`] does, with the age of each picture in its address, so that a
/// browser asks again for one that was painted over.
///
/// # Errors
/// As [`load`].
pub fn load_watched(path: &Path) -> Result<Deck, DeckError> {
    let mut deck = load(path)?;
    let folder = folder_of(path);
    for slide in &mut deck.slides {
        let dated = date_pictures(&slide.html, &folder);
        if dated != slide.html {
            slide.html = dated;
            slide.seal();
        }
    }
    Ok(deck)
}

/// Where the files are that a deck refers to: its folder, or the folder of its one file.
#[must_use]
pub fn folder_of(deck: &Path) -> PathBuf {
    if deck.is_dir() {
        return deck.to_owned();
    }
    match deck.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Keeps `handle` equal to the files at `path` until told to stop.
pub async fn follow(path: PathBuf, handle: DeckHandle, shutdown: CancellationToken) {
    let mut watcher = Watcher::new(path.clone(), &handle.deck());
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let target = handle.clone();
        // Reading and drawing take milliseconds: off the threads that serve the room.
        let polled = tokio::task::spawn_blocking(move || {
            watcher.poll(&target);
            watcher
        });
        watcher = polled.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the deck could not be loaded; the last good one stays");
            Watcher::new(path.clone(), &handle.deck())
        });
    }
}

/// What tells one state of a file from another; `None` when there is no such file. The inode is in it because a save by
/// renaming may bring a file of the same size and time.
type Stamp = Option<(SystemTime, u64, u64)>;

struct Watcher {
    path: PathBuf,
    /// Files that the deck as loaded depends on, besides a folder's slides.
    known: Vec<PathBuf>,
    seen: BTreeMap<PathBuf, Stamp>,
    patience: u8,
    /// Whether to load once more at the next quiet look: file times tick every few milliseconds, so a write right
    /// after ours may have left time and size as they were.
    again: bool,
}

impl Watcher {
    fn new(path: PathBuf, deck: &Deck) -> Self {
        let mut watcher = Self {
            known: dependencies(&path, deck),
            path,
            seen: BTreeMap::new(),
            patience: PATIENCE,
            // The deck was loaded a moment before the first look.
            again: true,
        };
        watcher.seen = watcher.stamps();
        watcher
    }

    fn poll(&mut self, handle: &DeckHandle) {
        let now = self.stamps();
        let changed = now != self.seen;
        if changed && self.patience > 0 && self.is_mid_save(&now) {
            self.patience -= 1;
            return;
        }
        if !changed && !self.again {
            return;
        }
        self.patience = PATIENCE;
        self.again = changed;
        // Noted before loading: a write during it is a change at the next look.
        self.seen = now;
        let loaded = load_watched(&self.path);
        if let Ok(deck) = &loaded {
            self.known = dependencies(&self.path, deck);
        }
        handle.publish(loaded);
    }

    fn is_mid_save(&self, now: &BTreeMap<PathBuf, Stamp>) -> bool {
        let has_text = |stamp: &Stamp| stamp.is_some_and(|(_, size, _)| size > 0);
        let lost = |(path, before): (&PathBuf, &Stamp)| {
            has_text(before) && !now.get(path).is_some_and(has_text)
        };
        self.seen.iter().any(lost)
    }

    fn stamps(&self) -> BTreeMap<PathBuf, Stamp> {
        let slides = slides_in(&self.path).unwrap_or_default();
        let files = self.known.iter().cloned().chain(slides);
        files.map(|file| (file.clone(), stamp(&file))).collect()
    }
}

fn stamp(file: &Path) -> Stamp {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

/// The slide files of a folder; nothing for a deck of one file.
fn slides_in(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if load::slide_number(&entry.file_name().to_string_lossy()).is_some() {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Every file the deck was read from and every picture it shows, there or not: one that is missing may be drawn yet.
fn dependencies(path: &Path, deck: &Deck) -> Vec<PathBuf> {
    let folder = folder_of(path);
    let pictures = deck.slides.iter().flat_map(|slide| pictures(&slide.html));
    let mut files: Vec<_> = pictures
        .map(|picture| folder.join(decoded(picture)))
        .collect();
    if path.is_file() {
        files.push(path.to_owned());
    }
    files.extend(deck.files.iter().cloned());
    files.sort();
    files.dedup();
    files
}

/// How the renderer writes a picture of the deck's folder.
const PICTURE: &str = "src=\"/deck/";

/// Paths of the pictures in a slide's HTML, below the deck's folder, as written in their addresses.
fn pictures(html: &str) -> impl Iterator<Item = &str> {
    html.split(PICTURE)
        .skip(1)
        .filter_map(|rest| rest.split(['"', '?', '#']).next())
}

/// Adds to each picture's address what changes when its file does.
fn date_pictures(html: &str, folder: &Path) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once(PICTURE) {
        out.push_str(before);
        out.push_str(PICTURE);
        let (address, tail) = after.split_once('"').unwrap_or((after, ""));
        out.push_str(address);
        if let Some(stamp) = stamp(&folder.join(decoded(address)))
            && !address.contains(['?', '#'])
        {
            out.push_str(&format!("?v={:x}", fingerprint(&stamp)));
        }
        out.push('"');
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// `a%20b.png` → `a b.png`
pub(super) fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A number that stands for a content. Not against malice, only to tell editions apart.
pub(super) fn fingerprint(content: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
