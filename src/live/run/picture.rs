//! A run's graph as an SVG: the live graph's look, standing still. For paper, for the exported file, for the run's page.
//!
//! No script and no style of its own: its colours are the page's CSS variables, so it follows light and dark. Sizes are
//! chosen so that a unit is about a pixel on a slide 1280 pixels wide.

mod scale;

use super::words::{grouped, sentence, when};
use super::{Columns, Run};
use scale::{axis_steps, most, ratio, signed, unsigned, whole};
use std::fmt::Write as _;

/// Width of the drawing; the content of a slide at 1280 pixels.
const WIDTH: f64 = 1150.0;
/// Left and right of the plot: the legend and the axis labels.
const LEFT: f64 = 214.0;
const RIGHT: f64 = 24.0;
/// Above and below it: room for the topmost label; the time axis.
const TOP: f64 = 14.0;
const BOTTOM: f64 = 30.0;
/// Between two graphs.
const GAP: f64 = 22.0;
/// The height of the line that says when it was recorded.
const TITLE: f64 = 28.0;

/// Which graphs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graph {
    /// The jobs that wait, as an area.
    Backlog,
    /// Desired dashed, replicas as a step, ready filled below.
    Replicas,
}

impl Graph {
    /// The graph that a deck's `chart` block calls by this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "depth" => Some(Self::Backlog),
            "replicas" => Some(Self::Replicas),
            _ => None,
        }
    }
}

/// Draws these graphs over one time axis, each `height` high.
#[must_use]
pub fn picture(run: &Run, graphs: &[Graph], height: f64) -> String {
    let count = f64::from(u32::try_from(graphs.len()).unwrap_or(u32::MAX));
    let whole = TITLE + TOP + count * height + (count - 1.0).max(0.0) * GAP + BOTTOM;
    let mut svg = format!(
        "<svg class=\"run-picture\" viewBox=\"0 0 {WIDTH} {whole}\" role=\"img\" aria-label=\"{}\">",
        sentence(run)
    );
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"18\" class=\"run-time\">Recorded {}</text>",
        when(run)
    );
    let axis = TimeAxis::of(run);
    for (graph, index) in graphs.iter().zip(0_u32..) {
        let top = TITLE + TOP + f64::from(index) * (height + GAP);
        Plot {
            axis: &axis,
            top,
            height,
            svg: &mut svg,
        }
        .graph(*graph, run);
    }
    axis.labels(whole - BOTTOM, &mut svg);
    svg.push_str("</svg>");
    svg
}

/// Time to the right, from the first row to the last.
struct TimeAxis {
    from: i64,
    to: i64,
    trigger: i64,
}

impl TimeAxis {
    fn of(run: &Run) -> Self {
        let from = run.columns.t.first().copied().unwrap_or(run.started);
        let to = run.columns.t.last().copied().unwrap_or(run.started);
        Self {
            from,
            to: to.max(from + 1_000),
            trigger: run.started,
        }
    }

    fn x(&self, t: i64) -> f64 {
        LEFT + ratio(t - self.from, self.to - self.from) * (WIDTH - LEFT - RIGHT)
    }

    /// `0`, `30 s`, `1:00`: since the trigger, at most eight of them.
    fn labels(&self, y: f64, svg: &mut String) {
        let span = (self.to - self.trigger) / 1_000;
        let step = [5, 10, 15, 30, 60, 120, 300, 600]
            .into_iter()
            .find(|step| span / step <= 8)
            .unwrap_or(1_800);
        for seconds in (0..=span).step_by(usize::try_from(step).unwrap_or(1)) {
            let x = self.x(self.trigger + seconds * 1_000);
            let words = match seconds {
                0 => "0".to_owned(),
                1..60 => format!("{seconds} s"),
                _ => format!("{}:{:02}", seconds / 60, seconds % 60),
            };
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"run-axis\">{words}</text>",
                y + 24.0
            );
        }
    }
}

/// One graph being drawn.
struct Plot<'a> {
    axis: &'a TimeAxis,
    top: f64,
    height: f64,
    svg: &'a mut String,
}

