// Turns the slides of an exported file, one at a time, by the talk's own keys, by swipe, by its links and by address
// (`#/9.2`). It is put into the file as it is, so it imports nothing; without it the file is scrolled.

const sheets = [...document.querySelectorAll(".sheet")];
/** Held upright, a phone reads the slides as a page: there is nothing to turn. */
const flowing = matchMedia("(max-aspect-ratio: 1 / 1)");

const addressed = () => sheets.findIndex((sheet) => `#${sheet.id}` === decodeURIComponent(location.hash));
let at = Math.max(0, addressed());

function show(index) {
  at = Math.min(Math.max(index, 0), sheets.length - 1);
  const turning = !flowing.matches;
  document.documentElement.classList.toggle("turning", turning);
  sheets.forEach((sheet, position) => {
    const slide = sheet.querySelector(".slide");
    sheet.classList.toggle("current", position === at);
    slide.classList.toggle("current", position === at || !turning);
    // Hidden slides are not measured; on paper the stylesheet shows them all the same.
    slide.hidden = turning && position !== at;
  });
  document.dispatchEvent(new CustomEvent("podium:slide"));
}

function go(index) {
  const sheet = sheets[Math.min(Math.max(index, 0), sheets.length - 1)];
  history.replaceState(null, "", `#${sheet.id}`);
  show(sheets.indexOf(sheet));
  sheet.querySelector(".slide").focus({ preventScroll: true });
}

const slideOf = (sheet) => sheet.id.split(".")[0];
/** The first step of the next slide, or of the one before. */
function slideFrom(direction) {
  const here = slideOf(sheets[at]);
  let index = at;
  while (sheets[index] && slideOf(sheets[index]) === here) index += direction;
  const there = sheets[index];
  return there ? sheets.findIndex((sheet) => slideOf(sheet) === slideOf(there)) : at;
}

const KEYS = {
  ArrowRight: () => at + 1,
  PageDown: () => at + 1,
  n: () => at + 1,
  ArrowLeft: () => at - 1,
  PageUp: () => at - 1,
  Backspace: () => at - 1,
  ArrowDown: () => slideFrom(1),
  ArrowUp: () => slideFrom(-1),
  Home: () => 0,
  End: () => sheets.length - 1,
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || flowing.matches) return;
  if (event.key === "f") {
    document.documentElement.requestFullscreen?.();
    return;
  }
  const wanted = event.key === " " ? at + (event.shiftKey ? -1 : 1) : KEYS[event.key]?.();
  if (wanted === undefined) return;
  event.preventDefault();
  go(wanted);
});

let touch = null;
addEventListener("touchstart", (event) => (touch = event.touches.length === 1 ? event.touches[0] : null), { passive: true });
addEventListener("touchend", (event) => {
  if (!touch || flowing.matches) return;
  const [x, y] = [event.changedTouches[0].clientX - touch.clientX, event.changedTouches[0].clientY - touch.clientY];
  touch = null;
  if (Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(y)) go(at + (x < 0 ? 1 : -1));
});

addEventListener("hashchange", () => {
  const index = addressed();
  if (index >= 0) show(index);
});
flowing.addEventListener("change", () => show(at));
show(at);
