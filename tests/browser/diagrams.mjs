// Whether every label of every diagram on a page fits its box, measured in the browser with the font it really uses.
//
// The server lays diagrams out before there is a browser, with a table of the page font's widths; this is the proof
// that table and browser agree. Live values are set to the widest they can be first.

const WIDEST = { jobs: "100,000 jobs", state: "inactive", rate: "10,000/s", ms: "100.0 s", int: "100,000" };
const WIDEST_WITH_UNIT = "100";

/**
 * Opens `url` in a Playwright page and returns what does not fit, as sentences; an empty list is good.
 * `slide` limits the check to one step, such as "9.2"; hidden steps are shown while they are measured.
 */
export async function clippedLabels(page, url, slide) {
  await page.goto(url);
  await page.evaluate(() => document.fonts.ready);
  return page.evaluate(measure, { slide, widest: WIDEST, widestWithUnit: WIDEST_WITH_UNIT });
}

// Runs in the page.
function measure({ slide, widest, widestWithUnit }) {
  const faults = [];
  const tolerance = 1;
  const sections = [...document.querySelectorAll(".slide")].filter((s) => !slide || s.dataset.address === slide);
  if (!document.fonts.check('20px "Podium Sans"')) faults.push("the diagrams' font is not loaded");

  const inside = (inner, outer) =>
    inner.left >= outer.left - tolerance &&
    inner.right <= outer.right + tolerance &&
    inner.top >= outer.top - tolerance &&
    inner.bottom <= outer.bottom + tolerance;

  const checkNode = (where, node) => {
    const shape = node.querySelector(":scope > rect, :scope > polygon, :scope > circle, :scope > ellipse, :scope > path");
    const label = node.querySelector("text");
    if (!shape || !label || !label.textContent.trim()) return;
    if (!inside(label.getBoundingClientRect(), shape.getBoundingClientRect())) {
      faults.push(`${where}: "${label.textContent.trim()}" is larger than its box`);
    }
  };

  for (const section of sections.length ? sections : [document.body]) {
    const wasHidden = section.hidden;
    section.hidden = false;
    for (const svg of section.querySelectorAll(".diagram svg")) {
      const where = `${section.dataset.address ?? location.pathname} ${svg.id}`;
      const kept = [...svg.querySelectorAll("[data-live]")].map((value) => [value, value.textContent]);
      for (const [value] of kept) {
        const unit = value.nextElementSibling?.textContent.trim();
        value.textContent = unit ? widestWithUnit : (widest[value.dataset.format] ?? widest.int);
      }
      for (const node of svg.querySelectorAll("[data-node], .node")) checkNode(where, node);
      const frame = svg.getBoundingClientRect();
      for (const text of svg.querySelectorAll("text")) {
        // A text of no size is an alternative the browser did not choose (`switch`).
        const shown = text.textContent.trim() && text.getBoundingClientRect().width > 0;
        if (shown && !inside(text.getBoundingClientRect(), frame)) {
          faults.push(`${where}: "${text.textContent.trim()}" is outside the drawing`);
        }
      }
      // In a row of boxes, a label of an actor must fit the box drawn just before it.
      for (const text of svg.querySelectorAll("text.actor")) {
        const box = text.previousElementSibling;
        if (box?.tagName === "rect" && !inside(text.getBoundingClientRect(), box.getBoundingClientRect())) {
          faults.push(`${where}: "${text.textContent.trim()}" is larger than its box`);
        }
      }
      for (const [value, text] of kept) value.textContent = text;
    }
    section.hidden = wasHidden;
  }
  return faults;
}
