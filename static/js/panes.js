// The two pictures of the presenter's page: the step that the room sees and what comes after it. Both are the server's
// own slides, moved between the panes, so that graphs and diagrams go on living. Only when the next thing is another
// click of the same step does it take a copy, whose ids are its own.

import { reveal } from "./reveal.js";

/** A copy that can stand beside its original: other ids, references to them rewritten, canvases painted as they are. */
function copyOf(section) {
  const copy = section.cloneNode(true);
  const ids = [copy, ...copy.querySelectorAll("[id]")].map((element) => element.id).filter(Boolean);
  for (const element of [copy, ...copy.querySelectorAll("*")]) {
    for (const { name, value } of [...element.attributes]) {
      if (name === "id") element.id = `${value}-copy`;
      else if (value.startsWith("#") && ids.includes(value.slice(1))) element.setAttribute(name, `${value}-copy`);
      else if (value.startsWith("url(#")) element.setAttribute(name, value.replace(/^url\(#([^)]+)\)/, "url(#$1-copy)"));
      else if (name.startsWith("aria-") && value.split(" ").every((id) => ids.includes(id))) element.removeAttribute(name);
    }
  }
  const canvases = [...section.querySelectorAll("canvas")];
  for (const [at, canvas] of [...copy.querySelectorAll("canvas")].entries()) {
    if (canvases[at].width > 0) canvas.getContext("2d").drawImage(canvases[at], 0, 0);
  }
  return copy;
}

/** Takes over the panes of the page; returns `show(now, next)`, each `{address, click}`, `next` null at the end. */
export function mountPanes(root = document) {
  const store = root.querySelector("[data-store]");
  const panes = Object.fromEntries([...root.querySelectorAll("[data-pane]")].map((pane) => [pane.dataset.pane, pane]));
  const sections = new Map([...root.querySelectorAll("section[data-address]")].map((section) => [section.dataset.address, section]));

  function place(pane, section, click) {
    if (pane.firstElementChild !== section || pane.childElementCount !== 1) pane.replaceChildren(section);
    section.hidden = false;
    section.classList.add("current");
    reveal(section, click);
  }

  return {
    show(now, next) {
      const wanted = sections.get(now.address);
      const same = next?.address === now.address;
      const after = next && !same ? sections.get(next.address) : null;
      for (const section of sections.values()) {
        if (section === wanted || section === after || section.parentElement === store) continue;
        section.hidden = true;
        section.classList.remove("current");
        store.append(section);
      }
      place(panes.now, wanted, now.click);
      if (after) place(panes.next, after, next.click);
      else if (same) place(panes.next, copyOf(wanted), next.click);
      else panes.next.replaceChildren();
    },
  };
}
