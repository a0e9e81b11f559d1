// What the speaker puts on a slide by hand, laser and pen, has this in common: places are told as fractions of the
// slide's canvas, so that every screen shows them on the same word; they are drawn on one layer over it; and they go to
// the server one request at a time, of which the newest counts.

const SVG = "http://www.w3.org/2000/svg";

/** Where a pointer event is on a canvas: `[x, y]`, each 0…1. */
export function onCanvas(canvas, { clientX, clientY }) {
  const box = canvas.getBoundingClientRect();
  const share = (at, from, length) => Math.min(1, Math.max(0, (at - from) / length));
  return [share(clientX, box.left, box.width), share(clientY, box.top, box.height)];
}

/** The canvas of the step shown now. */
export const shownCanvas = () => document.querySelector(".stage > .slide.current > .canvas");

/** The layer over a canvas; made when first asked for, since an edit of the deck brings fresh canvases. */
export function layer(canvas) {
  const known = canvas.querySelector(":scope > .marks");
  if (known) return known;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "marks");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  canvas.append(svg);
  return svg;
}

/** A line through points, for a layer. One point alone is a dot. */
export function line(points, className) {
  const polyline = document.createElementNS(SVG, "polyline");
  polyline.setAttribute("class", className);
  polyline.setAttribute("points", (points.length === 1 ? [points[0], points[0]] : points).map(([x, y]) => `${x},${y}`).join(" "));
  return polyline;
}

/**
 * A queue to `url`: one request at a time, at most one every `every` ms, and of those that wait under one name the
 * newest. `refused(error)` hears what the server would not take.
 */
export function queue(url, { every = 0, refused = () => {} } = {}) {
  const waiting = new Map();
  let busy = false;

  async function pump() {
    if (busy || waiting.size === 0) return;
    busy = true;
    const [[name, { body, done }]] = waiting;
    waiting.delete(name);
    const pause = new Promise((resume) => setTimeout(resume, every));
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "Accept": "application/json", "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) refused((await answer.json()).error);
    } catch {
      // Offline, or an answer that is none: the page's badge says so, and a mark is not worth a retry.
    }
    done();
    await pause;
    busy = false;
    pump();
  }

  return {
    /** Sends `body`; `done` is called when the server has answered. */
    send(name, body, done = () => {}) {
      waiting.set(name, { body, done });
      pump();
    },
    /** Forgets what waits under names that `which` accepts. */
    forget(which) {
      for (const name of [...waiting.keys()]) if (which(name)) waiting.delete(name);
    },
  };
}
