// The live graphs, drawn with uPlot into every `figure.chart[data-series]`: the backlog as an area, replicas as steps.
// All graphs of a page share one time axis and one cursor. Colours come from the theme, sizes from the CSS of the
// place where the graph stands (the plot's font size rules axis and pins), so slides and pages need no settings here.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { chartWords } from "./chart_words.js";
import { DASH, int } from "./format.js";
import { onThemeChange, palette } from "./palette.js";
import { pins } from "./pins.js";
import { thresholdLine } from "./threshold.js";
import { label, ticks, timeWindow } from "./time_axis.js";

const FAMILY = '"Podium Mono", ui-monospace, monospace';
const steps = uPlot.paths.stepped({ align: 1 });

/** One graph a name; one line a series: its column, its word, its look. Drawn in this order, so fills lie below. */
const GRAPHS = {
  depth: {
    title: "Backlog",
    unit: "jobs",
    least: 10,
    pins: ["trigger", "drained"],
    series: [{ column: "depth", word: "Waiting", width: 2, colour: "backlog", wash: 0.28 }],
  },
  replicas: {
    title: "Replicas",
    unit: "pods",
    least: 4,
    pins: ["trigger", "rescale", "dozens", "cold_start", "peak", "scale_in", "baseline"],
    series: [
      { column: "ready", word: "Ready", width: 0, colour: "ready", wash: 0.38, paths: steps },
      { column: "replicas", word: "Replicas", width: 2, colour: "replicas", paths: steps },
      { column: "desired", word: "Desired", width: 1.5, colour: "desired", dash: [6, 4], paths: steps },
    ],
    // What they cost, beside their number.
    beside: [{ field: "cpu", word: "Using", format: "cpu", source: "cpu" }],
  },
};

/** Other live values: a plain line each. A third word names the source that a cluster need not have. */
const PLAIN = {
  in_flight: ["In work", "jobs"],
  enqueued: ["Enqueued", "jobs"],
  processed: ["Completed", "jobs"],
  arrival_rate: ["Jobs in", "jobs a second"],
  service_rate: ["Jobs out", "jobs a second"],
  external_metric: ["External metric", "jobs"],
  desired: ["Desired", "pods"],
  ready: ["Ready", "pods"],
  starting: ["Starting", "pods"],
  cpu: ["Workers’ CPU", "mCPU", "cpu"],
};

function graphOf(name) {
  if (GRAPHS[name] || !PLAIN[name]) return GRAPHS[name];
  const [title, unit, source] = PLAIN[name];
  return { title, unit, source, least: 4, pins: ["trigger"], series: [{ column: name, word: unit, width: 2, colour: "replicas", paths: steps }] };
}

/** How often a graph's words may change: a reader who stands on them must not be interrupted at each sample. */
const WORDS_MS = 10_000;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
/** Under reduced motion a graph moves once a second, not with every sample. */
const CALM_MS = 1_000;

const amount = (value) => (value >= 100_000 ? `${int(value / 1000)}k` : int(value));

function create(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** The heading of a graph: its title, and each series' key, word and present value. */
function heading(graph) {
  const head = create("div", "chart-head");
  head.append(create("span", "chart-title", graph.title));
  for (const series of graph.series.toReversed()) {
    const entry = create("span", "chart-entry");
    const value = create("b", "chart-value", DASH);
    value.dataset.live = series.column;
    value.dataset.format = "int";
    const key = create("i", "chart-key");
    key.dataset.key = series.column;
    entry.append(key, create("span", "chart-word", series.word), value);
    head.append(entry);
  }
  for (const { field, word, format, source } of graph.beside ?? []) {
    const entry = create("span", "chart-entry");
    const value = create("b", "chart-value", DASH);
    Object.assign(value.dataset, { live: field, format });
    Object.assign(entry.dataset, { onlyWith: source, beside: field });
    entry.hidden = true;
    entry.append(create("span", "chart-word", word), value);
    head.append(entry);
  }
  const readout = create("output", "chart-readout");
  head.append(readout);
  return { head, readout };
}

/** `last`: only the lowest graph of a figure bears the time axis that all share. */
function options({ graph, first, last, model, readout, longest, threshold }, font, size) {
  const span = () => timeWindow(model, longest);
  const axis = { stroke: () => palette["text-quiet"], font: `${font}px ${FAMILY}`, ticks: { show: false } };
  const grid = { stroke: () => palette.hairline, width: 1 };
  return {
    ...size,
    padding: [font * 1.5, font * 2, last ? 0 : font * 0.5, 0],
    legend: { show: false },
    cursor: { sync: { key: "podium" }, y: false, drag: { setScale: false, x: false, y: false }, points: { show: false } },
    scales: { x: { time: false, auto: false }, y: { range: (_, __, max) => [0, Math.max(graph.least, Math.max(max ?? 0, threshold ?? 0) * 1.08)] } },
    axes: [
      {
        ...axis,
        show: last,
        grid: { show: false },
        size: font * 1.9,
        gap: font * 0.4,
        splits: (plot) => ticks(span(), plot.bbox.width / devicePixelRatio, font * 7),
        values: (_, moments) => moments.map((t) => label(t, span().origin)),
      },
      {
        ...axis,
        grid,
        size: font * 4.4,
        gap: font * 0.5,
        space: font * 1.8,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000],
        values: (_, values) => values.map(amount),
      },
    ],
    series: [{}, ...graph.series.map((series) => ({
      width: series.width,
      stroke: () => palette[series.colour],
      fill: series.wash && (() => palette.wash(series.colour, series.wash)),
      dash: series.dash,
      paths: series.paths,
      points: { show: false },
    }))],
    plugins: [
      pins(graph.pins, () => model.milestones, { px: font, family: FAMILY }, first),
      ...(threshold === null ? [] : [thresholdLine(threshold, { px: font, family: FAMILY })]),
    ],
    hooks: { setCursor: [(plot) => describe(graph, plot, span().origin, readout)] },
  };
}

