// Ink on the slides: drawn by the speaker with a mouse, a finger or a stylus, shown on every screen, kept by the server
// for each step until it is wiped.

import { current } from "./deck.js";
import { layer, line, onCanvas, queue, shownCanvas } from "./marks.js";
import { windowId } from "./window.js";

/** Points closer than this, in widths of the canvas, tell nothing new. */
const CLOSE = 0.002;
/** The server takes no longer strokes; a longer one goes on as the next. */
const LONGEST = 500;
/** How often a stroke is sent while it grows. */
const EVERY_MS = 100;
/** How long one's own stroke is shown after the server has answered, until its word of it is here for sure. */
const LINGER_MS = 1_000;

const stage = document.querySelector(".stage");

const far = ([x1, y1], [x2, y2]) => Math.hypot(x1 - x2, y1 - y2) >= CLOSE;

/** Draws a step's strokes over its canvas, in place of what was there. */
export function drawInk(canvas, strokes) {
  // A slide without ink gets no layer: turning a page is the moment to do nothing that is not needed.
  if (strokes.length === 0 && !canvas.querySelector(".ink")) return;
  const marks = layer(canvas);
  for (const old of marks.querySelectorAll(".ink")) old.remove();
  marks.append(...strokes.map((points) => line(points, "ink")));
}

/** Mounts the ink; for the speaker also the pen. `refuse(error)` tells the speaker what the server would not take. */
export function mountInk(model, refuse) {
  let held = false;
  let stroke = null;
  let own = [];
  let lastId = Math.floor(Math.random() * 1_000_000);
  const { send, forget } = queue("/ink", { every: EVERY_MS, refused });

  function refused(error) {
    stroke = null;
    own = [];
    draw();
    refuse(error);
  }

  function draw() {
    const canvas = shownCanvas();
    if (!canvas) return;
    const address = current();
    const mine = own.filter((one) => one.address === address).map(({ points }) => points);
    const all = [...(model.ink[address] ?? []), ...mine];
    drawInk(canvas, all);
    stage.classList.toggle("has-ink", all.length > 0);
  }

  function begin(point) {
    lastId += 1;
    stroke = { id: lastId, address: current(), points: [point] };
    own.push(stroke);
  }

  function tell(ended) {
    const { id, address, points } = stroke;
    const told = stroke;
    const forgetOwn = () => {
      own = own.filter((one) => one !== told);
      draw();
    };
    send(`${address}#${id}`, { window: windowId, address, id, stroke: points }, () => ended && setTimeout(forgetOwn, LINGER_MS));
  }

  function grow(point) {
    if (!far(stroke.points.at(-1), point)) return;
    stroke.points.push(point);
    if (stroke.points.length < LONGEST) return;
    tell(true);
    begin(point);
  }

  function end() {
    if (!stroke) return;
    tell(true);
    stroke = null;
    draw();
  }

  stage.addEventListener("pointerdown", (event) => {
    const canvas = held && event.button === 0 && event.isPrimary && event.target.closest(".canvas");
    if (!canvas) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    begin(onCanvas(canvas, event));
    tell(false);
    draw();
  });
  stage.addEventListener("pointermove", (event) => {
    const canvas = stroke && event.isPrimary && event.target.closest(".canvas");
    if (!canvas) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) grow(onCanvas(canvas, one));
    tell(false);
    draw();
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, end);
  // With the pen in hand a swipe is a line.
  for (const name of ["touchstart", "touchend"]) {
    stage.addEventListener(name, (event) => held && event.stopPropagation(), { passive: true });
  }

  document.addEventListener("podium:slide", ({ detail }) => {
    if (stroke && stroke.address !== detail.address) end();
    draw();
  });
  document.addEventListener("podium:deck", draw);
  model.watch((_, changed) => changed.has("ink") && draw());

  /** Drops what has not been sent, and sends this instead. */
  function instead(change) {
    const address = current();
    stroke = null;
    own = own.filter((one) => one.address !== address);
    forget((name) => name.startsWith(`${address}#`));
    draw();
    send(address, { window: windowId, address, ...change });
  }

  return {
    hold() {
      held = true;
    },
    drop() {
      end();
      held = false;
    },
    undo: () => instead({ undo: true }),
    clear: () => instead({ clear: true }),
  };
}
