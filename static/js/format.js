// Numbers into words, one place for all pages. Pure: a value and the server's time go in, a string comes out, and an
// unknown value is always a dash, so that no view can print an old or invented number.

export const DASH = "–";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 4812 → "4,812". */
export const int = (value) => whole.format(value);

/** 1, "job" → "1 job"; 5000 → "5,000 jobs". */
export const plural = (count, one) => `${int(count)} ${one}${count === 1 ? "" : "s"}`;

/** One decimal below ten, none above: 1640 ms → "1.6 s", 21000 ms → "21 s", 80 ms → "80 ms". */
export function duration(ms) {
  if (ms < 0) return "0 s";
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** A running clock keeps its decimal, so that it visibly runs: 14230 ms → "14.2 s". */
export function clock(ms) {
  const safe = Math.max(0, ms);
  if (safe < 120_000) return `${(safe / 1000).toFixed(1)} s`;
  return duration(safe);
}

/** A moment in ms since the epoch → "12:04:11", in the reader's own time zone. */
export function timeOfDay(t) {
  const at = new Date(t);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

/** Time since the trigger, as an axis label: 0 → "0", 30000 → "30 s", 90000 → "1:30". */
export function sinceTrigger(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds === 0) return "0";
  const sign = seconds < 0 ? "−" : "";
  const size = Math.abs(seconds);
  if (size < 60) return `${sign}${size} s`;
  return `${sign}${Math.floor(size / 60)}:${String(size % 60).padStart(2, "0")}`;
}

const formats = {
  int,
  jobs: (value) => `${int(value)} ${Math.round(value) === 1 ? "job" : "jobs"}`,
  rate: (value) => `${value > 0 && value < 10 ? value.toFixed(1) : int(value)}/s`,
  ms: duration,
  wanted: (value) => `${int(value)} wanted`,
  ready: (value) => `${int(value)} ready`,
  // Thousandths of a core, as `kubectl top` counts.
  cpu: (value) => (value < 1_000 ? `${int(value)} mCPU` : `${(value / 1_000).toFixed(2)} CPU`),
  state: (value) => String(value),
  // A countdown rounds up, so that "1 s" means "still to come" and 0 means "due".
  countdown: (value, now) => (value <= now ? "now" : `${Math.ceil((value - now) / 1000)} s`),
};

/** The text of a `data-live` element. `now` is the server's clock in ms; only countdowns look at it. */
export function text(format, value, now) {
  if (value === null || value === undefined) return DASH;
  const write = formats[format] ?? (typeof value === "number" ? int : formats.state);
  return write(value, now);
}
