// The strip that names the story, Idle · Trigger · Response · Recovery, in every `[data-phase-strip]`: the current
// phase lit, with its running clock.

import { clock } from "./format.js";

const PHASES = ["idle", "trigger", "response", "recovery"];
/** What each phase is, in a sentence. */
export const TITLES = {
  idle: "Idle: nothing waits, the minimum is running",
  trigger: "Trigger: jobs pile up, the autoscaler has not answered yet",
  response: "Response: replicas climb and the backlog drains",
  recovery: "Recovery: the backlog is gone, replicas come gently back",
};

function build(host) {
  // Not an <ol>: on a slide that would be a list of the talk, with its look.
  const list = document.createElement("div");
  list.className = "phase-strip";
  list.setAttribute("role", "list");
  const items = PHASES.map((name) => {
    const item = document.createElement("div");
    item.setAttribute("role", "listitem");
    item.dataset.phase = name;
    item.title = TITLES[name];
    const label = document.createElement("span");
    label.textContent = name[0].toUpperCase() + name.slice(1);
    const time = document.createElement("span");
    time.className = "phase-clock";
    item.append(label, time);
    list.append(item);
    return { name, item, time };
  });
  host.replaceChildren(list);
  return items;
}

/** Fills every placeholder on the page. */
export function mountPhase(model, root = document) {
  const strips = [...root.querySelectorAll("[data-phase-strip]")].map(build);
  if (strips.length === 0) return;

  const run = () => {
    const { phase, phase_since: since } = model.sample ?? {};
    for (const strip of strips) {
      for (const { name, item, time } of strip) {
        const current = name === phase;
        if (current) item.setAttribute("aria-current", "step");
        else item.removeAttribute("aria-current");
        // Idle has no clock: calm until something happens.
        const words = current && phase !== "idle" && since ? clock(model.now() - since) : "";
        if (time.textContent !== words) time.textContent = words;
      }
    }
  };
  const timer = setInterval(run, 100);
  const unwatch = model.watch((_, changed) => {
    if (changed.has("sample")) run();
    if (strips.some(([{ item }]) => item.isConnected)) return;
    // Gone with a slide that was edited.
    clearInterval(timer);
    unwatch();
  });
}
