// The lights in the control page's header and, when one is out, the sentence that says why. A light has a shape as
// well as a colour: filled, hollow (nothing to reach yet) or crossed.

import { timeOfDay } from "./format.js";
import { prose } from "./prose.js";

/** What has only just become due, since Deploy is done, may be on its way this long: no red light for what comes by itself. */
const GRACE_MS = 3_000;

/** Before the demo is deployed there may be no Redis and no metric to reach: the server knows, and that is no trouble. */
function stateOf(model, name) {
  const source = model.source(name);
  if (model.connection !== "live" || !source) return { state: "unknown", words: "not known yet" };
  if (source.ok) return { state: "ok", words: "answers" };
  return { state: source.due ? "bad" : "waiting", words: source.reason ?? "not reachable", since: source.since };
}

/** Keeps `[data-source]` lights, the `[data-trouble]` banner and the clock's origin. */
export function mountHealth(model) {
  const lights = [...document.querySelectorAll("[data-source]")];
  const banner = document.querySelector("[data-trouble]");
  const origin = document.querySelector("[data-clock-kind]");
  const graces = new Map();
  /** Whether `light` was waiting a moment ago for what is bad now. */
  const inGrace = (light, state) => {
    if (state !== "bad") graces.delete(light);
    else if (light.dataset.state === "waiting" && !graces.has(light)) {
      graces.set(light, Date.now() + GRACE_MS);
      setTimeout(show, GRACE_MS);
    }
    return Date.now() < (graces.get(light) ?? 0);
  };
  function show() {
    const troubles = [];
    for (const light of lights) {
      // What a cluster need not have has no light there.
      if (light.hasAttribute("data-optional")) light.hidden = model.source(light.dataset.source) === null;
      const found = stateOf(model, light.dataset.source);
      const { words, since } = found;
      const state = inGrace(light, found.state) ? "waiting" : found.state;
      light.dataset.state = state;
      light.title = `${light.dataset.source}: ${words}`;
      if (state === "bad") troubles.push(`${light.dataset.source}: ${words}${since ? ` (since ${timeOfDay(since)})` : ""}`);
    }
    if (!banner) return;
    const lines = troubles.map((words) => {
      const line = document.createElement("p");
      line.className = "notice notice-bad";
      line.append(...prose(words));
      return line;
    });
    // Said once, not at every frame: the banner is an alert.
    const said = troubles.join("\n");
    if (banner.dataset.said === said) return;
    banner.dataset.said = said;
    banner.replaceChildren(...lines);
  }
  model.watch((_, changed) => {
    if (changed.has("sample") && origin) origin.textContent = model.sample?.clock_estimated ? "estimated" : "";
    if (["health", "connection", "deployment"].some((name) => changed.has(name))) show();
  });
}
