// Fragments: what of a step is shown at a click. The marks come from the server (`data-click`, `data-on`); the classes
// set here are what the stylesheet looks at, and only once `.js` says that somebody will set them.

document.documentElement.classList.add("js");

/** Whether a line with `data-on="0 2"` is lit at a click. */
export const isLit = (on, click) => on.split(/\s+/).includes(String(click));

/** Shows a slide's section as it is at a click; returns what has just appeared. */
export function reveal(section, click) {
  const appeared = [];
  for (const fragment of section.querySelectorAll("[data-click]")) {
    const shown = Number(fragment.dataset.click) <= click;
    if (shown && !fragment.classList.contains("shown")) appeared.push(fragment);
    fragment.classList.toggle("shown", shown);
  }
  for (const line of section.querySelectorAll(".line[data-on]")) {
    const lit = isLit(line.dataset.on, click);
    line.classList.toggle("lit", lit);
    line.classList.toggle("unlit", !lit);
  }
  return appeared;
}
