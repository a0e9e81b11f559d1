// What the presenter's page and the remote have in common: the steps by name, the room's position on the page, the
// clock, the notes, who drives. The page gives its own `show(at)` for what it alone shows, and gets the moves back.
//
// A move shows at once and is told to the room after; the room's answer is what counts in the end.

import { timeOfDay } from "./format.js";
import { mountNotes } from "./notes.js";
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
    const first = this.steps.findIndex(({ link }) => link.hasAttribute("aria-current"));
    this.at = { index: Math.max(0, first), click: 0 };
  }

  get step() {
    return this.steps[this.at.index];
  }

  /** What Next would show, or null at the end. */
  get upcoming() {
    if (this.at.click < this.step.clicks) return { index: this.at.index, click: this.at.click + 1 };
    return this.at.index + 1 < this.steps.length ? { index: this.at.index + 1, click: 0 } : null;
  }

  /** What Back would show, or null at the start: a step that one comes back to has all its clicks. */
  get before() {
    if (this.at.click > 0) return { index: this.at.index, click: this.at.click - 1 };
    const index = this.at.index - 1;
    return index >= 0 ? { index, click: this.steps[index].clicks } : null;
  }

  next() {
    this.go(this.upcoming);
  }

  back() {
    this.go(this.before);
  }

  /** To the first step of the next or previous slide, over clicks and steps. */
  wholeSlide(direction) {
    const number = (index) => this.steps[index]?.address.split(".")[0];
    const { index, click } = this.at;
    const here = number(index);
    const start = this.steps.findIndex((_, other) => number(other) === here);
    if (direction > 0) return this.goTo(this.steps.findIndex((_, other) => other > index && number(other) !== here));
    if (start < index || click > 0) return this.goTo(start);
    return this.goTo(this.steps.findIndex((_, other) => number(other) === number(start - 1)));
  }

  goTo(index) {
    if (this.steps[index]) this.go({ index, click: 0 });
  }

  /** To "9" (its first step) or "9.2"; nowhere if there is no such step. */
  goToAddress(address) {
    const exact = this.steps.findIndex((step) => step.address === address);
    this.goTo(exact >= 0 ? exact : this.steps.findIndex((step) => step.address === `${address}.1`));
  }

  go(at) {
    if (!at) return;
    this.show(at);
    this.wheel.send({ address: this.steps[at.index].address, click: at.click });
  }

  show(at) {
    this.at = at;
    const { address, title, clicks } = this.step;
    const { upcoming } = this;
    put(this.root, "[data-now-title]", title);
    put(this.root, "[data-now-clicks]", clicks > 0 ? `click ${at.click} of ${clicks}` : "");
    const sameStep = upcoming?.index === at.index;
    put(this.root, "[data-next-title]", !upcoming ? "End of the talk" : sameStep ? `Click ${upcoming.click} of ${clicks}` : this.steps[upcoming.index].title);
    for (const [index, { link }] of this.steps.entries()) {
      if (index === at.index) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    }
    this.notes.show(address, at.click);
    this.turnLinks();
    this.tick();
    this.showPage?.(this);
  }

  turnLinks() {
    for (const [name, to] of [["back", this.before], ["next", this.upcoming]]) {
      for (const control of this.root.querySelectorAll(`[data-turn="${name}"]`)) {
        control.toggleAttribute("data-end", to === null);
        if (control instanceof HTMLButtonElement) control.disabled = to === null;
        else if (to) control.href = `/presenter/${this.steps[to.index].address}`;
      }
    }
  }

  /** Takes what the room sees. */
  follow(position) {
    const index = this.steps.findIndex((step) => step.address === position.address);
    if (index < 0) return;
    const moved = index !== this.at.index || position.click !== this.at.click;
    if (moved) this.show({ index, click: position.click });
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
    const result = time > 0 ? pace({ index: this.at.index, count: this.steps.length }, time, planned) : null;
    put(root, "[data-pace-text]", paceText(result));
    for (const element of root.querySelectorAll("[data-pace-text]")) element.dataset.pace = result?.state ?? "";
    put(root, "[data-wall-clock]", timeOfDay(Date.now()).slice(0, 5));
  }
}

/** Wires the buttons that both pages have. A pressed button gives up the focus: Space is the clicker's. */
function wire(lectern, root) {
  const { wheel, model } = lectern;
  const acts = {
    "[data-turn]": (button) => (button.dataset.turn === "next" ? lectern.next() : lectern.back()),
    "[data-step]": (link) => lectern.goToAddress(link.dataset.step),
    "[data-blank]": () => wheel.send({ blank: model.position?.blank ? "none" : "black" }),
    "[data-qr]": () => wheel.send({ qr: !model.position?.qr }),
    "[data-clock]": (button) => wheel.clock(button.dataset.clock),
    "[data-take-over]": () => wheel.takeOver(),
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

/** Brings the page to life; returns the lectern, whose `next()`, `back()`, `goToAddress(…)` the page binds to keys. */
export function mountLectern(model, wheel, page, root = document) {
  const lectern = new Lectern(model, wheel, page, root);
  wheel.onPosition((position) => lectern.follow(position));
  wire(lectern, root);
  lectern.show(lectern.at);
  setInterval(() => lectern.tick(), 250);
  return lectern;
}
