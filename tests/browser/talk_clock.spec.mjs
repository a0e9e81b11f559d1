// The talk's time against its plan, without a browser.
import { expect, test } from "@playwright/test";
import { clockText, elapsed, pace, paceText, plannedText } from "../../static/js/talk_clock.js";

const MINUTE = 60_000;

test("the clock counts what it carried and what runs", () => {
  expect(elapsed(null, 5_000)).toBe(0);
  expect(elapsed({ running_since: null, carried_ms: 7_000 }, 99_000)).toBe(7_000);
  expect(elapsed({ running_since: 90_000, carried_ms: 7_000 }, 99_000)).toBe(16_000);
  // A server's clock that was just read may lie a little ahead of ours.
  expect(elapsed({ running_since: 100_000, carried_ms: 0 }, 99_900)).toBe(0);
});

test("time is written as a watch shows it", () => {
  expect([0, 999, 59_999, 724_000, 3_724_000].map(clockText)).toEqual(["0:00", "0:00", "0:59", "12:04", "1:02:04"]);
});

// Ten steps, forty minutes: four minutes a step.
for (const [index, minutes, words] of [
  [0, 0, "On time"],
  [0, 4, "On time"],
  [0, 4.4, "On time"],
  [0, 4.6, "1 min behind"],
  [0, 6, "2 min behind"],
  [4, 16, "On time"],
  [4, 19.9, "On time"],
  [4, 25, "5 min behind"],
  [4, 15, "1 min ahead"],
  [9, 12, "24 min ahead"],
  [9, 40, "On time"],
  [9, 40.2, "Time is up"],
  [9, 43, "3 min over"],
  [2, 43, "3 min over"],
]) {
  test(`step ${index + 1} of 10 after ${minutes} of 40 minutes: ${words}`, () => {
    expect(paceText(pace({ index, count: 10 }, minutes * MINUTE, 40 * MINUTE))).toBe(words);
  });
}

test("without a plan there is no pace to speak of", () => {
  expect(paceText(pace({ index: 3, count: 10 }, MINUTE, null))).toBe("");
  expect(plannedText(MINUTE, null)).toBe("");
});

test("the plan says what is left, until nothing is", () => {
  expect(plannedText(12 * MINUTE, 40 * MINUTE)).toBe("of 40:00 · 28:00 left");
  expect(plannedText(41 * MINUTE, 40 * MINUTE)).toBe("of 40:00");
});
