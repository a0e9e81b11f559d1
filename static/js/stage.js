// The deck page's entry: keys, swipes and links turn into moves, and moves go to the room or, for a viewer, nowhere but
// this page. What a viewer may not do, their keys do not do.

import { current, place, steps } from "./deck.js";
import { follow } from "./follow.js";
import { mountFollowLine } from "./follow_line.js";
import { blurButtons, fullScreen, listen } from "./keys.js";
import { apply, hear, model } from "./live.js";
import { createOverview } from "./overview.js";
import { mountQr } from "./qr.js";
import { back, find, first, forward, last, nextSlide, previousSlide } from "./steps.js";
import { switchTheme } from "./theme.js";
import { mountTools } from "./tools.js";
import { listenForSwipes } from "./touch.js";
import { keepAwake } from "./wake.js";

const help = document.getElementById("help");
const goto = document.getElementById("goto");
const room = follow({ model, apply, hear });
const overview = createOverview(room.go);
const tools = mountTools(model, hear);

const turn = (rule) => () => {
  // A clicker cannot close a dialog: turning the page does.
  if (help.open) help.close();
  room.go(rule(steps(), place()));
};
const toAddress = (address) => {
  const at = find(steps(), address);
  if (at >= 0) room.go({ at, click: 0 });
};

const everybody = {
  next: turn(forward),
  previous: turn(back),
  nextSlide: turn(nextSlide),
  previousSlide: turn(previousSlide),
  first: turn(first),
  last: turn(last),
  goTo: toAddress,
  overview: overview.open,
  fullScreen: () => fullScreen(true),
  startFullScreen: () => fullScreen(false),
  theme: switchTheme,
  help: () => (help.open ? help.close() : help.showModal()),
  live: room.goLive,
  // A tool goes down first, then a dialog closes; with none open there is the overview.
  escape: () => tools.putDown() || (document.querySelector("dialog:modal") ? document.querySelector("dialog:modal").close() : overview.open()),
};

function toggleBlank(blank) {
  room.ask({ blank: room.position()?.blank === blank ? "none" : blank });
}

const speakers = {
  black: () => toggleBlank("black"),
  white: () => toggleBlank("white"),
  qr: () => room.ask({ qr: !room.position()?.qr }),
  takeOver: room.takeOver,
  laser: tools.laser,
  pen: tools.pen,
  undoInk: tools.undoInk,
  clearInk: tools.clearInk,
  presenter: () => open(`/presenter/${current()}`, "podium-presenter"),
};

listen(room.speaks ? { ...everybody, ...speakers } : everybody, {
  echo(text) {
    goto.hidden = text === null;
    goto.textContent = text === null ? "" : `→ ${text}`;
  },
  busy: overview.isOpen,
});
blurButtons(".stage");
listenForSwipes(everybody);
mountQr(room, room.speaks ? () => room.ask({ qr: false }) : undefined);
keepAwake();
if (!room.speaks) mountFollowLine(model, room);

// Links to steps turn the page instead of loading it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const address = link.getAttribute("href").match(/^\/(\d+(?:\.\d+)?)$/)?.[1];
  if (address === undefined || find(steps(), address) < 0) return;
  event.preventDefault();
  toAddress(address);
});
