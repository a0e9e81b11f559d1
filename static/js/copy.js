// A command to be typed somewhere else gets a button that copies it.

/** How long the button says that it did. */
const SAID_MS = 2_000;

/** The clipboard is only there on a safe connection, which a laptop's address in the hall's network is not. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}

function button(code) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${code.textContent}`);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(code)) ? "Copied" : "Selected";
    setTimeout(() => (button.textContent = "Copy"), SAID_MS);
  });
  return button;
}

/** A command that needs more lines than one is broken between its words: browsers break after a dash, too, and "--" at
    the end of a line reads as an option of its own. */
function keepWords(code) {
  const parts = code.textContent.split(/(\s+)/).filter(Boolean);
  code.replaceChildren(...parts.map((part) => {
    if (!part.trim()) return part;
    const word = document.createElement("span");
    word.className = "word";
    word.textContent = part;
    return word;
  }));
}

/** Puts the button after each command below `root`. */
export function offerCopies(root) {
  for (const code of root.querySelectorAll(".check-fix code")) {
    code.after(button(code));
    keepWords(code);
  }
}
