// Asking before something is destroyed: one dialog for the whole page, and the safe answer has the focus.

/** Opens the dialog; resolves to true if the speaker said yes. Esc and the other button say no. */
export function ask(dialog, { title, text, yes, no = "Keep it" }) {
  dialog.querySelector("[data-ask-title]").textContent = title;
  dialog.querySelector("[data-ask-text]").textContent = text;
  dialog.querySelector("[data-ask-yes]").textContent = yes;
  dialog.querySelector("[data-ask-no]").textContent = no;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
