// The story for who does not see it: one sentence when a phase begins, in a polite live region, and nothing between.

import { int } from "./format.js";
import { TITLES } from "./phase.js";

/** What is said when `sample` begins a phase. */
export function phaseSentence({ phase, depth, ready, desired }) {
  const known = (value) => value !== null && value !== undefined;
  const facts = [known(depth) && `${int(depth)} jobs wait`, known(ready) && `${int(ready)} of ${known(desired) ? int(desired) : ready} pods ready`];
  return `${[TITLES[phase], ...facts.filter(Boolean)].join(". ")}.`;
}

/** Speaks on pages that show the story. The phase a page opens in is no news. */
export function mountSpoken(model) {
  if (!document.querySelector("[data-phase-strip], figure.chart")) return;
  const region = document.createElement("p");
  region.className = "visually-hidden";
  region.setAttribute("role", "status");
  region.dataset.spoken = "";
  document.body.append(region);
  let told = null;
  model.watch((_, changed) => {
    const phase = model.sample?.phase;
    if (!changed.has("sample") || !TITLES[phase] || phase === told) return;
    if (told !== null) region.textContent = phaseSentence(model.sample);
    told = phase;
  });
}
