// All slides at once, over the page: a dialog with a small copy of each. Copies are pictures: nothing in them can be
// pressed or is read out, and they carry no ids, so that the page keeps its own.

import { place, sections } from "./deck.js";

function picture(section) {
  const canvas = section.querySelector(".canvas").cloneNode(true);
  canvas.inert = true;
  canvas.setAttribute("aria-hidden", "true");
  for (const element of canvas.querySelectorAll("[id]")) element.removeAttribute("id");
  for (const fragment of canvas.querySelectorAll("[data-click]")) fragment.classList.add("shown");
  for (const line of canvas.querySelectorAll(".unlit")) line.classList.remove("unlit");
  // The section's classes choose the layout.
  const frame = document.createElement("span");
  frame.className = `${section.className} thumb`;
  frame.classList.remove("current");
  frame.append(canvas);
  return frame;
}

function tile(section, at) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  button.dataset.at = at;
  const name = document.createElement("span");
  name.className = "visually-hidden";
  name.textContent = section.getAttribute("aria-label");
  const label = document.createElement("span");
  label.className = "tile-label";
  label.setAttribute("aria-hidden", "true");
  label.textContent = section.dataset.address;
  button.append(name, picture(section), label);
  return button;
}

/** How many tiles stand in a row. */
function columns(tiles) {
  const top = tiles[0].offsetTop;
  const second = tiles.findIndex((one) => one.offsetTop !== top);
  return second < 0 ? tiles.length : second;
}

/** Makes the overview; `go({at, click})` is told what was picked. */
export function createOverview(go) {
  const dialog = document.getElementById("overview");
  const grid = dialog.querySelector("[data-tiles]");

  const tiles = () => [...grid.children];
  const focused = () => Math.max(0, tiles().indexOf(document.activeElement));

  function pick(at) {
    dialog.close();
    go({ at, click: 0 });
  }

  const moves = {
    ArrowRight: () => 1, PageDown: () => 1, n: () => 1,
    ArrowLeft: () => -1, PageUp: () => -1, Backspace: () => -1,
    ArrowDown: () => columns(tiles()), ArrowUp: () => -columns(tiles()),
    Home: () => -Infinity, End: () => Infinity,
  };

  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const all = tiles();
    if (moves[event.key]) {
      event.preventDefault();
      const to = Math.min(Math.max(0, focused() + moves[event.key]()), all.length - 1);
      all[to].focus();
    } else if (event.key === "o" || event.key === "`") {
      event.preventDefault();
      dialog.close();
    }
  });
  grid.addEventListener("click", (event) => {
    const picked = event.target.closest(".tile");
    if (picked) pick(Number(picked.dataset.at));
  });
  // The copies go with the dialog: they would be stale, and weigh on every change of the page's style.
  dialog.addEventListener("close", () => grid.replaceChildren());

  return {
    open() {
      if (dialog.open) return;
      grid.replaceChildren(...sections().map(tile));
      dialog.showModal();
      const here = grid.children[place().at];
      here?.setAttribute("aria-current", "step");
      here?.focus();
      here?.scrollIntoView({ block: "center" });
    },
    isOpen: () => dialog.open,
  };
}
