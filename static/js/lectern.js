// What the presenter's page and the remote have in common: the steps by name, the room's position on the page, the
// clock, the notes, who drives. The page gives its own `show(at)` for what it alone shows, and gets the moves back.
//
// A move shows at once and is told to the room after; the room's answer is what counts in the end.

import { timeOfDay } from "./format.js";
import { mountNotes } from "./notes.js";
import { back, find, forward, within } from "./steps.js";
import { clockText, elapsed, pace, paceText, plannedText } from "./talk_clock.js";

const KINDS = { stage: "The slides' window", presenter: "Another presenter window", remote: "A remote" };

/** The steps of the deck, in order: `{address, title, clicks, link}`. */
function stepsOf(root) {
  return [...root.querySelectorAll("[data-steps] [data-step]")].map((link) => ({
    address: link.dataset.step,
    title: link.textContent.trim(),
    clicks: Number(link.dataset.clicks ?? 0),
    link,
  }));
}

const put = (root, selector, words) => {
  for (const element of root.querySelectorAll(selector)) if (element.textContent !== words) element.textContent = words;
};

class Lectern {
  constructor(model, wheel, { show }, root) {
    Object.assign(this, { model, wheel, root, showPage: show });
    this.steps = stepsOf(root);
    this.notes = mountNotes(root);
    this.planned = Number(root.querySelector("[data-lectern]").dataset.plannedMs) || null;
    const shown = this.steps.findIndex(({ link }) => link.hasAttribute("aria-current"));
    this.place = { at: Math.max(0, shown), click: 0 };
  }

  get step() {
    return this.steps[this.place.at];
  }

  /** What Next would show, or null at the end. */
  get upcoming() {
    return forward(this.steps, this.place);
  }

  next() {
    this.go(this.upcoming);
  }

  previous() {
    this.go(back(this.steps, this.place));
  }

  /** By a rule of steps.js that takes the steps and the place. */
  by(rule) {
    this.go(rule(this.steps, this.place));
  }

  /** To "9" (its first step) or "9.2"; nowhere if there is no such step. */
  goTo(address) {
    const at = find(this.steps, address);
    if (at >= 0) this.go({ at, click: 0 });
  }

  go(place) {
    if (!place) return;
    this.show(place);
    this.wheel.send({ address: this.step.address, click: place.click });
  }

  /** Blacks or whites the room, or shows it the slide again. */
  cover(colour) {
    this.wheel.send({ blank: this.model.position?.blank ? "none" : colour });
  }

  toggleQr() {
    this.wheel.send({ qr: !this.model.position?.qr });
  }

  show(place) {
    this.place = place;
    const { address, title, clicks } = this.step;
    const { upcoming } = this;
    put(this.root, "[data-now-title]", title);
    put(this.root, "[data-now-clicks]", clicks > 0 ? `click ${place.click} of ${clicks}` : "");
    const sameStep = upcoming?.at === place.at;
    put(this.root, "[data-next-title]", !upcoming ? "End of the talk" : sameStep ? `Click ${upcoming.click} of ${clicks}` : this.steps[upcoming.at].title);
    for (const [at, { link }] of this.steps.entries()) {
      if (at === place.at) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    }
    this.notes.show(address, place.click);
    this.turnLinks();
    this.tick();
    this.showPage?.(this);
  }

  turnLinks() {
    for (const [name, to] of [["back", back(this.steps, this.place)], ["next", this.upcoming]]) {
      for (const control of this.root.querySelectorAll(`[data-turn="${name}"]`)) {
        control.toggleAttribute("data-end", to === null);
        if (control instanceof HTMLButtonElement) control.disabled = to === null;
        else if (to) control.href = `/presenter/${this.steps[to.at].address}`;
      }
    }
  }

  /** Takes what the room sees. */
  follow(position) {
    const at = find(this.steps, position.address);
    if (at < 0) return;
    const place = within(this.steps, { at, click: position.click });
    if (at !== this.place.at || place.click !== this.place.click) this.show(place);
    this.room(position);
    this.tick();
  }

  room({ blank, qr, driver, clock }) {
    for (const button of this.root.querySelectorAll("[data-blank]")) button.setAttribute("aria-pressed", String(blank !== null));
    for (const button of this.root.querySelectorAll("[data-qr]")) button.setAttribute("aria-pressed", String(qr));
    for (const mark of this.root.querySelectorAll("[data-dark-mark]")) mark.hidden = blank === null;
    put(this.root, "[data-dark-mark]", blank === null ? "" : `The room is ${blank}`);
    const mine = driver?.window === this.wheel.window;
    put(this.root, "[data-driver]", !driver ? "Nobody drives yet: the first move takes the wheel." : mine ? "This window drives." : `${KINDS[driver.kind] ?? "Another window"} drives.`);
    for (const button of this.root.querySelectorAll("[data-take-over]")) button.hidden = !driver || mine;
    for (const button of this.root.querySelectorAll('[data-clock="start"], [data-clock="pause"]')) {
      const running = clock?.running_since !== null && clock?.running_since !== undefined;
      button.dataset.clock = running ? "pause" : "start";
      button.textContent = running ? "Pause" : "Start";
    }
  }

  /** What time changes: the talk's clock, the pace, the watch. */
  tick() {
    const { model, root, planned } = this;
    const time = elapsed(model.position?.clock, model.now());
    put(root, "[data-elapsed]", clockText(time));
    put(root, "[data-planned]", plannedText(time, planned));
    const result = time > 0 ? pace({ index: this.place.at, count: this.steps.length }, time, planned) : null;
    put(root, "[data-pace-text]", paceText(result));
    for (const element of root.querySelectorAll("[data-pace-text]")) element.dataset.pace = result?.state ?? "";
    put(root, "[data-wall-clock]", timeOfDay(Date.now()).slice(0, 5));
  }
}

/** Wires the buttons that both pages have. A pressed button gives up the focus: Space is the clicker's. */
function wire(lectern, root) {
  const acts = {
    "[data-turn]": (button) => (button.dataset.turn === "next" ? lectern.next() : lectern.previous()),
    "[data-step]": (link) => lectern.goTo(link.dataset.step),
    "[data-blank]": () => lectern.cover("black"),
    "[data-qr]": () => lectern.toggleQr(),
    "[data-clock]": (button) => lectern.wheel.clock(button.dataset.clock),
    "[data-take-over]": () => lectern.wheel.takeOver(),
  };
  root.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    for (const [selector, act] of Object.entries(acts)) {
      const control = event.target.closest(selector);
      if (!control) continue;
      event.preventDefault();
      control.blur();
      act(control);
      return;
    }
  });
}

/** An edited deck is another page: the server knows the place, and this browser the size of the notes. */
function reloadWithDeck(model) {
  let known = null;
  model.watch((_, changed) => {
    if (!changed.has("deckVersion")) return;
    if (known && model.deckVersion !== known) location.reload();
    known = model.deckVersion;
  });
}

/** Brings the page to life; returns the lectern, whose `next()`, `previous()`, `goTo(…)` the page binds to keys. */
export function mountLectern(model, wheel, page, root = document) {
  const lectern = new Lectern(model, wheel, page, root);
  wheel.onPosition((position) => lectern.follow(position));
  wire(lectern, root);
  reloadWithDeck(model);
  lectern.show(lectern.place);
  setInterval(() => lectern.tick(), 250);
  return lectern;
}
