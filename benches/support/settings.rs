//! What the benchmarks share: a setting from the environment.

use std::fmt::Display;
use std::str::FromStr;

/// The setting `name`, or `default` when it is not set.
pub(crate) fn setting<T: FromStr<Err: Display>>(name: &str, default: T) -> anyhow::Result<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark's own settings; config.rs is the program's"
    )]
    let given = std::env::var(name);
    let Ok(text) = given else {
        return Ok(default);
    };
    text.parse()
        .map_err(|error| anyhow::anyhow!("{name} cannot be {text:?}: {error}"))
}
