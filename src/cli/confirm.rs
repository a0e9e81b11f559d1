//! Asking before something is destroyed: on a terminal, or with `--yes` where there is none.

use anyhow::{Result, bail};
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Asks `question`. `what` says what it would do to a script that cannot be asked, `kept` that it was not done.
///
/// # Errors
/// When the answer is not yes, or nobody can answer.
pub(super) fn confirm(question: &str, what: &str, kept: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("{what} and cannot ask here; say --yes");
    }
    write!(std::io::stderr(), "{question} [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("{kept}");
    }
    Ok(())
}
