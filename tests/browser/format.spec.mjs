// Numbers into words.
import { expect, test } from "@playwright/test";
import { clock, duration, sinceTrigger, text } from "../../static/js/format.js";

test("an unknown value is a dash in every format", () => {
  for (const format of ["int", "jobs", "rate", "ms", "countdown", "cpu", "state", undefined]) {
    expect(text(format, null, 0)).toBe("–");
    expect(text(format, undefined, 0)).toBe("–");
  }
});

test("values carry their unit and their separators", () => {
  expect(text("int", 4812)).toBe("4,812");
  expect(text("jobs", 4812)).toBe("4,812 jobs");
  expect(text("jobs", 1)).toBe("1 job");
  expect(text("rate", 100)).toBe("100/s");
  expect(text("rate", 3.96)).toBe("4.0/s");
  expect(text("ms", 1640)).toBe("1.6 s");
  expect(text("state", "active")).toBe("active");
  expect(["0", "74", "999", "1000", "1250"].map((value) => text("cpu", Number(value)))).toEqual([
    "0 mCPU", "74 mCPU", "999 mCPU", "1.00 CPU", "1.25 CPU",
  ]);
});

test("a countdown counts whole seconds that are still to come", () => {
  expect(text("countdown", 6000, 0)).toBe("6 s");
  expect(text("countdown", 6000, 5999)).toBe("1 s");
  expect(text("countdown", 6000, 6000)).toBe("now");
});

test("durations grow coarser as they grow", () => {
  expect([80, 1640, 21_000, 125_000].map(duration)).toEqual(["80 ms", "1.6 s", "21 s", "2 min 05 s"]);
  expect(clock(14_230)).toBe("14.2 s");
  expect([0, 30_000, 90_000, -10_000].map(sinceTrigger)).toEqual(["0", "30 s", "1:30", "−10 s"]);
});
