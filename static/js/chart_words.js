// A graph in words, for who does not see it: what it shows, what it is now, how high it went. Pure, so that tests can
// read it; graph.js decides how often it is said.

import { DASH, int } from "./format.js";

const known = (value) => value !== null && value !== undefined;

/**
 * `graph` has `title`, `unit` and `series` of `{word, column}`; `data` is the visible stretch as uPlot takes it: the
 * moments, then one array a series. `threshold` may be null.
 */
export function chartWords(graph, data, threshold) {
  const now = graph.series.map((_, at) => data[at + 1].at(-1)).map((last) => (known(last) ? int(last) : DASH));
  const parts = now.length > 1 ? now.map((value, at) => `${graph.series[at].word} ${value}`) : now;
  const highest = Math.max(...data[1].filter(known));
  const sentences = [`${graph.title} over time, in ${graph.unit}`, `Now: ${parts.toReversed().join(", ")}`];
  if (Number.isFinite(highest)) sentences.push(`Highest shown: ${int(highest)}`);
  if (known(threshold)) sentences.push(`A line marks ${int(threshold)}`);
  return `${sentences.join(". ")}.`;
}
