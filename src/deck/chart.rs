//! The `chart` directive: a live graph of the demo, in a slide.
//!
//! ```yaml
//! series: [depth, replicas]
//! title: Backlog and answer
//! window: 5m
//! threshold: 200
//! ```
//!
//! `window` is the longest stretch of time shown, `threshold` a line across the first graph. Both, and the title, may
//! be absent. The browser draws the graph; this says what it shall draw, and checks that it can.

use super::escape::escape;
use serde::Deserialize;
use std::time::Duration;

/// What a graph can show: the live values of which the browser keeps a history.
pub const SERIES: [&str; 12] = [
    "depth",
    "in_flight",
    "enqueued",
    "processed",
    "arrival_rate",
    "service_rate",
    "external_metric",
    "desired",
    "replicas",
    "ready",
    "starting",
    "cpu",
];

/// Two samples a second make no shorter curve worth looking at.
const SHORTEST: Duration = Duration::from_secs(15);
/// The server keeps this much.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// A `chart` block, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// One graph each, from the top.
    pub series: Vec<&'static str>,
    /// A caption.
    pub title: Option<String>,
    /// The longest stretch of time shown; `None` leaves it to the browser.
    pub window: Option<Duration>,
    /// A line across the first graph, in its unit.
    pub threshold: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    series: Vec<String>,
    title: Option<String>,
    window: Option<String>,
    threshold: Option<String>,
}

impl Chart {
    /// Reads the block's body. The error says what to write instead.
    ///
    /// # Errors
    /// A body that is no chart.
    pub fn read(body: &str) -> Result<Self, String> {
        let body: Body = serde_saphyr::from_str(body).map_err(|_| {
            "a chart block has lines such as `series: [depth, replicas]`, `title: Backlog`, `window: 5m` and \
             `threshold: 200`"
                .to_owned()
        })?;
        if body.series.is_empty() {
            return Err("a chart needs at least one series, such as `series: [depth]`".to_owned());
        }
        Ok(Self {
            series: body.series.iter().map(series).collect::<Result<_, _>>()?,
            title: body.title.filter(|title| !title.trim().is_empty()),
            window: body.window.as_deref().map(window).transpose()?,
            threshold: body.threshold.as_deref().map(threshold).transpose()?,
        })
    }

    /// The place where the browser draws. Without it the words say what would be there.
    #[must_use]
    pub fn html(&self) -> String {
        let names = self.series.join(" ");
        let words = self.series.join(", ").replace('_', " ");
        let window = self.window.map_or(String::new(), |window| {
            format!(" data-window=\"{}\"", window.as_millis())
        });
        let threshold = self.threshold.map_or(String::new(), |threshold| {
            format!(" data-threshold=\"{threshold}\"")
        });
        let title = self.title.as_ref().map_or(String::new(), |title| {
            format!("<figcaption>{}</figcaption>", escape(title))
        });
        format!(
            "<figure class=\"chart\" data-series=\"{names}\"{window}{threshold} \
             aria-label=\"Live graph: {words}\">{title}</figure>"
        )
    }
}

fn series(name: &String) -> Result<&'static str, String> {
    let found = SERIES.into_iter().find(|series| series == name);
    found.ok_or_else(|| format!("there is no graph of {name:?}; use {}", SERIES.join(", ")))
}

/// `90s`, `5m`: seconds or minutes.
fn window(text: &str) -> Result<Duration, String> {
    let wrong = || format!("window: {text} is no time from 15s to 30m; write `90s` or `5m`");
    let seconds = match text.strip_suffix('m') {
        Some(minutes) => minutes.parse().ok().and_then(|n: u64| n.checked_mul(60)),
        None => text
            .strip_suffix('s')
            .and_then(|seconds| seconds.parse().ok()),
    };
    let window = Duration::from_secs(seconds.ok_or_else(wrong)?);
    if (SHORTEST..=LONGEST).contains(&window) {
        Ok(window)
    } else {
        Err(wrong())
    }
}

fn threshold(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok();
    value
        .filter(|value| value.is_finite() && *value > 0.0)
        .ok_or_else(|| format!("threshold: {text} is no number above 0; write `threshold: 200`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str, because: &str) {
        let error = Chart::read(body).unwrap_err();
        assert!(error.contains(because), "{error}");
    }

    #[test]
    fn a_chart_takes_a_window_a_threshold_and_a_title() {
        let chart = Chart::read(
            "series: [depth, replicas]\ntitle: Backlog & answer\nwindow: 5m\nthreshold: 200\n",
        )
        .unwrap();
        assert_eq!(
            chart.html(),
            "<figure class=\"chart\" data-series=\"depth replicas\" data-window=\"300000\" data-threshold=\"200\" \
             aria-label=\"Live graph: depth, replicas\"><figcaption>Backlog &amp; answer</figcaption></figure>"
        );
        assert_eq!(
            Chart::read("series: [depth]\nwindow: 90s").unwrap().window,
            Some(Duration::from_secs(90))
        );
    }

    #[test]
    fn a_value_that_cannot_be_used_says_what_can() {
        refused("series: [happiness]", "use depth, in_flight");
        refused("series: [failed]", "use depth, in_flight");
        refused("series: []", "at least one");
        refused("serie: depth", "series: [depth");
        for window in [
            "5",
            "5h",
            "fast",
            "-1m",
            "1s",
            "31m",
            "99999999999999999999m",
        ] {
            refused(
                &format!("series: [depth]\nwindow: {window}"),
                "write `90s` or `5m`",
            );
        }
        for threshold in ["lots", "0", "-4", ".inf"] {
            refused(
                &format!("series: [depth]\nthreshold: {threshold}"),
                "threshold: 200",
            );
        }
    }
}
