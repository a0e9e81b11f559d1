// "What happened", newest first: milestones of the story and the actions that caused them, in one list, because the
// lag between a press and its effect is the lesson. An entry keeps its element, so that a reader's place is kept.

import { owns, taken } from "./contested.js";
import { clock, int, timeOfDay } from "./format.js";
import { prose } from "./prose.js";

function create(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** A paragraph of the server's words. */
function said(className, text) {
  const element = create("p", className);
  element.append(...prose(text));
  return element;
}

/** "+7.8 s" after the trigger that a milestone belongs to; the trigger itself has none. */
function lag(milestone, milestones) {
  const trigger = milestones.findLast((other) => other.kind === "trigger" && other.t <= milestone.t);
  if (!trigger || milestone.kind === "trigger" || milestone.t - trigger.t > 15 * 60_000) return "";
  return `+${clock(milestone.t - trigger.t)}`;
}

/** The objects of a deploy or remove, one line each; other actions have only a bar. */
function steps(action) {
  const list = create("ol", "log-steps");
  for (const step of action.steps ?? []) {
    const line = create("li");
    line.dataset.state = step.state;
    line.append(create("span", "", step.name), create("span", "log-step-state", step.detail || step.state));
    list.append(line);
  }
  return list;
}

/** Fields of others, in `words`, one line each. */
function fields(list, words) {
  if (list.length === 0) return [];
  const shown = create("ul", "contested");
  for (const field of list) {
    const line = create("li");
    line.append(...words(field));
    shown.append(line);
  }
  return [shown];
}

function actionBody(action) {
  const parts = [];
  if (action.state === "running" && action.total > 0) {
    const bar = create("progress");
    bar.max = action.total;
    bar.value = action.done;
    bar.setAttribute("aria-label", action.title);
    parts.push(bar, create("p", "log-detail", `${int(action.done)} of ${int(action.total)}`));
  }
  const contested = action.contested ?? [];
  // The list says it better.
  if (contested.length > 0) parts.push(create("p", "log-detail", "Others have set what the demo would, and there nothing was changed:"));
  else if (action.message) parts.push(said("log-detail", action.message));
  parts.push(...fields(contested, owns), ...fields(action.taken_over ?? [], taken));
  if (["failed", "cancelled"].includes(action.state) && action.remedy && contested.length === 0) parts.push(said("log-remedy", action.remedy));
  if (action.steps?.length > 0) {
    const details = create("details");
    details.open = action.state !== "done";
    details.append(create("summary", "", `${action.steps.length} objects`), steps(action));
    parts.push(details);
  }
  return parts;
}

const fromAction = (action) => ({
  key: `action-${action.id}`,
  t: action.started,
  kind: "action",
  state: action.state,
  title: action.title,
  lag: action.state === "done" && action.ended ? `in ${clock(action.ended - action.started)}` : "",
  body: () => actionBody(action),
  version: JSON.stringify(action),
});

const fromMilestone = (milestone, milestones) => ({
  key: `milestone-${milestone.id}`,
  t: milestone.t,
  kind: milestone.kind,
  state: "",
  title: milestone.title,
  lag: lag(milestone, milestones),
  body: () => (milestone.detail ? [create("p", "log-detail", milestone.detail)] : []),
  version: JSON.stringify(milestone),
});

function fill(item, entry) {
  item.dataset.version = entry.version;
  item.dataset.kind = entry.kind;
  item.dataset.state = entry.state;
  const head = create("p", "log-head");
  head.append(create("b", "log-title", entry.title), create("span", "log-lag", entry.lag));
  const text = create("div", "log-text");
  text.append(head, ...entry.body());
  const time = create("time", "", timeOfDay(entry.t));
  time.dateTime = new Date(entry.t).toISOString();
  item.replaceChildren(time, text);
}

/** Keeps the list at `[data-log]`. */
export function mountLog(model) {
  const list = document.querySelector("[data-log]");
  const empty = document.querySelector("[data-log-empty]");
  if (!list) return;
  const items = new Map();
  model.watch((_, changed) => {
    if (!changed.has("milestones") && !changed.has("actions")) return;
    const entries = [
      ...model.milestones.map((milestone) => fromMilestone(milestone, model.milestones)),
      ...model.actions.map(fromAction),
    ].toSorted((a, b) => b.t - a.t);
    const keys = new Set(entries.map((entry) => entry.key));
    for (const [key, item] of items) {
      if (keys.has(key)) continue;
      item.remove();
      items.delete(key);
    }
    entries.forEach((entry, at) => {
      const item = items.get(entry.key) ?? create("li", "log-entry");
      items.set(entry.key, item);
      if (item.dataset.version !== entry.version) fill(item, entry);
      if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    });
    empty.hidden = entries.length > 0;
  });
}
