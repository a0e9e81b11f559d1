// The deck on the page: which step is shown, and how much of it. The page already holds every step, so turning is
// instant and nothing is loaded; without this script the Back and Next links do the same by loading pages.
//
// This module only shows. Who may go where is in `follow.js`, what keys mean in `keys.js`, where they lead in `steps.js`.

import { reveal } from "./reveal.js";
import { find, within } from "./steps.js";

const announcer = document.getElementById("announcer");

/** The sections, in order. Asked anew each time: an edit of the deck replaces some. */
export const sections = () => [...document.querySelectorAll(".stage > .slide[data-address]")];

/** The steps, for the rules in `steps.js`. */
export const steps = () =>
  sections().map(({ dataset }) => ({ address: dataset.address, clicks: Number(dataset.clicks ?? 0) }));

let click = Number(document.querySelector(".stage").dataset.click);

const shown = () => document.querySelector(".stage > .slide.current");

/** The place shown now: `{at, click, address}`. */
export function place() {
  const section = shown();
  return { at: sections().indexOf(section), click, address: section?.dataset.address };
}

/** The step shown now, such as "9.2". */
export const current = () => place().address;

/** The page's address says where one is and, in its state, whether one follows; Back leaves the deck. */
function remember(follows = history.state?.follows ?? false) {
  const query = new URLSearchParams(location.search);
  if (click > 0) query.set("clicks", click);
  else query.delete("clicks");
  const search = query.size > 0 ? `?${query}` : "";
  history.replaceState({ follows }, "", `/${current()}${search}`);
}

/** Remembers across a reload whether this page follows the speaker. */
export const rememberFollowing = (follows) => remember(follows);

function announce(section, words) {
  announcer.textContent = words ?? section.getAttribute("aria-label");
  const detail = { address: section.dataset.address, click };
  document.dispatchEvent(new CustomEvent("podium:slide", { detail }));
}

/** Shows a place `{at, click}`; null and places outside change nothing. Listeners get a `podium:slide` event. */
export function show(to) {
  const section = to && sections()[to.at];
  if (!section) return;
  const before = shown();
  const wanted = within(steps(), to).click;
  if (section === before && wanted === click) return;
  click = wanted;
  const appeared = reveal(section, click);
  if (section === before) {
    remember();
    announce(section, appeared.map((fragment) => fragment.textContent.trim()).join(" "));
    return;
  }
  before?.classList.remove("current");
  if (before) before.hidden = true;
  section.hidden = false;
  section.classList.add("current");
  scrollTo(0, 0);
  remember();
  announce(section);
}

/** Shows a step by address, if the deck has it. */
export function showAddress(address, atClick = 0) {
  show({ at: find(steps(), address), click: atClick });
}

/** Brings what the page shows in line with its sections: at the start, and when an edit has replaced some. */
function refresh() {
  if (!shown()) return;
  click = within(steps(), place()).click;
  reveal(shown(), click);
}

document.addEventListener("podium:deck", () => {
  refresh();
  remember();
});
refresh();
// `#9.2` and `#/9.2`, as other tools write it.
const wanted = location.hash.match(/^#\/?(\d+(?:\.\d+)?)$/)?.[1];
if (wanted) showAddress(wanted);
