// Moving through the deck: keys, links, swipes. The page already holds every step, so turning is instant and nothing
// is loaded; without this script the Back and Next links do the same by loading pages.
//
// Keys follow what speakers know from other tools, and never act while a modifier is held or someone is typing.
import { switchTheme } from "./theme.js";

const allSlides = () => [...document.querySelectorAll(".slide[data-address]")];
let slides = allSlides();
const announcer = document.getElementById("announcer");
const help = document.getElementById("help");
const goto = document.getElementById("goto");

let at = Math.max(0, slides.findIndex((slide) => slide.classList.contains("current")));

/** The step shown now, such as "9.2". */
export const current = () => slides[at].dataset.address;

/** Shows the step at an index; out of range stays. Tells listeners with a `podium:slide` event. */
export function show(index) {
  if (index < 0 || index >= slides.length || index === at) return;
  slides[at].classList.remove("current");
  slides[at].hidden = true;
  at = index;
  const slide = slides[at];
  slide.hidden = false;
  slide.classList.add("current");
  scrollTo(0, 0);
  history.replaceState(null, "", `/${slide.dataset.address}${location.search}`);
  announcer.textContent = slide.getAttribute("aria-label");
  document.dispatchEvent(new CustomEvent("podium:slide", { detail: { address: slide.dataset.address } }));
}

// The author has edited: other slides, the same place or the nearest.
document.addEventListener("podium:deck", () => {
  slides = allSlides();
  at = Math.max(0, slides.findIndex((slide) => slide.classList.contains("current")));
  history.replaceState(null, "", `/${current()}${location.search}`);
});

/** Index of "9" (its first step) or "9.2"; -1 if there is none. */
function find(address) {
  const exact = slides.findIndex((slide) => slide.dataset.address === address);
  if (exact >= 0) return exact;
  const [number, step] = address.split(".");
  if (step !== undefined && step !== "1") return -1;
  return slides.findIndex((slide) => slide.dataset.address.split(".")[0] === number);
}

const numberAt = (index) => slides[index]?.dataset.address.split(".")[0];

/** First step of the next or previous slide, skipping steps. From inside a slide, back goes to its own start. */
function wholeSlide(direction) {
  if (direction > 0) return slides.findIndex((_, index) => index > at && numberAt(index) !== numberAt(at));
  const start = find(numberAt(at));
  return start < at ? start : find(numberAt(at - 1) ?? "");
}

function fullScreen(toggle) {
  if (!document.fullscreenElement) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (toggle) document.exitFullscreen();
}

// Digits typed so far; null when nobody is going anywhere.
let typed = null;

function type(text) {
  typed = text;
  goto.hidden = typed === null;
  goto.textContent = typed === null ? "" : `→ ${typed}`;
}

/** Handles the keys of an address being typed; true if the key was one of them. */
function typing(key) {
  if (/^[0-9]$/.test(key) || (key === "." && typed)) type((typed ?? "") + key);
  else if (key === "g") type("");
  else if (typed === null) return false;
  else if (key === "Enter") {
    const index = find(typed);
    type(null);
    show(index);
  } else if (key === "Backspace") type(typed.slice(0, -1) || null);
  else if (key === "Escape") type(null);
  else return false;
  return true;
}

const actions = {
  ArrowRight: () => show(at + 1),
  PageDown: () => show(at + 1),
  n: () => show(at + 1),
  ArrowLeft: () => show(at - 1),
  PageUp: () => show(at - 1),
  Backspace: () => show(at - 1),
  ArrowDown: () => show(wholeSlide(1)),
  ArrowUp: () => show(wholeSlide(-1)),
  Home: () => show(0),
  End: () => show(slides.length - 1),
  f: () => fullScreen(true),
  d: switchTheme,
  "?": () => (help.open ? help.close() : help.showModal()),
};

function action({ key, shiftKey }) {
  if (key === " ") return () => show(at + (shiftKey ? -1 : 1));
  if (shiftKey && key === "ArrowRight") return () => show(wholeSlide(1));
  if (shiftKey && key === "ArrowLeft") return () => show(wholeSlide(-1));
  return actions[key];
}

// What takes keys itself. A link or button keeps Enter, but Space always turns the page: see `blur` below.
const TYPES = "input, textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest(TYPES)) return;
  // The start button of a clicker. Ctrl+R still reloads.
  if (event.key === "F5") {
    event.preventDefault();
    fullScreen(false);
    return;
  }
  if (help.open && event.key !== "?") return;
  if (typing(event.key)) {
    event.preventDefault();
    return;
  }
  const act = action(event);
  if (!act) return;
  event.preventDefault();
  act();
});

// A pressed button gives up the focus, so that Space moves on and never presses it again.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".stage button");
  if (button) setTimeout(() => button.blur());
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const address = link.getAttribute("href").match(/^\/(\d+(?:\.\d+)?)$/)?.[1];
  const index = address === undefined ? -1 : find(address);
  if (index < 0) return;
  event.preventDefault();
  show(index);
});

// One finger, mostly sideways, not on something that scrolls sideways itself.
let touch = null;
document.addEventListener("touchstart", ({ touches, target }) => {
  const wide = target.closest(".diagram, pre, .chart");
  const scrolls = wide && wide.scrollWidth > wide.clientWidth;
  touch = touches.length === 1 && !scrolls ? { x: touches[0].clientX, y: touches[0].clientY } : null;
}, { passive: true });
document.addEventListener("touchend", ({ changedTouches }) => {
  if (!touch) return;
  const dx = changedTouches[0].clientX - touch.x;
  const dy = changedTouches[0].clientY - touch.y;
  touch = null;
  if (Math.abs(dx) > 48 && Math.abs(dx) > 2 * Math.abs(dy)) show(at + (dx < 0 ? 1 : -1));
}, { passive: true });

// `#9.2` and `#/9.2`, as other tools write it.
const wanted = location.hash.match(/^#\/?(\d+(?:\.\d+)?)$/)?.[1];
if (wanted) show(find(wanted));
