// No slide overflows: content that is taller or wider than its box is set smaller, step by step, until it fits
// (`--fit` on the slide, used by deck.css). Diagrams, graphs and pictures give way first, by themselves; a slide that
// does not fit even at the smallest size gets `data-overflow`, for the author.
//
// Within one visit of a slide the size only shrinks, so that a live slide whose numbers grow and shrink never jitters.
// A resized window, a changed font or a changed slide starts afresh.

/** Factors tried, largest first. The last ones only when nothing else helps: text is below 18 px at 1280 there. */
const STEPS = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55];
/** Down to here text makes room for diagrams whose labels would be too small to read. */
const LEAST_FOR_DIAGRAMS = 0.65;
/** Labels of diagrams are 20 units; they are to be read at 18 px on a canvas of 1280. */
const LEAST_DIAGRAM_SCALE = 0.9;
const SLACK_PX = 1.5;

/** On a phone held upright slides flow as pages do: nothing to fit. */
const flowing = matchMedia("(max-aspect-ratio: 1 / 1)");

/** What takes a scrollbar of its own, which on a slide means lost. */
const SCROLLERS = "pre, table, math, .problem";

function overflows(content) {
  if (content.scrollHeight > content.clientHeight + SLACK_PX || content.scrollWidth > content.clientWidth + SLACK_PX) return true;
  for (const box of content.querySelectorAll(SCROLLERS)) {
    if (box.scrollWidth > box.clientWidth + SLACK_PX && getComputedStyle(box).display !== "inline") return true;
  }
  return false;
}

/** Whether a diagram was pressed so low that its labels are too small, where more height would help. */
function starved(content) {
  const em = parseFloat(getComputedStyle(content.parentElement).fontSize);
  return [...content.querySelectorAll(".diagram > svg")].some((svg) => {
    const { width, height } = svg.viewBox.baseVal;
    const box = svg.getBoundingClientRect();
    const least = (LEAST_DIAGRAM_SCALE * em) / 28;
    return height > 0 && box.height > 0 && box.height / height < least - 0.01 && box.width / width >= box.height / height + 0.01;
  });
}

const fitOf = (slide) => parseFloat(slide.style.getPropertyValue("--fit") || "1");

/** Makes one visible slide fit, from its present size downwards; `afresh` from full size. */
export function fit(slide, afresh = false) {
  const content = slide.querySelector(".content");
  if (!content || slide.hidden) return;
  if (flowing.matches) {
    slide.style.removeProperty("--fit");
    delete slide.dataset.overflow;
    return;
  }
  const start = afresh ? 1 : fitOf(slide);
  const set = (step) => slide.style.setProperty("--fit", String(step));
  let room = null;
  for (const step of STEPS.filter((step) => step <= start)) {
    set(step);
    if (overflows(content)) continue;
    room ??= step;
    if (step < LEAST_FOR_DIAGRAMS || !starved(content)) {
      room = step < LEAST_FOR_DIAGRAMS ? room : step;
      break;
    }
  }
  set(room ?? STEPS.at(-1));
  slide.toggleAttribute("data-overflow", room === null);
}

/** Author's numbers for browsers whose stylesheets cannot read them, and the theme a coloured ground asks for. */
function applySettings(slide) {
  const { zoom, split, backgroundColor } = slide.dataset;
  if (zoom) slide.style.setProperty("--zoom", zoom);
  if (split) slide.style.setProperty("--split", split);
  const canvas = slide.querySelector(".canvas");
  if (!backgroundColor || !canvas) return;
  canvas.style.backgroundColor = backgroundColor;
  slide.style.colorScheme = isDark(getComputedStyle(canvas).backgroundColor) ? "dark" : "light";
}

/** By relative luminance: whether white text has more contrast on it than black. */
function isDark(color) {
  const [red, green, blue] = (color.match(/[\d.]+/g) ?? [255, 255, 255]).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179;
}

const visible = () => document.querySelectorAll(".slide:not([hidden])");
const fitAll = (afresh) => visible().forEach((slide) => fit(slide, afresh));

let watched = [];
const contents = new ResizeObserver(() => fitAll(false));

/** Watches what is in the visible slides, now that others may be visible than before. */
function turn() {
  contents.disconnect();
  watched = [...visible()];
  for (const slide of watched) {
    applySettings(slide);
    fit(slide, true);
    for (const child of slide.querySelectorAll(".content > *, .column > *")) contents.observe(child);
  }
}

document.addEventListener("podium:slide", turn);
// A slide that was replaced by an edit is a new element in the same place.
const stage = document.querySelector(".stage");
if (stage) new MutationObserver(turn).observe(stage, { childList: true });
let size = [innerWidth, innerHeight];
addEventListener("resize", () => {
  // Phones report a resize when their address bar hides.
  if (size[0] === innerWidth && size[1] === innerHeight) return;
  size = [innerWidth, innerHeight];
  fitAll(true);
});
document.fonts.addEventListener("loadingdone", () => fitAll(true));
turn();
