// The page's model without a page: what the stream's events make of it.
import { expect, test } from "@playwright/test";
import { COLUMNS, createModel } from "../../static/js/model.js";

const fresh = () => {
  const frames = [];
  const created = createModel((call) => frames.push(call));
  return { ...created, frame: () => frames.splice(0).forEach((call) => call()) };
};

test("a snapshot fills every column, and those the server left out with unknowns", () => {
  const { model, apply } = fresh();
  apply("snapshot", { t: 2000, samples: { t: [1000, 2000], depth: [3, 4] }, sample: { t: 2000, depth: 4 } });
  expect(model.history.depth).toEqual([3, 4]);
  expect(model.history.ready).toEqual([null, null]);
  for (const name of COLUMNS) expect(model.history[name]).toHaveLength(2);
});

test("a sample is appended once, however often it arrives", () => {
  const { model, apply } = fresh();
  apply("sample", { t: 1000, depth: 1 });
  apply("sample", { t: 1000, depth: 1 });
  apply("sample", { t: 1200, depth: 2 });
  expect(model.history.depth).toEqual([1, 2]);
});

test("a lost connection forgets the present and leaves a gap in the past", () => {
  const { model, apply, connect } = fresh();
  connect("live");
  apply("sample", { t: Date.now(), depth: 7 });
  connect("lost");
  expect(model.sample).toBeNull();
  expect(model.pods).toBeNull();
  expect(model.history.depth).toEqual([7, null]);
});

test("where no sample came for long there is a gap, and a history moved back by the server is taken whole", () => {
  const { model, apply } = fresh();
  apply("sample", { t: 3_600_000, depth: 7 });
  apply("sample", { t: 7_200_000, depth: 8 });
  expect(model.history.t).toEqual([3_600_000, 3_600_001, 7_200_000]);
  expect(model.history.depth).toEqual([7, null, 8]);
  apply("snapshot", { t: 1000, samples: { t: [1000], depth: [8] }, sample: { t: 1000, depth: 8 }, pods: null });
  apply("sample", { t: 1200, depth: 9 });
  expect(model.history.t).toEqual([1000, 1200]);
  expect(model.pods).toBeNull();
});

test("an action is replaced by id and views are told once a frame what changed", () => {
  const { model, apply, frame } = fresh();
  const calls = [];
  model.watch((_, changed) => calls.push([...changed]));
  calls.length = 0;
  apply("action", { id: 1, kind: "spike", state: "running", done: 0 });
  apply("action", { id: 1, kind: "spike", state: "done", done: 5 });
  apply("health", { sources: [{ name: "redis", ok: false, reason: "refused" }] });
  frame();
  expect(calls).toEqual([["actions", "health"]]);
  expect(model.actions).toEqual([{ id: 1, kind: "spike", state: "done", done: 5 }]);
  expect(model.source("redis").reason).toBe("refused");
});

test("history older than half an hour goes", () => {
  const { model, apply } = fresh();
  for (let second = 0; second < 3000; second += 1) apply("sample", { t: second * 1000, depth: second });
  expect(model.history.t.at(-1)).toBe(2_999_000);
  expect(model.history.t.length).toBeLessThan(1800 + 257);
  expect(model.history.depth.length).toBe(model.history.t.length);
});

test("an event of a newer server is no error", () => {
  expect(() => fresh().apply("confetti", {})).not.toThrow();
});

test("the late answer to a press does not bring an action back that has ended", () => {
  const { model, apply } = fresh();
  apply("action", { id: 1, kind: "purge", state: "running", ended: null });
  apply("action", { id: 1, kind: "purge", state: "done", ended: 5 });
  apply("action", { id: 1, kind: "purge", state: "running", ended: null });
  expect(model.action("purge").state).toBe("done");
});

test("the late answer to a press takes no progress back", () => {
  const { model, apply } = fresh();
  apply("action", { id: 1, kind: "enqueue", state: "running", done: 1 });
  apply("begun", { id: 1, kind: "enqueue", state: "running", done: 0 });
  expect(model.action("enqueue").done).toBe(1);
  apply("begun", { id: 2, kind: "spike", state: "running", done: 0 });
  expect(model.action("spike").state).toBe("running");
});
