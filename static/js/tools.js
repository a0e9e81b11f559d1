// The speaker's two tools on the stage, one in the hand at a time, and what everyone sees of them.

import { current } from "./deck.js";
import { mountInk } from "./ink.js";
import { mountLaser } from "./pointer.js";

const NOTICE_MS = 5_000;

const stage = document.querySelector(".stage");

/** A word to the speaker that goes by itself. */
function notice() {
  const box = document.createElement("p");
  box.className = "mark-notice";
  box.hidden = true;
  box.setAttribute("role", "alert");
  document.body.append(box);
  let timer = 0;
  return ({ message, remedy }) => {
    box.textContent = `${message}. ${remedy}`;
    box.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => {
      box.hidden = true;
    }, NOTICE_MS);
  };
}

/** For who holds a phone upright, where slides flow like a page: a place on the slide's picture is none on theirs. */
function hint() {
  const box = document.createElement("p");
  box.className = "turn-phone";
  box.textContent = "Turn your phone to see the speaker’s marks";
  document.body.append(box);
}

/** Mounts laser and pen. Returns the commands of the keys. */
export function mountTools(model, hear) {
  hint();
  const tools = { laser: mountLaser(hear), pen: mountInk(model, notice()) };
  let inHand = null;

  function take(name) {
    if (inHand) tools[inHand].drop();
    inHand = name === inHand ? null : name;
    if (inHand) tools[inHand].hold();
    if (inHand) stage.dataset.tool = inHand;
    else delete stage.dataset.tool;
  }

  // A click that reveals more of the same step leaves the laser on.
  let address = current();
  document.addEventListener("podium:slide", ({ detail }) => {
    if (detail.address !== address && inHand === "laser") take("laser");
    address = detail.address;
  });

  return {
    laser: () => take("laser"),
    pen: () => take("pen"),
    undoInk: tools.pen.undo,
    clearInk: tools.pen.clear,
    /** Puts down what is in the hand; false if nothing is. */
    putDown() {
      if (!inHand) return false;
      take(inHand);
      return true;
    },
  };
}
