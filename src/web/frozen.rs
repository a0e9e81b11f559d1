//! Slides that stand still: what is live on the page becomes what the last run showed, and says so with its time.
//!
//! For paper and for the exported file, where no number will ever come. Works on finished HTML: the places for live
//! things are ours, so their form is known.

use super::inline::attribute;
use crate::live::run::Run;
use crate::live::run::picture::{Graph, picture};
use crate::live::run::words::{duration, grouped, phases, when};
use crate::live::sample::Phase;

/// Height of a graph's plot on a slide, in pixels of a canvas 1280 wide: two of them fit below a diagram.
const PLOT_HEIGHT: f64 = 132.0;

/// Freezes graphs, values, phases and the live mark; takes the buttons out.
pub(super) fn freeze(html: &str, run: Option<&Run>) -> String {
    let html = replace_elements(html, "<div class=\"controls\"", "div", |_| String::new());
    let html = replace_elements(&html, "<figure class=\"chart\"", "figure", |tag| {
        graphs(attribute(tag, "data-series").unwrap_or_default(), run)
    });
    let html = replace_elements(&html, "<div data-phase-strip", "div", |_| strip(run));
    let html = replace_elements(&html, "<span class=\"live-mark\"", "span", |_| {
        format!("<span class=\"recorded-mark\">{}</span>", mark(run))
    });
    values(&html, run)
}

/// Where the numbers come from.
fn mark(run: Option<&Run>) -> String {
    let Some(run) = run else {
        return "No run recorded yet".to_owned();
    };
    let since = run.height().map(|row| run.columns.t[row] - run.started);
    match since {
        Some(since) if since > 0 => format!(
            "Recorded {}; numbers of {} after the trigger",
            when(run),
            duration(since)
        ),
        _ => format!("Recorded {}", when(run)),
    }
}

fn graphs(series: &str, run: Option<&Run>) -> String {
    let graphs: Vec<_> = series.split_whitespace().filter_map(Graph::named).collect();
    match run {
        Some(run) if !graphs.is_empty() => format!(
            "<figure class=\"frozen\">{}</figure>",
            picture(run, &graphs, PLOT_HEIGHT)
        ),
        Some(_) => String::new(),
        None => {
            "<figure class=\"frozen\"><p class=\"no-run\">No run recorded yet: start the demo, \
                 announce the tour, and export again.</p></figure>"
                .to_owned()
        }
    }
}

/// How long each phase took, in the look of the strip.
fn strip(run: Option<&Run>) -> String {
    let Some(run) = run else {
        return String::new();
    };
    let entries: String = phases(run)
        .into_iter()
        .map(|(phase, ms)| {
            let word = match phase {
                Phase::Idle => "Idle",
                Phase::Trigger => "Trigger",
                Phase::Response => "Response",
                Phase::Recovery => "Recovery",
            };
            format!(
                "<div role=\"listitem\" data-phase=\"{0}\"><span>{word}</span> <span class=\"phase-clock\">{1}</span></div>",
                word.to_lowercase(),
                duration(ms)
            )
        })
        .collect();
    format!("<div><div class=\"phase-strip\" role=\"list\">{entries}</div></div>")
}

/// Fills every `data-live` element with the value at the run's height.
fn values(html: &str, run: Option<&Run>) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(" data-live=\"") {
        let start = rest[..at].rfind('<').unwrap_or(at);
        let Some(end) = rest[at..].find('>').map(|end| at + end + 1) else {
            break;
        };
        let tag = &rest[start..end];
        let field = attribute(tag, "data-live").unwrap_or_default();
        let format = attribute(tag, "data-format").unwrap_or("int");
        out.push_str(&rest[..end]);
        let value = run.and_then(|run| written(run, field, format));
        out.push_str(value.as_deref().unwrap_or("–"));
        rest = &rest[end..];
        rest = &rest[rest.find('<').unwrap_or(rest.len())..];
    }
    out.push_str(rest);
    out
}

