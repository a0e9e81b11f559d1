// The remote: the lectern for a thumb. Two zones and a sideways swipe turn; the announcement is held, not tapped.

import { mountDeeds } from "./deeds.js";
import { holdToFire } from "./hold.js";
import { mountLectern } from "./lectern.js";
import { apply, model } from "./live.js";
import { openWheel } from "./wheel.js";

mountDeeds(model, apply);
const lectern = mountLectern(model, openWheel(model, apply, "remote"), {});

for (const form of document.querySelectorAll("form[data-hold]")) {
  const button = form.querySelector("button");
  const detail = form.querySelector("[data-detail]");
  holdToFire(button, {
    fire: () => form.requestSubmit(),
    tapped: () => {
      form.dataset.tapped = "";
      setTimeout(() => delete form.dataset.tapped, 1_500);
    },
  });
  // The label's own second line says what the press will do; how to press stands beside it, for who only listens.
  detail.title = "Hold to announce";
}

// One finger, mostly sideways: the notes scroll up and down, so nothing is taken from them.
let touch = null;
document.addEventListener("touchstart", ({ touches, target }) => {
  const free = touches.length === 1 && !target.closest("button, summary, a");
  touch = free ? { x: touches[0].clientX, y: touches[0].clientY } : null;
}, { passive: true });
document.addEventListener("touchend", ({ changedTouches }) => {
  if (!touch) return;
  const dx = changedTouches[0].clientX - touch.x;
  const dy = changedTouches[0].clientY - touch.y;
  touch = null;
  if (Math.abs(dx) > 48 && Math.abs(dx) > 2 * Math.abs(dy)) (dx < 0 ? lectern.next() : lectern.back());
}, { passive: true });
