// Which stretch of time the graphs show, and how its axis is labelled. All graphs of a page share it, but for those
// whose author asked for another length.
//
// While a story runs, time counts from its trigger ("30 s" is thirty seconds after the announcement, which is what the
// talk promises), and the window grows with the story instead of sliding, so that the first steps are drawn large. At
// rest the axis shows the time of day.

import { sinceTrigger, timeOfDay } from "./format.js";

const LONGEST_MS = 5 * 60_000;
const SHORTEST_MS = 75_000;
const LEAD_MS = 10_000;
const STEPS_S = [5, 10, 15, 30, 60, 120, 300];

/**
 * `{min, max, origin}` in ms since the epoch; `origin` is the trigger's moment, or null at rest. `longest` is the most
 * that a graph wants to show, in ms.
 */
export function timeWindow(model, longest = LONGEST_MS) {
  const now = model.history.t.at(-1) ?? model.now();
  const trigger = model.latest("trigger")?.t ?? null;
  if (trigger === null || now - trigger > longest - LEAD_MS || trigger > now) {
    return { min: now - longest, max: now, origin: null };
  }
  const max = Math.max(now, trigger + Math.min(SHORTEST_MS, longest - LEAD_MS));
  return { min: trigger - LEAD_MS, max, origin: trigger };
}

/** Moments to label: whole steps from the origin, as many as fit at `space` pixels each. */
export function ticks({ min, max, origin }, width, space) {
  const room = Math.max(2, Math.floor(width / space));
  const step = 1000 * (STEPS_S.find((seconds) => (max - min) / (seconds * 1000) <= room) ?? STEPS_S.at(-1));
  // At rest the steps follow the wall clock of the reader's time zone, whose offset may be half an hour.
  const from = origin ?? new Date(min).setMinutes(0, 0, 0);
  // The wide labels of a time of day must not hang over the graph's ends.
  const margin = origin === null ? ((max - min) * space) / 3 / width : 0;
  const result = [];
  for (let t = from + Math.ceil((min + margin - from) / step) * step; t <= max - margin; t += step) result.push(t);
  return result;
}

/** The words for one moment. */
export const label = (t, origin) => (origin === null ? timeOfDay(t) : sinceTrigger(t - origin));
