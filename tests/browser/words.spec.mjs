// What a graph and a phase say to who does not see them.
import { expect, test } from "@playwright/test";
import { chartWords } from "../../static/js/chart_words.js";
import { phaseSentence } from "../../static/js/spoken.js";
import { timeWindow } from "../../static/js/time_axis.js";

const BACKLOG = { title: "Backlog", unit: "jobs", series: [{ word: "Waiting" }] };
const REPLICAS = { title: "Replicas", unit: "pods", series: [{ word: "Ready" }, { word: "Desired" }] };

test("a graph says what it is, what is now and how high it went", () => {
  expect(chartWords(BACKLOG, [[1, 2, 3], [0, 4812, 1200]], null)).toBe("Backlog over time, in jobs. Now: 1,200. Highest shown: 4,812.");
  expect(chartWords(REPLICAS, [[1, 2], [1, 5], [1, 9]], null)).toBe("Replicas over time, in pods. Now: Desired 9, Ready 5. Highest shown: 5.");
});

test("a threshold is named, and an unknown value is a dash", () => {
  expect(chartWords(BACKLOG, [[1], [null]], 200)).toBe("Backlog over time, in jobs. Now: –. A line marks 200.");
});

test("a phase is one sentence of what it is and two facts, as far as they are known", () => {
  expect(phaseSentence({ phase: "response", depth: 4812, ready: 3, desired: 37 }))
    .toBe("Response: replicas climb and the backlog drains. 4,812 jobs wait. 3 of 37 pods ready.");
  expect(phaseSentence({ phase: "trigger", depth: null, ready: null })).toBe("Trigger: jobs pile up, the autoscaler has not answered yet.");
});

test("a graph shows no more than its author's window, and grows into it from the trigger", () => {
  const model = (now, trigger) => ({ history: { t: [now] }, latest: () => (trigger === null ? null : { t: trigger }) });
  expect(timeWindow(model(1_000_000, null), 120_000)).toEqual({ min: 880_000, max: 1_000_000, origin: null });
  expect(timeWindow(model(1_000_000, 990_000), 120_000)).toEqual({ min: 980_000, max: 1_065_000, origin: 990_000 });
  expect(timeWindow(model(1_000_000, 990_000), 30_000)).toEqual({ min: 980_000, max: 1_010_000, origin: 990_000 });
  expect(timeWindow(model(1_000_000, 800_000), 120_000).origin).toBe(null);
});
