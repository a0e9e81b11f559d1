// Asking before something is destroyed: one dialog for the whole page, and the safe answer has the focus.

/**
 * Opens the dialog; `list` is what it is about, one array of nodes and texts a line. Resolves to true if the speaker said
 * yes. Esc and the other button say no.
 */
export function ask(dialog, { title, text, list = [], yes, no = "Keep it" }) {
  dialog.querySelector("[data-ask-title]").textContent = title;
  dialog.querySelector("[data-ask-text]").textContent = text;
  const lines = list.map((parts) => {
    const line = document.createElement("li");
    line.append(...parts);
    return line;
  });
  dialog.querySelector("[data-ask-list]").replaceChildren(...lines);
  dialog.querySelector("[data-ask-yes]").textContent = yes;
  dialog.querySelector("[data-ask-no]").textContent = no;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
