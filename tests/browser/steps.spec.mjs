// Where keys lead, without a page.
import { expect, test } from "@playwright/test";
import { phaseWords } from "../../static/js/follow_line.js";
import { commandOf, typing } from "../../static/js/keys.js";
import { back, find, first, forward, last, nextSlide, previousSlide, within } from "../../static/js/steps.js";

const DECK = [
  { address: "1", clicks: 0 },
  { address: "2.1", clicks: 2 },
  { address: "2.2", clicks: 1 },
  { address: "3", clicks: 0 },
];
const at = (address, click = 0) => ({ at: DECK.findIndex((step) => step.address === address), click });

test("next reveals every fragment, then turns to the next step with nothing revealed", () => {
  const seen = [at("1")];
  while (forward(DECK, seen.at(-1))) seen.push(forward(DECK, seen.at(-1)));
  expect(seen).toEqual([at("1"), at("2.1"), at("2.1", 1), at("2.1", 2), at("2.2"), at("2.2", 1), at("3")]);
});

test("previous is the same way back, each step as it was left", () => {
  const seen = [at("3")];
  while (back(DECK, seen.at(-1))) seen.push(back(DECK, seen.at(-1)));
  expect(seen).toEqual([at("3"), at("2.2", 1), at("2.2"), at("2.1", 2), at("2.1", 1), at("2.1"), at("1")]);
});

test("down and up skip steps and fragments, and up shows what was seen before", () => {
  expect(nextSlide(DECK, at("2.1", 1))).toEqual(at("3"));
  expect(nextSlide(DECK, at("3"))).toBeNull();
  expect(previousSlide(DECK, at("2.2"))).toEqual(at("2.1", 2));
  expect(previousSlide(DECK, at("2.1"))).toEqual(at("1"));
  expect(previousSlide(DECK, at("1"))).toBeNull();
});

test("an address is a slide, its first step, or a step; and the ends are the ends", () => {
  expect([find(DECK, "2"), find(DECK, "2.2"), find(DECK, "3.1"), find(DECK, "3.2"), find(DECK, "9")]).toEqual([1, 2, 3, -1, -1]);
  expect([first(DECK), last(DECK)]).toEqual([at("1"), at("3")]);
});

test("a click that an edit took away is the last there is", () => {
  expect(within(DECK, { at: 1, click: 7 })).toEqual(at("2.1", 2));
  expect(within(DECK, { at: 1, click: -1 })).toEqual(at("2.1"));
});

test("what clickers send: page keys turn, b and the dot blacken, F5 is full screen", () => {
  const command = (key, shiftKey = false) => commandOf({ key, shiftKey });
  expect(["PageDown", "PageUp", "b", ".", "F5", "Escape"].map((key) => command(key))).toEqual(
    ["next", "previous", "black", "black", "startFullScreen", "escape"],
  );
  expect([command(" "), command(" ", true), command("ArrowRight", true)]).toEqual(["next", "previous", "nextSlide"]);
  expect([command("B", true), command("p"), command("s"), command("F11"), command("Tab")]).toEqual(
    ["black", "presenter", "presenter", undefined, undefined],
  );
});

test("digits make an address, and a dot belongs to one that has begun", () => {
  const typed = (...keys) => keys.reduce((state, key) => typing(state?.typed ?? null, key), null);
  expect(typed("9", ".", "2", "Enter")).toEqual({ typed: null, go: "9.2" });
  expect(typed("g", "3", "Enter")).toEqual({ typed: null, go: "3" });
  expect(typed("1", "2", "Backspace")).toEqual({ typed: "1" });
  expect(typed("1", "Escape")).toEqual({ typed: null });
  expect([typed("."), typed("Enter"), typed("Escape")]).toEqual([null, null, null]);
});

test("the viewers' line counts whole seconds and is silent while nothing happens", () => {
  expect(phaseWords({ phase: "response", phase_since: 1_000 }, 15_900)).toBe("Response 14 s");
  expect(phaseWords({ phase: "recovery", phase_since: 0 }, 125_000)).toBe("Recovery 2 min 05 s");
  expect(phaseWords({ phase: "idle", phase_since: 0 }, 5_000)).toBe("");
  expect(phaseWords(null, 0)).toBe("");
});
