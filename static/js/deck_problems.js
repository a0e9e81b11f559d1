// What is wrong in the deck's files, in a bar for whoever writes them. Only pages of the speaker's session ask for it,
// and the stylesheet hides the bar in full screen: the room must not read it.

const count = (number) => `${number} ${number === 1 ? "problem" : "problems"} in the deck`;

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** One line a problem, as editors and compilers write it, so that it can be copied and searched for. */
function entry({ file, line, column, message }) {
  const item = element("li", "deck-problem");
  item.append(element("code", "deck-problem-place", `${file}:${line}:${column}`), ` ${message}`);
  return item;
}

function fill(bar, { fault, problems }) {
  const serious = problems.filter(({ severity }) => severity !== "ignored");
  bar.hidden = fault === null && serious.length === 0;
  if (bar.hidden) return;
  const details = element("details", "deck-problems-details");
  details.open = bar.querySelector("details")?.open ?? false;
  details.append(element("summary", "", fault === null ? count(serious.length) : "The deck cannot be read; the last good one is shown"));
  const list = element("ol", "deck-problems-list");
  if (fault !== null) list.append(element("li", "deck-problem", fault));
  list.append(...serious.map(entry));
  details.append(list);
  const away = element("button", "deck-problems-away", "Hide");
  away.type = "button";
  away.addEventListener("click", () => {
    bar.hidden = true;
  });
  bar.replaceChildren(details, away);
}

/** Keeps the bar true; costs nothing on a viewer's page. */
export function mountDeckProblems(model) {
  const speaks = document.documentElement.hasAttribute("data-speaker") || document.body.classList.contains("control");
  if (!speaks) return;
  const bar = element("aside", "deck-problems");
  bar.hidden = true;
  bar.setAttribute("aria-label", "Problems in the deck");
  document.body.append(bar);
  let shown = null;
  model.watch(async (_, changes) => {
    if (!changes.has("deckVersion") || model.deckVersion === null || model.deckVersion === shown) return;
    shown = model.deckVersion;
    try {
      const answer = await fetch("/deck-problems", { headers: { Accept: "application/json" } });
      if (answer.ok) fill(bar, await answer.json());
    } catch {
      // Asked again with the next version.
      shown = null;
    }
  });
}
