// Where a key leads: pure rules over the list of steps, `{address, clicks}` in the order of the talk. A place is
// `{at, click}`: the index of a step, and how many of its fragments are revealed. A key that leads nowhere gives null.

const numberOf = (step) => step?.address.split(".")[0];

/** Index of "9" (the slide's first step) or "9.2"; -1 if there is none. */
export function find(steps, address) {
  const exact = steps.findIndex((step) => step.address === address);
  if (exact >= 0) return exact;
  const [number, part] = address.split(".");
  if (part !== undefined && part !== "1") return -1;
  return steps.findIndex((step) => numberOf(step) === number);
}

/** A click that the step has; an edit may have taken some away. */
export const within = (steps, { at, click }) => ({ at, click: Math.min(Math.max(0, click), steps[at]?.clicks ?? 0) });

/** The next fragment, then the next step. */
export function forward(steps, { at, click }) {
  if (click < steps[at].clicks) return { at, click: click + 1 };
  return at + 1 < steps.length ? { at: at + 1, click: 0 } : null;
}

/** The fragment before, then the step before, as one left it: all revealed. */
export function back(steps, { at, click }) {
  if (click > 0) return { at, click: click - 1 };
  return at > 0 ? { at: at - 1, click: steps[at - 1].clicks } : null;
}

/** The first step of the next slide, skipping steps and fragments. */
export function nextSlide(steps, { at }) {
  const next = steps.findIndex((step, index) => index > at && numberOf(step) !== numberOf(steps[at]));
  return next < 0 ? null : { at: next, click: 0 };
}

/** The start of the slide one is inside, else of the slide before; seen before, so all revealed. */
export function previousSlide(steps, { at }) {
  const start = find(steps, numberOf(steps[at]));
  const to = start < at ? start : find(steps, numberOf(steps[at - 1]) ?? "");
  return to < 0 ? null : { at: to, click: steps[to].clicks };
}

/** The first step. */
export const first = (steps) => (steps.length > 0 ? { at: 0, click: 0 } : null);

/** The last step. */
export const last = (steps) => (steps.length > 0 ? { at: steps.length - 1, click: 0 } : null);
