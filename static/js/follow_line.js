// The line at the foot of a viewer's page: that it follows the speaker and where the story stands, or the way back. It
// changes once a second and is therefore no live region: a screen reader finds it, and is not interrupted by it.

import { duration } from "./format.js";

const PHASES = { trigger: "Trigger", response: "Response", recovery: "Recovery" };

/** "Response 14 s"; empty while nothing happens. */
export function phaseWords(sample, now) {
  const name = PHASES[sample?.phase];
  if (!name) return "";
  const seconds = Math.max(0, Math.floor((now - sample.phase_since) / 1000));
  return `${name} ${seconds < 120 ? `${seconds} s` : duration(seconds * 1000)}`;
}

/** Fills and keeps the line. */
export function mountFollowLine(model, room) {
  const line = document.getElementById("follow");
  const words = line.querySelector("[data-follow-words]");
  const phase = line.querySelector("[data-follow-phase]");
  const button = line.querySelector("button");
  let follows = false;

  const write = () => {
    const said = phaseWords(model.sample, model.now());
    if (phase.textContent !== said) phase.textContent = said;
    const lost = model.connection === "lost";
    const state = follows ? "Following the speaker" : "Looking around";
    const text = lost ? "Connection lost, trying again" : state;
    if (words.textContent !== text) words.textContent = text;
    line.dataset.state = lost ? "lost" : follows ? "following" : "wandering";
  };
  room.onChange((now) => {
    follows = now.follows;
    button.hidden = follows;
    write();
  });
  button.addEventListener("click", () => {
    button.blur();
    room.goLive();
  });
  model.watch((_, changed) => (changed.has("sample") || changed.has("connection")) && write());
  setInterval(write, 1_000);
  line.hidden = false;
  document.documentElement.classList.add("has-follow-line");
}
