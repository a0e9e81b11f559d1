// Writes every `[data-live="field"]` of the page, HTML or SVG, by its `data-format`; and the connection badge. An
// unknown value becomes a dash with the reason as its title: the page never lies with an old number.

import { DASH, text } from "./format.js";

/** Which source answers for a field; the rest comes from the cluster. */
const SOURCE = {
  depth: "redis", in_flight: "redis", enqueued: "redis", processed: "redis", failed: "redis", dead: "redis", discarded: "redis",
  duplicates: "redis", arrival_rate: "redis", service_rate: "redis", wait_p50: "redis", wait_p95: "redis",
  external_metric: "metrics", scaler: "metrics", cpu: "cpu",
};

const BADGE = {
  connecting: ["Connecting", "The page waits for its first values."],
  live: ["Live", "Values arrive as they change."],
  lost: ["Reconnecting", "The server does not answer. The page tries again by itself."],
};

function reason(model, field) {
  if (model.connection !== "live") return BADGE[model.connection][1];
  const source = model.source(SOURCE[field] ?? "cluster");
  if (source && !source.ok) return `${source.name}: ${source.reason ?? "not reachable"}`;
  return "Not known yet.";
}

function setStale(element, why) {
  if (why === null) {
    element.removeAttribute("data-stale");
    if (element instanceof HTMLElement) element.removeAttribute("title");
    return;
  }
  element.dataset.stale = why;
  // In SVG a `title` attribute means nothing; the node's own description covers it.
  if (element instanceof HTMLElement) element.title = why;
}

function write(model, element) {
  const field = element.dataset.live;
  const value = model.sample?.[field] ?? null;
  const words = text(element.dataset.format, value, model.now());
  if (element.textContent !== words) element.textContent = words;
  setStale(element, words === DASH && value === null ? reason(model, field) : null);
}

/** The parts of `root` that are inside a hidden slide need no work: the observer of slides calls again when shown. */
const shown = (element) => !element.closest("[hidden]");

/** Keeps all fields below `root` true. */
export function mountFields(model, root = document) {
  const refresh = (only) => {
    for (const element of root.querySelectorAll(only ?? "[data-live]")) if (shown(element)) write(model, element);
  };

  const badges = () => {
    for (const badge of root.querySelectorAll("[data-connection]")) {
      badge.dataset.connection = model.connection;
      [badge.textContent, badge.title] = BADGE[model.connection];
    }
  };

  model.watch((_, changed) => {
    if (changed.has("sample") || changed.has("health") || changed.has("connection")) refresh();
    if (changed.has("connection")) badges();
  });
  // Slides that an edit brought in.
  document.addEventListener("podium:deck", () => {
    refresh();
    badges();
  });

  // A countdown runs between samples too.
  setInterval(() => refresh('[data-format="countdown"]'), 250);
  // Turning to another slide un-hides elements that were skipped.
  new MutationObserver(() => refresh()).observe(root === document ? document.body : root, {
    attributes: true, attributeFilter: ["hidden"], subtree: true,
  });
}
