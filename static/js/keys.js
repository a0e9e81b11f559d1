// Keys and what they mean, as speakers know them from other tools. A key never acts while a modifier is held or someone
// is typing, and none of them ever presses a button of the demo. What a meaning does is the page's business: it gives
// its commands by name, and a key without a command is left to the browser.

/** Key → command. Shift with a letter that needs it (`?`) is in the key's own name. */
const KEYS = {
  ArrowRight: "next", PageDown: "next", n: "next", " ": "next",
  ArrowLeft: "previous", PageUp: "previous", Backspace: "previous",
  ArrowDown: "nextSlide", ArrowUp: "previousSlide",
  Home: "first", End: "last",
  o: "overview", "`": "overview", Escape: "escape",
  f: "fullScreen", F5: "startFullScreen",
  b: "black", ".": "black", w: "white",
  d: "theme", p: "presenter", s: "presenter", q: "qr", t: "takeOver", l: "live",
  z: "laser", i: "pen", u: "undoInk", c: "clearInk",
  "?": "help", F1: "help",
  "+": "larger", "=": "larger", "-": "smaller",
};

const SHIFTED = { " ": "previous", ArrowRight: "nextSlide", ArrowLeft: "previousSlide" };

/** The command of a key press, or undefined. */
export const commandOf = ({ key, shiftKey }) => (shiftKey && SHIFTED[key]) || KEYS[key.length === 1 ? key.toLowerCase() : key];

/** What a typed address becomes with one more key: `{typed}`, `{go}`, or null if the key is none of it. */
export function typing(typed, key) {
  if (/^[0-9]$/.test(key) || (key === "." && typed)) return { typed: (typed ?? "") + key };
  if (key === "g") return { typed: "" };
  if (typed === null) return null;
  if (key === "Enter") return { typed: null, go: typed };
  if (key === "Backspace") return { typed: typed.slice(0, -1) || null };
  return key === "Escape" ? { typed: null } : null;
}

// What takes keys itself. A link or button keeps Enter, but Space always turns the page: see `blurButtons`.
const TYPES = "input, textarea, select, [contenteditable]";

/**
 * Listens. `commands` holds functions by name and `goTo(address)`; `echo(text)` shows an address being typed, null when
 * nobody is; `busy()` is true while something on the page, such as the overview, wants the keys for itself.
 */
export function listen(commands, { echo = () => {}, busy = () => false } = {}) {
  let typed = null;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest(TYPES)) return;
    const step = commands.goTo && !busy() ? typing(typed, event.key) : null;
    if (step) {
      event.preventDefault();
      typed = step.typed;
      echo(typed);
      if (step.go) commands.goTo(step.go);
      return;
    }
    const command = commandOf(event);
    // F5 is a clicker's start button, and must never reload, whatever is open. Ctrl+R still does.
    if (busy() && command !== "startFullScreen") return;
    if (!commands[command]) return;
    event.preventDefault();
    commands[command](event);
  });
}

/** A pressed button gives up the focus, so that Space moves on and never presses it again. */
export function blurButtons(within) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest(`${within} button`);
    if (button) setTimeout(() => button.blur());
  });
}

/** Full screen on, or off if `toggle` and it is on. Refusals are the browser's to explain. */
export function fullScreen(toggle) {
  if (!document.fullscreenElement) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (toggle) document.exitFullscreen();
}
