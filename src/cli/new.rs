//! `podium new DIR`: a deck to begin with, one slide of each kind that people ask how to write.

use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The deck's one file, as people know it from other tools.
const NAME: &str = "slides.md";
const SLIDES: &str = include_str!("new/slides.md");

/// Starts a deck in `folder` and says on `out` what to do next. A folder with other things in it is welcome (a
/// repository, say); a deck that is there already is never touched.
///
/// # Errors
/// When there is such a file, or it cannot be written.
pub fn run(folder: &Path, out: &mut impl Write) -> Result<()> {
    let path = folder.join(NAME);
    if path.exists() {
        bail!(
            "{} is there already; name another folder, or move it away",
            path.display()
        );
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Never over a file that came meanwhile.
    let mut file =
        fs::File::create_new(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(SLIDES.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))?;
    let shown = path.display();
    writeln!(out, "{shown} is a deck of one slide of each kind. Next:\n")?;
    writeln!(
        out,
        "  podium serve --deck {shown}    present it; every edit shows at once"
    )?;
    writeln!(
        out,
        "  podium check {shown}           lint it before you go on stage"
    )?;
    Ok(())
}
