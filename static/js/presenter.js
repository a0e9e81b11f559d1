// The presenter's page: what the room sees, what comes next, the notes, the clock, the buttons of the demo.

import { mountDeeds } from "./deeds.js";
import { mountHealth } from "./health.js";
import { mountLectern } from "./lectern.js";
import { apply, model } from "./live.js";
import { mountPanes } from "./panes.js";
import { switchTheme } from "./theme.js";
import { openWheel } from "./wheel.js";

mountHealth(model);
mountDeeds(model, apply);

const panes = mountPanes();
const place = ({ steps }, at) => at && { address: steps[at.index].address, click: at.click };
const list = document.querySelector("[data-steps]");

const lectern = mountLectern(model, openWheel(model, apply, "presenter"), {
  show(lectern) {
    panes.show(place(lectern, lectern.at), place(lectern, lectern.upcoming));
    history.replaceState(null, "", `/presenter/${lectern.step.address}`);
    // Only the list scrolls to it, never the page.
    const { link } = lectern.step;
    list.scrollTop = link.offsetTop - list.offsetTop - list.clientHeight / 2 + link.offsetHeight / 2;
  },
});
