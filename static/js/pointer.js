// The laser: while the speaker holds it, the mouse's place on the slide is shown to everyone who looks at that step, and
// fades when the mouse rests. Nobody keeps it.

import { current } from "./deck.js";
import { layer, line, onCanvas, queue, shownCanvas } from "./marks.js";
import { windowId } from "./window.js";

/** At most thirty places a second. */
const EVERY_MS = 33;
/** How long the dot stays where the mouse rests. */
const REST_MS = 1_200;
/** How long the tail is. */
const TAIL_MS = 220;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const stage = document.querySelector(".stage");

const dot = document.createElement("div");
dot.className = "laser";
dot.setAttribute("aria-hidden", "true");

let tail = [];
let rest = 0;

function drawTail() {
  const canvas = dot.parentElement;
  canvas?.querySelector(".laser-tail")?.remove();
  const now = performance.now();
  tail = tail.filter(({ at }) => now - at < TAIL_MS);
  if (tail.length < 2 || !canvas) return;
  layer(canvas).append(line(tail.map(({ place }) => place), "laser-tail"));
  requestAnimationFrame(drawTail);
}

function darken() {
  dot.classList.remove("lit");
  stage.classList.remove("pointed-at");
  tail = [];
}

/** Shows the dot at `[x, y]` of the step shown now. */
function light([x, y]) {
  const canvas = shownCanvas();
  if (!canvas) return;
  if (dot.parentElement !== canvas) canvas.append(dot);
  dot.style.setProperty("--x", x);
  dot.style.setProperty("--y", y);
  dot.classList.add("lit");
  stage.classList.add("pointed-at");
  clearTimeout(rest);
  rest = setTimeout(darken, REST_MS);
  if (reducedMotion.matches) return;
  tail.push({ place: [x, y], at: performance.now() });
  if (tail.length === 2) drawTail();
}

/** Mounts the dot; for the speaker also the laser itself. Returns `{hold, drop}`. */
export function mountLaser(hear) {
  let held = false;
  const { send } = queue("/pointer", { every: EVERY_MS });

  hear("pointer", ({ off, address, x, y }) => {
    // One's own hand is faster than the server's echo of it.
    if (held) return;
    if (off || address !== current()) darken();
    else light([x, y]);
  });

  document.addEventListener("pointermove", (event) => {
    const canvas = held && event.target.closest(".stage > .slide > .canvas");
    if (!canvas) return;
    const [x, y] = onCanvas(canvas, event);
    light([x, y]);
    send("place", { window: windowId, address: current(), x, y });
  });

  return {
    hold() {
      held = true;
    },
    drop() {
      held = false;
      darken();
      send("place", { window: windowId, off: true });
    },
  };
}