/** What stood at the cursor, in the heading. */
function describe(graph, plot, origin, readout) {
  const { idx } = plot.cursor;
  const t = idx === null || idx === undefined ? null : plot.data[0][idx];
  if (t === null || t === undefined) {
    readout.textContent = "";
    return;
  }
  const values = graph.series.map((_, n) => plot.data[n + 1][idx]).toReversed();
  readout.textContent = `at ${label(t, origin)}: ${values.map((v) => (v === null ? DASH : int(v))).join(" · ")}`;
}

/** The visible stretch of the history, with one sample more at the left so that a line enters from the edge. */
function slice(graph, { history }, { min }) {
  let from = history.t.length;
  while (from > 0 && history.t[from - 1] >= min) from -= 1;
  from = Math.max(0, from - 1);
  return [history.t.slice(from), ...graph.series.map(({ column }) => history[column].slice(from))];
}

/** Mounts one graph into `figure`. */
function mountGraph(graph, figure, model, { first, last, longest, threshold }) {
  const { head, readout } = heading(graph);
  const canvas = create("div", "plot");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${graph.title} over time, in ${graph.unit}`);
  const block = create("div", "chart-block");
  block.append(head, canvas);
  if (graph.source) Object.assign(block, { hidden: true }).dataset.onlyWith = graph.source;
  figure.append(block);

  const place = { graph, first, last, model, readout, longest, threshold };
  let plot = null;
  let drawnFont = 0;
  let drawnAt = 0;
  let saidAt = -Infinity;

  const say = (data) => {
    if (Date.now() - saidAt < WORDS_MS || data[0].length === 0) return;
    saidAt = Date.now();
    canvas.setAttribute("aria-label", chartWords(graph, data, threshold));
  };
  const draw = () => {
    const size = { width: canvas.clientWidth, height: canvas.clientHeight };
    if (size.width < 80 || size.height < 40) return;
    const font = Math.round(parseFloat(getComputedStyle(canvas).fontSize));
    const span = timeWindow(model, longest);
    const data = slice(graph, model, span);
    say(data);
    if (font !== drawnFont) {
      plot?.destroy();
      plot = new uPlot(options(place, font, size), data, canvas);
      drawnFont = font;
    } else if (plot.width !== size.width || plot.height !== size.height) {
      plot.setSize(size);
    }
    plot.batch(() => {
      plot.setData(data, false);
      plot.setScale("x", span);
    });
  };

  const resizes = new ResizeObserver(draw);
  resizes.observe(canvas);
  onThemeChange(() => plot?.redraw(false, true));
  // Axis text was measured with a fallback if the font came late.
  document.fonts.ready.then(() => {
    drawnFont = 0;
    draw();
  });
  const unwatch = model.watch((_, changed) => {
    // The author has edited this slide: another figure stands in its place.
    if (!figure.isConnected) {
      unwatch();
      resizes.disconnect();
      plot?.destroy();
      plot = null;
      return;
    }
    if (!changed.has("history") && !changed.has("milestones")) return;
    if (reducedMotion.matches && Date.now() - drawnAt < CALM_MS) return;
    drawnAt = Date.now();
    draw();
  });
}

/**
 * Draws into every figure below `root`; `data-series` names the graphs, in order, and the rest is what the author asked;
 * `data-axis="none"` leaves time out.
 */
export function mountGraphs(model, root = document) {
  for (const figure of root.querySelectorAll("figure.chart[data-series]")) {
    const { axis, series, window, threshold } = figure.dataset;
    figure.replaceChildren(...figure.querySelectorAll("figcaption"));
    const graphs = series.split(/[\s,]+/).map(graphOf).filter(Boolean);
    // A graph that may be absent cannot bear the axis for the others; alone, it takes its caption along.
    const lowest = Math.max(graphs.findLastIndex((graph) => !graph.source), 0);
    if (graphs.length > 0 && graphs.every((graph) => graph.source)) figure.dataset.onlyWith = graphs[0].source;
    graphs.forEach((graph, at) => {
      mountGraph(graph, figure, model, {
        first: at === 0,
        last: at === lowest && axis !== "none",
        longest: window ? Number(window) : undefined,
        threshold: threshold && at === 0 ? Number(threshold) : null,
      });
    });
  }
}