impl Plot<'_> {
    fn graph(&mut self, graph: Graph, run: &Run) {
        let columns = &run.columns;
        match graph {
            Graph::Backlog => {
                let depth = unsigned(&columns.depth);
                let scale = self.frame("Backlog", "jobs", most(&[&depth], 10.0));
                let area = self.outline(columns, &depth, scale, Shape::Line);
                self.fill(&area, "backlog", 0.28);
                self.stroke(&area, "backlog", "2.5", "");
            }
            Graph::Replicas => {
                let (desired, replicas) = (signed(&columns.desired), signed(&columns.replicas));
                let ready = unsigned(&columns.ready);
                let scale = self.frame(
                    "Replicas",
                    "pods",
                    most(&[&desired, &replicas, &ready], 4.0),
                );
                let shape = self.outline(columns, &ready, scale, Shape::Step);
                self.fill(&shape, "ready", 0.38);
                let shape = self.outline(columns, &replicas, scale, Shape::Step);
                self.stroke(&shape, "replicas", "2.5", "");
                let shape = self.outline(columns, &desired, scale, Shape::Step);
                self.stroke(&shape, "desired", "2", " stroke-dasharray=\"7 5\"");
                self.key(0, "replicas", "Replicas");
                self.key(1, "desired", "Desired");
                self.key(2, "ready", "Ready");
            }
        }
        self.trigger();
    }

    /// The title at the left, the value axis with its hairlines; returns the value at the top.
    fn frame(&mut self, title: &str, unit: &str, most: f64) -> f64 {
        let (step, top) = axis_steps(most);
        let _ = write!(
            self.svg,
            "<text x=\"0\" y=\"{:.1}\" class=\"run-title\">{title}<tspan class=\"run-unit\">, {unit}</tspan></text>",
            self.top + 14.0
        );
        let mut value = 0.0;
        while value <= top {
            let y = self.y(value, top);
            let _ = write!(
                self.svg,
                "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"var(--hairline)\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" class=\"run-axis\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 10.0,
                y + 6.0,
                grouped(whole(value)),
            );
            value += step;
        }
        top
    }

    fn y(&self, value: f64, top: f64) -> f64 {
        self.top + self.height * (1.0 - value / top)
    }

    /// The stretches of a series between its gaps, as points.
    fn outline(
        &self,
        columns: &Columns,
        values: &[Option<f64>],
        top: f64,
        shape: Shape,
    ) -> Vec<Vec<(f64, f64)>> {
        let mut stretches: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
        for (t, value) in columns.t.iter().zip(values) {
            let Some(stretch) = stretches.last_mut() else {
                continue;
            };
            let Some(value) = value else {
                if !stretch.is_empty() {
                    stretches.push(Vec::new());
                }
                continue;
            };
            let (x, y) = (self.axis.x(*t), self.y(*value, top));
            if let (Shape::Step, Some((_, before))) = (shape, stretch.last().copied())
                && (before - y).abs() > f64::EPSILON
            {
                stretch.push((x, before));
            }
            stretch.push((x, y));
        }
        stretches.retain(|stretch| stretch.len() > 1);
        for stretch in &mut stretches {
            straighten(stretch);
        }
        stretches
    }

    fn fill(&mut self, stretches: &[Vec<(f64, f64)>], colour: &str, opacity: f64) {
        let floor = self.top + self.height;
        for stretch in stretches {
            let (first, last) = (stretch[0].0, stretch[stretch.len() - 1].0);
            let _ = write!(
                self.svg,
                "<path d=\"M{first:.1} {floor:.1}L{}L{last:.1} {floor:.1}Z\" fill=\"var(--{colour})\" fill-opacity=\"{opacity}\"/>",
                points(stretch)
            );
        }
    }

    fn stroke(&mut self, stretches: &[Vec<(f64, f64)>], colour: &str, width: &str, more: &str) {
        for stretch in stretches {
            let _ = write!(
                self.svg,
                "<path d=\"M{}\" fill=\"none\" stroke=\"var(--{colour})\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{more}/>",
                points(stretch)
            );
        }
    }

    /// A line of the legend: the series' look, then its word.
    fn key(&mut self, row: u32, colour: &str, word: &str) {
        let y = self.top + 38.0 + f64::from(row) * 24.0;
        let look = match colour {
            "ready" => format!(
                "<rect x=\"0\" y=\"{:.1}\" width=\"26\" height=\"12\" fill=\"var(--ready)\" fill-opacity=\"0.5\"/>",
                y - 12.0
            ),
            "desired" => format!(
                "<path d=\"M0 {0:.1}H26\" stroke=\"var(--desired)\" stroke-width=\"2\" stroke-dasharray=\"7 5\"/>",
                y - 6.0
            ),
            _ => format!(
                "<path d=\"M0 {0:.1}H26\" stroke=\"var(--{colour})\" stroke-width=\"2.5\"/>",
                y - 6.0
            ),
        };
        let _ = write!(
            self.svg,
            "{look}<text x=\"34\" y=\"{y:.1}\" class=\"run-axis\">{word}</text>"
        );
    }

    /// A thin line where it began.
    fn trigger(&mut self) {
        let x = self.axis.x(self.axis.trigger);
        let _ = write!(
            self.svg,
            "<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"var(--accent-text)\" stroke-dasharray=\"2 4\"/>",
            self.top - 6.0,
            self.top + self.height
        );
    }
}

