// The dead letters on the control page: a sheet over the desk that shows the server's own list, `/dead-letters`, and
// sends its forms without leaving. The list is fetched when the sheet opens and whenever the number of letters changes
// while it is open; letters that stay keep their element, and with it what is unfolded and where the focus is.

import { ask } from "./ask.js";
import { plural, timeOfDay } from "./format.js";
import { post } from "./post.js";

const LIST = "/dead-letters";
/** Letters may come by the hundred: the list follows no faster than it can be read. */
const EVERY_MS = 1_000;
const UNREAD = "The list could not be read. Close it and open it again; if that does not help, reload the page.";

/** What is asked before a form is sent. Retrying one letter asks nothing: it can be discarded afterwards. */
const ASKS = {
  "retry-all": (total) => ({
    title: "Retry all dead letters?",
    text: `${plural(total, "dead letter")}: their jobs go back to the queue, behind all that wait. What is no job stays here.`,
    yes: "Retry all",
    no: "Leave them",
  }),
  "discard-all": (total) => ({
    title: "Discard all dead letters?",
    text: `${plural(total, "dead letter")} will be gone for good, and counted as discarded.`,
    yes: "Discard all",
    no: "Keep them",
  }),
  discard: () => ({ title: "Discard this dead letter?", text: "It will be gone for good, and counted as discarded.", yes: "Discard it" }),
};

class Sheet {
  constructor(dialog, question) {
    this.dialog = dialog;
    this.question = question;
    this.content = dialog.querySelector("[data-letters-content]");
    this.told = dialog.querySelector("[data-letters-told]");
    this.sending = false;
    this.reading = null;
    dialog.addEventListener("submit", (event) => {
      const form = event.target.closest("[data-letters-form]");
      if (!form) return;
      event.preventDefault();
      this.send(form);
    });
  }

  async open() {
    this.say("");
    this.dialog.showModal();
    await this.read();
  }

  say(words, state = "") {
    this.told.textContent = words;
    this.told.dataset.state = state;
  }

  /** Fetches the list, once at a time. */
  read() {
    this.reading ??= this.fetch().finally(() => (this.reading = null));
    return this.reading;
  }

  async fetch() {
    try {
      const answer = await fetch(LIST, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-letters]");
      // The door instead of the list: the session has ended.
      if (!fresh) return this.say(UNREAD, "failed");
      this.exchange(document.importNode(fresh, true));
      if (this.told.textContent === UNREAD) this.say("");
    } catch {
      this.say(UNREAD, "failed");
    }
  }

  exchange(fresh) {
    const focused = document.activeElement;
    const known = new Map([...this.content.querySelectorAll("[data-letter]")].map((letter) => [letter.dataset.letter, letter]));
    for (const letter of fresh.querySelectorAll("[data-letter]")) {
      if (known.has(letter.dataset.letter)) letter.replaceWith(known.get(letter.dataset.letter));
    }
    for (const time of fresh.querySelectorAll("time")) time.textContent = timeOfDay(Date.parse(time.dateTime));
    // The boxes to tick are for the page without scripts; here the question is asked.
    for (const form of fresh.querySelectorAll("form")) form.noValidate = true;
    this.content.replaceChildren(fresh);
    if (focused !== document.activeElement && this.content.contains(focused)) focused.focus();
  }

  async send(form) {
    if (this.sending) return;
    this.sending = true;
    // A focused button would fire again at Space, which is the clicker's and the deck's key.
    document.activeElement?.blur();
    const total = Number(this.content.querySelector("[data-letters]").dataset.letters);
    const question = ASKS[form.dataset.lettersForm]?.(total);
    if (!question || (await ask(this.question, question))) {
      const fields = Object.fromEntries(new FormData(form));
      const { told, error } = await post(form.action, { ...fields, ...(question && { confirm: "yes" }) });
      // What is being read may be the list from before.
      await this.reading;
      await this.read();
      // Last, because what became of the press matters more than a list that could not be read.
      if (error) this.say(`${error.message}: ${error.remedy}`, "failed");
      else this.say(`${told.charAt(0).toUpperCase()}${told.slice(1)}.`, "done");
    }
    this.sending = false;
    this.content.querySelector("[data-letters-title]")?.focus();
  }
}

/** Makes the control page's link open the sheet, and keeps both true. */
export function mountDeadLetters(model) {
  const link = document.querySelector("[data-letters-open]");
  const sheet = new Sheet(document.querySelector("[data-letters-sheet]"), document.querySelector("[data-ask]"));
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    sheet.open();
  });
  let shown = null;
  let timer = 0;
  model.watch((_, changed) => {
    if (!changed.has("sample")) return;
    link.toggleAttribute("data-some", model.sample?.dead > 0);
    const now = `${model.sample?.dead} ${model.sample?.discarded}`;
    if (now === shown) return;
    shown = now;
    if (!sheet.dialog.open || timer) return;
    timer = setTimeout(() => {
      timer = 0;
      if (sheet.dialog.open) sheet.read();
    }, EVERY_MS);
  });
}
