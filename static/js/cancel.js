// The way back from a press: an action that has run for a while gets a Cancel beside its button. Not at once, because
// most actions end in less than a second and a button that flickers is no button. It comes after the button it belongs
// to in the order of the keyboard, and takes width from it instead of height from the page, so that nothing moves away
// under a speaker's finger.

import { post } from "./post.js";

/** How long an action runs before it offers to be cancelled. */
const AFTER_MS = 1_000;

export class Cancel {
  /** `button` is what the Cancel stands beside; `failed` is told an error, or null. */
  constructor(button, failed) {
    this.beside = button;
    this.failed = failed;
    this.button = null;
  }

  /** `action` is the one that runs, or null. */
  show(action, now) {
    this.action = action;
    const wanted = action !== null && now - action.started >= AFTER_MS;
    if (wanted === (this.button !== null)) return;
    if (wanted) this.offer();
    else {
      this.button.remove();
      this.button = null;
    }
    this.beside.form.toggleAttribute("data-cancellable", wanted);
  }

  offer() {
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button-cancel";
    this.button.textContent = "Cancel";
    this.button.setAttribute("aria-label", `Cancel: ${this.action.title}`);
    this.button.addEventListener("click", () => this.press());
    this.beside.after(this.button);
  }

  async press() {
    const { button, action } = this;
    button.disabled = true;
    const answer = await post("/actions/cancel", { action: action.id });
    button.disabled = false;
    // It ended in the meantime: there is nothing to complain of.
    this.failed(answer.error && this.action?.id === action.id ? answer.error : null);
  }
}