/// A field of the run as the browser would write it; `None` when the run does not know it.
fn written(run: &Run, field: &str, format: &str) -> Option<String> {
    let row = run.height()?;
    let columns = &run.columns;
    let signed = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    let number = match field {
        "scaler" => {
            let active = columns.active[row]?;
            return Some(if active { "active" } else { "inactive" }.to_owned());
        }
        "cpu" => return Some(cpu(columns.cpu_at(row)?)),
        "external_metric" => columns.external_metric[row].map(rounded),
        "service_rate" => columns.service_rate[row].map(rounded),
        "depth" => columns.depth[row],
        "in_flight" => columns.in_flight[row],
        "ready" => columns.ready[row],
        "desired" => signed(columns.desired[row]),
        "replicas" => signed(columns.replicas[row]),
        "enqueued" => run.counts.enqueued,
        "processed" => run.counts.completed,
        "failed" => run.counts.failed,
        "dead" => run.counts.dead,
        "duplicates" => run.counts.duplicates,
        _ => None,
    }?;
    let text = grouped(number);
    Some(match format {
        "jobs" if number == 1 => format!("{text} job"),
        "jobs" => format!("{text} jobs"),
        "rate" => format!("{text}/s"),
        "wanted" | "ready" => format!("{text} {format}"),
        _ => text,
    })
}

/// Thousandths of a core in the browser's words: `74 mCPU`, `1.25 CPU`.
fn cpu(millicores: f64) -> String {
    if millicores < 1_000.0 {
        format!("{millicores:.0} mCPU")
    } else {
        format!("{:.2} CPU", millicores / 1_000.0)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and rates of jobs: never negative, far below 2^53"
)]
fn rounded(value: f64) -> u64 {
    value.round().max(0.0) as u64
}

/// Replaces each element that begins with `opening`, of kind `name`, by what `make` makes of its start tag.
fn replace_elements(
    html: &str,
    opening: &str,
    name: &str,
    make: impl Fn(&str) -> String,
) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find(opening) {
        let (before, element) = rest.split_at(start);
        out.push_str(before);
        let tag = &element[..element.find('>').map_or(element.len(), |end| end + 1)];
        out.push_str(&make(tag));
        rest = &element[end_of(element, name)..];
    }
    out.push_str(rest);
    out
}

/// Where the element at the start of `html` ends, elements of the same kind inside it counted.
fn end_of(html: &str, name: &str) -> usize {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let Some(end) = html[at..].find(&close).map(|end| at + end) else {
            return html.len();
        };
        depth += html[at..end].matches(&open).count();
        at = end + close.len();
        depth = depth.saturating_sub(1);
        if depth == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::run::tests::run;

    #[test]
    fn a_live_slide_shows_the_last_run_and_its_time() {
        let html = "<figure class=\"chart\" data-series=\"depth\" aria-label=\"x\"></figure>\
                    <div data-phase-strip=\"\"></div><tspan data-live=\"depth\" data-format=\"jobs\">–</tspan>\
                    <span class=\"live-mark\" data-connection>Live</span>";
        let frozen = freeze(html, Some(&run()));
        for part in [
            "<svg class=\"run-picture\"",
            "<span>Response</span> <span class=\"phase-clock\">41 s</span>",
            "data-format=\"jobs\">3,477 jobs</tspan>",
            "<span class=\"recorded-mark\">Recorded 24 Nov 2025, 18:03 UTC; numbers of 23 s after the trigger</span>",
        ] {
            assert!(frozen.contains(part), "{part} in {frozen}");
        }
        assert!(!frozen.contains("data-connection"));
    }

    #[test]
    fn without_a_run_nothing_is_invented() {
        let html = "<figure class=\"chart\" data-series=\"depth\"></figure><b data-live=\"ready\">–</b>\
                    <span class=\"live-mark\" data-connection>Live</span>";
        let frozen = freeze(html, None);
        assert!(frozen.contains("No run recorded yet: start the demo"));
        assert!(frozen.contains("<b data-live=\"ready\">–</b>"));
        assert!(frozen.contains("<span class=\"recorded-mark\">No run recorded yet</span>"));
    }

    #[test]
    fn buttons_are_gone_and_what_stands_around_them_stays() {
        let html = "<p>a</p><div class=\"controls\" data-speaker-only><div><form></form></div></div><div>b</div>";
        assert_eq!(freeze(html, None), "<p>a</p><div>b</div>");
    }
}
