//! A browser of this machine that prints a page to PDF, without a window.

use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// Looked for on the PATH, in this order. They all understand the same flags.
const NAMES: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
];

/// A deck of a few hundred slides takes seconds; a browser that hangs takes for ever.
const LIMIT: Duration = Duration::from_secs(90);

/// Prints `html` to the PDF `path`, with the browser named or the first one found.
///
/// # Errors
/// When there is no browser, or it fails; the message says what to install, and the way that needs none.
pub(super) async fn print(html: &str, path: &Path, named: Option<&Path>) -> Result<()> {
    let folder = Folder::beside(path)?;
    let page = folder.0.join("deck.html");
    fs::write(&page, html).with_context(|| format!("cannot write {}", page.display()))?;
    let pdf = folder.0.join("deck.pdf");
    let candidates: Vec<&Path> = match named {
        Some(named) => vec![named],
        None => NAMES.iter().map(Path::new).collect(),
    };
    for program in candidates {
        writeln!(std::io::stderr(), "Printing with {} …", program.display())?;
        let Some(output) = print_with(program, &page, &pdf).await? else {
            continue;
        };
        if !pdf.is_file() {
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            bail!(
                "{} made no PDF: {}\nOpen /print in any browser and save it as PDF: the pages are the same.",
                program.display(),
                complaint.lines().last().unwrap_or("it said nothing").trim()
            );
        }
        return fs::rename(&pdf, path).with_context(|| format!("cannot write {}", path.display()));
    }
    match named {
        Some(named) => bail!(
            "there is no browser {}; give --browser the path of Chromium, Chrome or Edge",
            named.display()
        ),
        None => bail!(
            "no browser found to make the PDF with. Install Chromium (Debian: apt install chromium), Chrome or Edge, or \
             name one with --browser PATH; or open /print of a running `podium serve` and save it as PDF: the pages are \
             the same"
        ),
    }
}

/// Runs one browser; `None` when there is no such program.
async fn print_with(program: &Path, page: &Path, pdf: &Path) -> Result<Option<Output>> {
    let page = fs::canonicalize(page)?;
    let profile = page.with_file_name("profile");
    let mut command = Command::new(program);
    command
        .arg("--headless")
        .arg("--disable-gpu")
        .arg("--no-first-run")
        .arg("--no-pdf-header-footer")
        // A profile of its own: else a browser that is open takes the page and prints nothing.
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    // Chromium refuses its sandbox to root, as in a container. The page is our own, without a network and with no
    // script but ours; for anyone else the sandbox stays.
    if rustix::process::geteuid().is_root() {
        command.arg("--no-sandbox");
    }
    command.arg(format!("file://{}", page.display()));
    match tokio::time::timeout(LIMIT, command.output()).await {
        Ok(Ok(output)) => Ok(Some(output)),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Ok(Err(error)) => Err(error).with_context(|| format!("cannot start {}", program.display())),
        Err(_) => bail!(
            "{} did not finish within {} s and was stopped",
            program.display(),
            LIMIT.as_secs()
        ),
    }
}

/// A folder that is gone when this is. Beside the PDF, since a packaged browser may see nothing but the user's own
/// folders, and since a rename must not cross file systems.
struct Folder(PathBuf);

impl Folder {
    fn beside(path: &Path) -> Result<Self> {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = fs::canonicalize(parent.unwrap_or(Path::new(".")))
            .with_context(|| format!("there is no folder for {}", path.display()))?;
        let folder = parent.join(format!("podium-export-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind, it is only litter.
        let _ = fs::remove_dir_all(&self.0);
    }
}
