// The remote: the lectern for a thumb. Two zones and a sideways swipe turn; the announcement is held, not tapped.

import { mountDeeds } from "./deeds.js";
import { holdToFire } from "./hold.js";
import { mountLectern } from "./lectern.js";
import { apply, model } from "./live.js";
import { listenForSwipes } from "./touch.js";
import { keepAwake } from "./wake.js";
import { openWheel } from "./wheel.js";

mountDeeds(model, apply);
keepAwake();
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

listenForSwipes({ next: () => lectern.next(), previous: () => lectern.previous() });
