// The speaker's buttons on a slide (` ```controls `). As a plain form a press would leave the slide; here the slide
// stays, and the button says how far its action is. The room reads this screen too: a failure is named in one line, the
// reason is on the control page.

import { int } from "./format.js";
import { post } from "./post.js";
import { blocked } from "./readiness.js";

class Cue {
  constructor(form, model, apply) {
    this.kind = form.dataset.action;
    this.button = form.querySelector("button");
    this.label = this.button.textContent;
    this.model = model;
    this.failed = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // Space is the clicker's key: a focused button would take it.
      this.button.blur();
      this.button.disabled = true;
      const { action, error } = await post(form.action, Object.fromEntries(new FormData(form)));
      if (action) apply("begun", action);
      this.failed = Boolean(error);
      this.show();
    });
  }

  show() {
    const action = this.model.action(this.kind);
    const why = blocked(this.kind, this.model);
    this.button.disabled = why !== null;
    this.button.title = why ?? "";
    this.button.textContent = this.words(action);
  }

  words(action) {
    if (action?.state === "running") return action.total > 0 ? `${this.label}: ${int(action.done)} of ${int(action.total)}` : `${this.label}…`;
    return this.failed ? `${this.label}: not done, see the control page` : this.label;
  }
}

/** Brings every button of a slide's `.controls` below `root` to life. */
export function mountCues(model, apply, root = document) {
  const cues = [...root.querySelectorAll(".controls form[data-action]")].map((form) => new Cue(form, model, apply));
  if (cues.length === 0) return;
  const unwatch = model.watch((_, changed) => {
    if (["actions", "deployment", "health", "connection"].some((name) => changed.has(name))) cues.forEach((cue) => cue.show());
    // Gone with a slide that was edited.
    if (!cues.some((cue) => cue.button.isConnected)) unwatch();
  });
}
