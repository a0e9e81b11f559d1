// What only some clusters tell: every `[data-only-with="source"]` is shown where there is that source, and leaves no empty
// place where there is none.

/** Keeps them shown or hidden below `root`, those of slides that an edit brings in as well. */
export function mountOptional(model, root = document) {
  const refresh = () => {
    for (const element of root.querySelectorAll("[data-only-with]")) {
      element.hidden = model.source(element.dataset.onlyWith) === null;
    }
  };
  model.watch((_, changed) => changed.has("health") && refresh());
  document.addEventListener("podium:deck", refresh);
}