/// How a series gets from one value to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Line,
    Step,
}

/// Leaves out points in the middle of a level stretch: most of a run is waiting, and the file should be small.
fn straighten(points: &mut Vec<(f64, f64)>) {
    let level = |a: f64, b: f64| (a - b).abs() < 0.05;
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(points.len());
    for (index, point) in points.iter().enumerate() {
        let in_the_middle = kept.last().is_some_and(|before| level(before.1, point.1))
            && points
                .get(index + 1)
                .is_some_and(|after| level(after.1, point.1));
        if !in_the_middle {
            kept.push(*point);
        }
    }
    *points = kept;
}

fn points(stretch: &[(f64, f64)]) -> String {
    let words: Vec<_> = stretch
        .iter()
        .map(|(x, y)| format!("{x:.1} {y:.1}"))
        .collect();
    words.join("L")
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn the_picture_says_when_it_was_recorded_and_what_it_shows() {
        let svg = picture(&run(), &[Graph::Backlog, Graph::Replicas], 84.0);
        for part in [
            "Recorded 24 Nov 2025, 18:03 UTC</text>",
            "role=\"img\" aria-label=\"Recorded 24 Nov 2025",
            ">Backlog<tspan class=\"run-unit\">, jobs</tspan>",
            "var(--backlog)",
            "var(--desired)\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-dasharray",
            ">2:00</text>",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn it_needs_nothing_from_outside_and_no_script() {
        let svg = picture(&run(), &[Graph::Replicas], 200.0);
        for foreign in ["<script", "style=", "href", "http", "NaN", "inf"] {
            assert!(!svg.contains(foreign), "{foreign} in {svg}");
        }
        assert!(!svg.contains("Backlog"));
    }

    #[test]
    fn a_gap_in_the_numbers_is_a_gap_in_the_line() {
        let mut run = run();
        let whole = picture(&run, &[Graph::Backlog], 100.0);
        run.columns.depth[5] = None;
        let torn = picture(&run, &[Graph::Backlog], 100.0);
        let lines = |svg: &str| svg.matches("stroke=\"var(--backlog)\"").count();
        assert_eq!((lines(&whole), lines(&torn)), (1, 2));
    }

    #[test]
    fn an_empty_run_draws_an_empty_frame() {
        let mut run = run();
        run.columns = Columns::default();
        let svg = picture(&run, &[Graph::Backlog, Graph::Replicas], 80.0);
        assert!(svg.ends_with("</svg>") && !svg.contains("NaN"));
    }
}
