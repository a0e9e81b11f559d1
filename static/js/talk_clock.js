// The talk's time: how long it has run, how long it may, and whether the slides keep up. Pure: the position's clock and
// the server's time go in, words come out.

/** Under half a minute nobody is late: the next slide may be short. */
const ON_TIME_MS = 30_000;
const MINUTE_MS = 60_000;

/** How long the talk has run, in ms. `clock` is the position's `{running_since, carried_ms}`; null is a clock at rest. */
export function elapsed(clock, now) {
  if (!clock) return 0;
  const running = clock.running_since === null ? 0 : Math.max(0, now - clock.running_since);
  return clock.carried_ms + running;
}

/** 724000 → "12:04", 3724000 → "1:02:04". Whole seconds, rounded down, as a watch shows them. */
export function clockText(ms) {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/**
 * Where the talk stands against its plan: `{state, by}`, `by` in ms, `state` one of `on`, `behind`, `ahead`, `over`;
 * null without a plan. Every step has the same share of the time, and within its share no step is late or early, so
 * that standing still at a slide does not look like a fault before its time is up.
 */
export function pace({ index, count }, elapsedMs, plannedMs) {
  if (!plannedMs || !count) return null;
  if (elapsedMs > plannedMs) return { state: "over", by: elapsedMs - plannedMs };
  const share = plannedMs / count;
  const late = elapsedMs - (index + 1) * share;
  const early = index * share - elapsedMs;
  if (late > ON_TIME_MS) return { state: "behind", by: late };
  if (early > ON_TIME_MS) return { state: "ahead", by: early };
  return { state: "on", by: 0 };
}

/** The pace in words: "On time", "2 min behind"; empty without a plan. */
export function paceText(result) {
  if (!result) return "";
  if (result.state === "on") return "On time";
  if (result.state === "over" && result.by < MINUTE_MS) return "Time is up";
  return `${Math.max(1, Math.round(result.by / MINUTE_MS))} min ${result.state}`;
}

/** The plan in words: "of 40:00 · 27:56 left"; empty without a plan. */
export function plannedText(elapsedMs, plannedMs) {
  if (!plannedMs) return "";
  const left = plannedMs - elapsedMs;
  return `of ${clockText(plannedMs)}${left > 0 ? ` · ${clockText(left)} left` : ""}`;
}
