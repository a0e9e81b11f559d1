// No slide overflows. In this order, as long as something does not fit:
//
// 1. diagrams, graphs and pictures give way by themselves (deck.css);
// 2. code that is too wide is set smaller, then wrapped;
// 3. a high diagram that is left too little to be read moves beside the text (`data-beside`);
// 4. text is set smaller, step by step (`--fit`);
// 5. what does not fit even at the smallest size is marked (`data-overflow`), for the author.
//
// Within one visit of a slide the size only shrinks, so that a live slide whose numbers grow and shrink never jitters.
// A resized window, a changed font or a changed slide starts afresh.

/** Factors of the text's size, largest first. The last ones are below 18 px at 1280: only when nothing else helps. */
const STEPS = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55];
/** Down to here text makes room for diagrams whose labels would be too small to read. */
const LEAST_FOR_DIAGRAMS = 0.65;
/** Factors of the size of code; the stylesheet keeps it above 18 px at 1280. */
const CODE_STEPS = [1, 0.95, 0.9, 0.85, 0.8];
/** Labels of diagrams are 20 units; they are to be read at 18 px on a canvas of 1280. */
const LEAST_DIAGRAM_SCALE = 0.9;
/** Height to width of a drawing from which it may stand beside the text. */
const HIGH = 0.75;
const SLACK_PX = 1.5;

/** On a phone held upright slides flow as pages do: nothing to fit. */
const flowing = matchMedia("(max-aspect-ratio: 1 / 1)");

const tooWide = (box) => box.scrollWidth > box.clientWidth + SLACK_PX;

function overflows(content) {
  if (content.scrollHeight > content.clientHeight + SLACK_PX || tooWide(content)) return true;
  return [...content.querySelectorAll('.problem, math[display="block"]')].some(tooWide);
}

/** How large a diagram is drawn, 1 being 20 px labels at 1280; null for one that no more height would enlarge. */
function drawnScale(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const box = svg.getBoundingClientRect();
  const em = parseFloat(getComputedStyle(svg).fontSize);
  if (!height || !box.height || !em || box.width / width <= box.height / height - 0.01) return null;
  return (Math.min(box.width / width, box.height / height) * 28) / em;
}

/** The diagram of a slide that is drawn too small for want of height. */
const starved = (content) =>
  [...content.querySelectorAll(".diagram > svg")].find((svg) => {
    const scale = drawnScale(svg);
    return scale !== null && scale < LEAST_DIAGRAM_SCALE - 0.01;
  });

function fitCode(content) {
  for (const block of content.querySelectorAll("pre")) {
    delete block.dataset.wrapped;
    const fits = CODE_STEPS.some((step) => {
      block.style.setProperty("--code-fit", String(step));
      return !tooWide(block);
    });
    block.toggleAttribute("data-wrapped", !fits);
  }
}

const fitOf = (slide) => parseFloat(slide.style.getPropertyValue("--fit") || "1");
const setFit = (slide, step) => slide.style.setProperty("--fit", String(step));

/** The largest step not above `start` at which all fits and, above the least, every diagram is legible; else null. */
function largest(slide, content, start, legible) {
  for (const step of STEPS.filter((step) => step <= start && !(legible && step < LEAST_FOR_DIAGRAMS))) {
    setFit(slide, step);
    fitCode(content);
    if (!overflows(content) && !(legible && starved(content))) return step;
  }
  return null;
}

/** Puts the one high diagram of a slide beside its text. */
function putBeside(slide, content) {
  const diagrams = content.querySelectorAll(":scope > .diagram");
  const { width, height } = diagrams[0]?.querySelector("svg")?.viewBox.baseVal ?? { width: 1, height: 0 };
  if (diagrams.length !== 1 || height / width < HIGH || content.children.length < 3) return false;
  slide.dataset.beside = "";
  return true;
}

function unfit(slide) {
  slide.style.removeProperty("--fit");
  delete slide.dataset.overflow;
  delete slide.dataset.beside;
}

/** Makes one visible slide fit, from its present size downwards; `afresh` from full size. */
export function fit(slide, afresh = false) {
  const content = slide.querySelector(".content");
  if (!content || slide.hidden) return;
  if (flowing.matches) {
    unfit(slide);
    return;
  }
  if (afresh) unfit(slide);
  const start = fitOf(slide);
  setFit(slide, start);
  fitCode(content);
  if (!overflows(content) && !starved(content)) return;
  let room = null;
  if (slide.dataset.beside === undefined && starved(content) && putBeside(slide, content)) {
    room = largest(slide, content, start, true);
    if (room === null) delete slide.dataset.beside;
  }
  room ??= largest(slide, content, start, true) ?? largest(slide, content, start, false);
  if (room === null) setFit(slide, STEPS.at(-1));
  slide.toggleAttribute("data-overflow", room === null);
}

/** Author's numbers for browsers whose stylesheets cannot read them, and the theme a coloured ground asks for. */
function applySettings(slide) {
  const { zoom, backgroundColor } = slide.dataset;
  const split = slide.querySelector("img.background[data-split]")?.dataset.split;
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
