//! Says what to do when the browser assets are not there yet, instead of embedding an incomplete page.

fn main() {
    let stamp = "static/vendor/uplot/uPlot.esm.js";
    println!("cargo::rerun-if-changed={stamp}");
    // The embedded folders are read at compile time; without these lines an edit would go unseen.
    for folder in ["static", "slides", "templates", "manifests"] {
        println!("cargo::rerun-if-changed={folder}");
    }
    if !std::path::Path::new(stamp).exists() {
        println!(
            "cargo::error=the browser assets are missing: run `npm ci` (or `make run`, which does) and build again"
        );
    }
}
