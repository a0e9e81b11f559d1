// The presenter's page: what the room sees, what comes next, the notes, the clock, the buttons of the demo. Keys are the
// deck's; what would change the slides' own window there, such as full screen, changes this one here.

import { mountDeeds } from "./deeds.js";
import { mountHealth } from "./health.js";
import { blurButtons, fullScreen, listen } from "./keys.js";
import { mountLectern } from "./lectern.js";
import { apply, model } from "./live.js";
import { mountPanes } from "./panes.js";
import { first, last, nextSlide, previousSlide } from "./steps.js";
import { switchTheme } from "./theme.js";
import { keepAwake } from "./wake.js";
import { openWheel } from "./wheel.js";

mountHealth(model);
mountDeeds(model, apply);
keepAwake();

const panes = mountPanes();
const list = document.querySelector("[data-steps]");
const help = document.querySelector("[data-help]");
const echo = document.querySelector("[data-goto]");

const picture = ({ steps }, place) => place && { address: steps[place.at].address, click: place.click };

const lectern = mountLectern(model, openWheel(model, apply, "presenter"), {
  show(lectern) {
    panes.show(picture(lectern, lectern.place), picture(lectern, lectern.upcoming));
    const { address, link } = lectern.step;
    history.replaceState(null, "", `/presenter/${address}`);
    // Only the list scrolls to the step, never the page.
    list.scrollTop = link.offsetTop - list.clientHeight / 2 + link.offsetHeight / 2;
    document.dispatchEvent(new CustomEvent("podium:slide", { detail: { address } }));
  },
});

const toggleHelp = () => (help.open ? help.close() : help.showModal());
document.querySelector("[data-keys]").addEventListener("click", toggleHelp);
blurButtons("body");

listen({
  next: () => lectern.next(),
  previous: () => lectern.previous(),
  nextSlide: () => lectern.by(nextSlide),
  previousSlide: () => lectern.by(previousSlide),
  first: () => lectern.by(first),
  last: () => lectern.by(last),
  goTo: (address) => lectern.goTo(address),
  black: () => lectern.cover("black"),
  white: () => lectern.cover("white"),
  qr: () => lectern.toggleQr(),
  takeOver: () => lectern.wheel.takeOver(),
  larger: () => lectern.notes.resize(1),
  smaller: () => lectern.notes.resize(-1),
  theme: switchTheme,
  fullScreen: () => fullScreen(true),
  startFullScreen: () => fullScreen(false),
  help: toggleHelp,
}, {
  echo(typed) {
    echo.hidden = typed === null;
    echo.textContent = typed === null ? "" : `→ ${typed}`;
  },
  // Escape, and what else a dialog wants.
  busy: () => help.open,
});
