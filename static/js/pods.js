// Worker pods as small squares in `[data-pods]`; colour and shape both say the state. Squares keep their place while a
// pod lives, so that the eye can follow one; a new one fades in by CSS.

import { DASH, text } from "./format.js";

/** In the order the summary reads them; the words are also the legend's. */
export const STATES = ["ready", "starting", "pending", "terminating", "failed"];

const summary = (pods) =>
  STATES.map((state) => [state, pods.filter((pod) => pod.state === state).length])
    .filter(([state, count]) => count > 0 || state === "ready")
    .map(([state, count]) => `${count} ${state}`)
    .join(" · ");

/** What a pod uses is there only where the cluster says it. */
const told = ({ name, state, cpu }) => [`${name}: ${state}`, ...(cpu === undefined ? [] : [text("cpu", cpu)])].join(", ");

function createSquare(pod) {
  const square = document.createElement("li");
  square.className = "pod";
  square.dataset.name = pod.name;
  return square;
}

function arrange(grid, pods) {
  const known = new Map([...grid.children].map((square) => [square.dataset.name, square]));
  for (const pod of pods) {
    const square = known.get(pod.name) ?? grid.appendChild(createSquare(pod));
    known.delete(pod.name);
    if (square.dataset.state !== pod.state) square.dataset.state = pod.state;
    const words = told(pod);
    if (square.title !== words) square.title = words;
  }
  for (const gone of known.values()) gone.remove();
}

/** Fills each `[data-pods]` grid and its `[data-pods-summary]`. */
export function mountPods(model, root = document) {
  const grids = root.querySelectorAll("[data-pods]");
  const summaries = root.querySelectorAll("[data-pods-summary]");
  if (grids.length + summaries.length === 0) return;
  model.watch((_, changed) => {
    if (!changed.has("pods")) return;
    const pods = model.pods ?? [];
    const words = model.pods ? summary(pods) : DASH;
    for (const grid of grids) {
      arrange(grid, pods);
      grid.setAttribute("aria-label", `Worker pods: ${words}`);
    }
    for (const line of summaries) line.textContent = words;
  });
}
