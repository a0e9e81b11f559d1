//! A deck as a speaker may have written it: no text may keep the talk from loading, and no markup that runs may come
//! out of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// One file a process: libFuzzer's workers do not share it.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("podium-fuzz-{}.md", std::process::id())));

fuzz_target!(|text: &[u8]| {
    std::fs::write(&*FILE, text).expect("the temporary folder is writable");
    let Ok(deck) = podium::deck::load(&FILE) else {
        return;
    };
    for slide in &deck.slides {
        assert!(
            deck.find(&slide.label).is_some(),
            "{} is found",
            slide.label
        );
        assert!(!slide.html.contains("<script"), "{}", slide.html);
        assert!(
            !slide.notes_html.contains("<script"),
            "{}",
            slide.notes_html
        );
    }
});
