//! The watcher, look by look: no clock is involved.

use super::*;

struct Desk {
    folder: tempfile::TempDir,
    watcher: Watcher,
    handle: DeckHandle,
}

/// A deck of one slide that the watcher has found quiet.
fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("slide-01.md"), "# One\n").unwrap();
    let handle = DeckHandle::new(load_watched(folder.path()).unwrap());
    let watcher = Watcher::new(folder.path().to_owned(), &handle.deck());
    let mut desk = Desk {
        folder,
        watcher,
        handle,
    };
    desk.look();
    desk
}

impl Desk {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// One look; whether a new edition came of it.
    fn look(&mut self) -> bool {
        let mut editions = self.handle.subscribe();
        editions.mark_unchanged();
        self.watcher.poll(&self.handle);
        editions.has_changed().unwrap()
    }

    fn titles(&self) -> Vec<String> {
        let deck = self.handle.deck();
        deck.slides
            .iter()
            .map(|slide| slide.title.clone())
            .collect()
    }
}

#[test]
fn an_edit_a_new_file_and_a_removed_one_are_seen() {
    let mut desk = desk();
    assert!(!desk.look());
    desk.write("slide-01.md", "# Uno!\n");
    assert!(desk.look());
    desk.write("slide-02.md", "# Due\n");
    assert!(desk.look());
    assert_eq!(desk.titles(), ["Uno!", "Due"]);
    fs::remove_file(desk.folder.path().join("slide-02.md")).unwrap();
    let looks = (0..=PATIENCE).filter(|_| desk.look()).count();
    assert_eq!((looks, desk.titles()), (1, vec!["Uno!".to_owned()]));
}

#[test]
fn a_save_by_renaming_is_seen_though_size_and_time_are_the_same() {
    let mut desk = desk();
    let path = desk.folder.path().join("slide-01.md");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    desk.write("new", "# Two\n");
    let file = fs::File::options()
        .write(true)
        .open(desk.folder.path().join("new"))
        .unwrap();
    file.set_modified(time).unwrap();
    fs::rename(desk.folder.path().join("new"), &path).unwrap();
    assert!(desk.look());
    assert_eq!(desk.titles(), ["Two"]);
}

#[test]
fn a_file_saved_without_a_change_stirs_nobody() {
    let mut desk = desk();
    desk.write("slide-01.md", "# One\n");
    assert!(!desk.look() && !desk.look());
}

#[test]
fn a_file_emptied_in_the_middle_of_a_save_is_waited_for() {
    let mut desk = desk();
    desk.write("slide-01.md", "");
    assert!(!desk.look());
    desk.write("slide-01.md", "# Whole\n");
    assert!(desk.look());
    assert_eq!(desk.titles(), ["Whole"]);
}

#[test]
fn a_deck_that_is_gone_leaves_the_last_good_one_and_says_why() {
    let mut desk = desk();
    fs::remove_file(desk.folder.path().join("slide-01.md")).unwrap();
    assert_eq!((0..=PATIENCE).filter(|_| desk.look()).count(), 1);
    let edition = desk.handle.edition();
    assert_eq!(desk.titles(), ["One"]);
    assert!(edition.fault.unwrap().contains("no slides"));
    desk.write("slide-01.md", "# One\n");
    assert!(desk.look());
    assert_eq!(desk.handle.edition().fault, None);
}

#[test]
fn a_picture_painted_over_gets_another_address() {
    let mut desk = desk();
    desk.write("slide-01.md", "![A rack](a%20rack.png)\n");
    assert!(desk.look());
    let missing = desk.handle.deck().first().clone();
    assert!(missing.html.contains("/deck/a%20rack.png\""));
    desk.write("a rack.png", "picture");
    assert!(desk.look());
    let drawn = desk.handle.deck().first().clone();
    assert!(
        drawn.html.contains("/deck/a%20rack.png?v="),
        "{}",
        drawn.html
    );
    assert_ne!(missing.hash, drawn.hash);
    desk.write("a rack.png", "another picture");
    assert!(desk.look());
    assert_ne!(drawn.html, desk.handle.deck().first().html);
}

#[test]
fn the_same_content_has_the_same_version_and_only_the_edited_slide_another_hash() {
    let deck = crate::deck::embedded;
    let one = DeckHandle::new(deck()).edition();
    assert_eq!(one.version, DeckHandle::new(deck()).edition().version);
    let mut edited = deck();
    edited.slides[3].notes_html.push_str("<p>More.</p>");
    let other = DeckHandle::new(edited).edition();
    assert_ne!(one.version, other.version);
    let hashes: std::collections::BTreeSet<_> =
        one.deck.slides.iter().map(|slide| &slide.hash).collect();
    assert_eq!(hashes.len(), one.deck.slides.len());
}

#[test]
fn percent_codes_are_read_and_stray_percents_kept() {
    assert_eq!(decoded("a%20b%C3%A9.png"), "a bé.png");
    assert_eq!(decoded("100%.png"), "100%.png");
    assert_eq!(decoded("%é"), "%é");
}
