// The speaker's notes: those of the current step, with the marks that the clicks have passed, in the size the speaker
// reads best. The size is remembered for this browser.

const KEY = "podium-notes-size";
const SIZES = [0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75, 2, 2.3];
const PLAIN = SIZES.indexOf(1);

function remembered() {
  try {
    const level = Number(localStorage.getItem(KEY) ?? PLAIN);
    return SIZES[level] ? level : PLAIN;
  } catch {
    // Storage may be refused: then a size lasts as long as the page.
    return PLAIN;
  }
}

/** Takes over the notes of the page; returns `show(address, click)` and `resize(by)`. */
export function mountNotes(root = document) {
  const text = root.querySelector("[data-notes-text]");
  const articles = new Map([...text.querySelectorAll("[data-notes]")].map((article) => [article.dataset.notes, article]));
  let level = remembered();
  let shown = null;

  const apply = () => text.style.setProperty("--notes-scale", SIZES[level]);
  function resize(by) {
    level = Math.min(SIZES.length - 1, Math.max(0, level + by));
    apply();
    try {
      localStorage.setItem(KEY, level);
    } catch {
      // See `remembered`.
    }
  }

  for (const sizes of root.querySelectorAll("[data-notes-sizes]")) sizes.hidden = false;
  for (const button of root.querySelectorAll("[data-notes-size]")) {
    button.addEventListener("click", () => {
      resize(Number(button.dataset.notesSize));
      button.blur();
    });
  }
  apply();

  return {
    resize,
    show(address, click) {
      for (const [of, article] of articles) article.hidden = of !== address;
      const article = articles.get(address);
      if (shown !== address) text.scrollTop = 0;
      shown = address;
      const marks = [...(article?.querySelectorAll(".click-mark") ?? [])];
      const reached = marks.filter((mark) => Number(mark.dataset.click) <= click);
      for (const mark of marks) mark.classList.toggle("passed", reached.includes(mark));
      // What comes after the last passed mark is to be said now.
      for (const mark of marks) mark.classList.toggle("here", mark === reached.at(-1));
      if (click > 0) reached.at(-1)?.scrollIntoView({ block: "nearest" });
    },
  };
}
