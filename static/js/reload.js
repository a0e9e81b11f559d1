// The author saves a file, and the changed slides are exchanged in the open page: no reload, no flicker, same place.
// What did not change keeps its elements, and with them its graphs, scroll positions and focus.

/** Slides of a page, this one or one just fetched. */
const slidesIn = (root) => [...root.querySelectorAll(":scope > .slide[data-address]")];

/** "9.2" → 9.002, to find the nearest; steps count less than slides. */
function order(address) {
  const [slide, step] = address.split(".");
  return Number(slide) + Number(step ?? 1) / 1000;
}

/** The slide at `address`, or the one nearest to it when there is none any more. */
export function nearest(slides, address) {
  const distance = (slide) => Math.abs(order(slide.dataset.address) - order(address));
  return slides.reduce((best, slide) => (distance(slide) < distance(best) ? slide : best));
}

/** A slide that stays may have other neighbours now, and be elsewhere in the talk. */
function renewFoot(slide, fresh) {
  for (const rel of ["prev", "next"]) {
    const [link, wanted] = [slide, fresh].map((one) => one.querySelector(`.foot [rel="${rel}"]`));
    if (link && wanted) link.setAttribute("href", wanted.getAttribute("href"));
    else if (link || wanted) return slide.querySelector(".foot").replaceWith(document.importNode(fresh.querySelector(".foot"), true));
  }
  const [bar, wanted] = [slide, fresh].map((one) => one.querySelector(".progress"));
  if (bar && wanted) bar.value = wanted.value;
}

/** Makes `stage` show what `fresh` does and returns the slides that are new in it. */
export function exchange(stage, fresh) {
  const before = new Map(slidesIn(stage).map((slide) => [slide.dataset.address, slide]));
  const place = stage.querySelector(":scope > .slide.current")?.dataset.address ?? "1";
  const changed = [];
  const slides = slidesIn(fresh).map((section) => {
    const known = before.get(section.dataset.address);
    if (known?.dataset.hash === section.dataset.hash) {
      renewFoot(known, section);
      return known;
    }
    const slide = document.importNode(section, true);
    changed.push(slide);
    return slide;
  });
  const staying = new Set(slides);
  for (const slide of before.values()) if (!staying.has(slide)) slide.remove();
  slides.forEach((slide, at) => {
    // Moved only if it must be: an element taken out and put back loses focus and scroll position.
    if (at === 0) {
      if (stage.querySelector(":scope > .slide") !== slide) stage.prepend(slide);
    } else if (slides[at - 1].nextElementSibling !== slide) slides[at - 1].after(slide);
  });
  const current = nearest(slides, place);
  for (const slide of slides) {
    slide.classList.toggle("current", slide === current);
    if (slide.hidden !== (slide !== current)) slide.hidden = slide !== current;
  }
  return changed;
}

/** This page as the server would send it now; from the start if its slide is gone. */
async function fetchPage() {
  const own = await fetch(location.pathname + location.search);
  const answer = own.status === 404 ? await fetch("/") : own;
  if (!answer.ok) throw new Error(`the deck answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/**
 * Follows the deck's version. After an exchange `mount(slides)` brings the new slides to life, and everyone who keeps
 * a list of slides hears `podium:deck` on the document.
 */
export function mountReload(model, mount) {
  const stage = document.querySelector(".stage[data-deck-version]");
  if (!stage) return;
  const current = () => model.deckVersion === null || model.deckVersion === stage.dataset.deckVersion;
  let busy = false;

  async function renew() {
    const wanted = model.deckVersion;
    const page = await fetchPage();
    const fresh = page.querySelector(".stage[data-deck-version]");
    if (!fresh) return true;
    const changed = exchange(stage, fresh);
    stage.dataset.deckVersion = fresh.dataset.deckVersion;
    stage.setAttribute("aria-label", fresh.getAttribute("aria-label"));
    document.title = page.title;
    mount(changed);
    document.dispatchEvent(new CustomEvent("podium:deck", { detail: { changed } }));
    // Not what was wanted: the author has saved again meanwhile, and the stream will say so or has.
    return wanted !== model.deckVersion;
  }

  model.watch(async (_, changes) => {
    if (busy || current() || !(changes.has("deckVersion") || changes.has("connection"))) return;
    busy = true;
    try {
      while (!current() && await renew());
    } catch {
      // The server is gone or busy: the stream tells the version again when it is back.
    }
    busy = false;
  });
}
