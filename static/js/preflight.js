// The preflight on the control page. It is made once by itself as long as nothing is deployed, so that what is wrong is
// seen before Deploy is pressed; the line at the button tells the result, a sheet over the desk each check. The server
// draws the rows, as on its own page, `/preflight`.

import { offerCopies } from "./copy.js";
import { timeOfDay } from "./format.js";

const URL = "/preflight";
const ASKING = "Asking the cluster and Redis…";
const UNREAD = "The checks were broken off. Look whether podium still runs, then check again.";
/** What was found this long ago is shown again without asking again. */
const FRESH_MS = 15_000;
/** What is to be mended comes first: a list of twenty is longer than the sheet. */
const RANK = ["failed", "warning", "unknown", "ok"];

class Preflight {
  constructor(dialog, link, note) {
    Object.assign(this, { dialog, link, note });
    this.list = dialog.querySelector("[data-preflight-list]");
    this.told = dialog.querySelector("[data-preflight-told]");
    this.when = dialog.querySelector("[data-preflight-when]");
    this.short = link.querySelector("[data-preflight-short]");
    this.running = false;
    this.at = null;
    dialog.querySelector("[data-preflight-again]").addEventListener("click", () => this.check());
    link.addEventListener("click", (event) => this.open(event));
  }

  open(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.dialog.showModal();
    if (!this.running && (this.at === null || Date.now() - this.at > FRESH_MS)) this.check();
  }

  async check() {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    this.list.replaceChildren();
    Object.assign(this, { running: true, of: null, at: null });
    this.told.textContent = ASKING;
    this.show();
    let summary = null;
    try {
      const answer = await fetch(URL, { headers: { Accept: "application/x-ndjson" }, signal: asking.signal });
      if (!answer.ok) throw new Error(answer.statusText);
      for await (const line of lines(answer.body)) {
        if (line.row) this.put(line.place, line.row);
        if (line.of) this.of = line.of;
        summary = line.summary ?? summary;
        this.show();
      }
    } catch {
      // Told below: there is no summary.
    }
    if (asking.signal.aborted) return;
    Object.assign(this, { running: false, at: summary && Date.now() });
    this.told.textContent = summary ?? UNREAD;
    this.show();
  }

  /** Puts a row where it belongs among those that are there: answers come in any order. */
  put(place, html) {
    const row = document.importNode(new DOMParser().parseFromString(html, "text/html").querySelector("li"), true);
    row.dataset.place = place;
    offerCopies(row);
    const order = (one) => RANK.indexOf(one.dataset.state) * 1000 + Number(one.dataset.place);
    const next = [...this.list.children].find((other) => order(other) > order(row));
    this.list.insertBefore(row, next ?? null);
  }

  rows(state) {
    return [...this.list.querySelectorAll(`[data-state="${state}"]`)];
  }

  /** What no deployment gets past, as it was found: `[{title, detail}]`. */
  stopping() {
    if (this.running) return [];
    return [...this.list.querySelectorAll("[data-stops-deploy]")].map((row) => ({
      title: row.dataset.check,
      detail: row.querySelector(".check-detail").textContent,
    }));
  }

  show() {
    const { length } = this.list.children;
    const [failed, warning, unknown, ok] = RANK.map((state) => this.rows(state).length);
    this.when.textContent = this.running
      ? `${length} of ${this.of ?? "…"} answered`
      : this.at ? `${ok} of ${length} fine, checked at ${timeOfDay(this.at)}` : "";
    const state = RANK.find((state) => this.rows(state).length > 0);
    if (this.running || !this.at) delete this.link.dataset.state;
    else this.link.dataset.state = state;
    this.short.textContent = this.running ? `Preflight ${length} of ${this.of ?? "…"}` : this.at ? `Preflight ${timeOfDay(this.at)}` : "Preflight";
    const parts = [[failed, "to fix"], [warning, "to know"], [unknown, "unknown"]].filter(([count]) => count > 0);
    const rest = parts.map(([count, word]) => `${count} ${word}`).join(", ");
    this.note.textContent = `Preflight: ${ok} of ${length} fine, ${rest}.`;
    this.note.dataset.state = failed > 0 ? "failed" : "off";
    this.note.hidden = this.running || !this.at || rest === "" || !this.matters;
    if (failed > 0) {
      const bold = document.createElement("b");
      bold.textContent = `${failed} to fix`;
      const first = this.rows("failed").map((row) => row.dataset.check).join(", ");
      this.note.replaceChildren(`Preflight: ${ok} of ${length} fine, `, bold, `: ${first}.`);
    }
  }
}

/** The JSON values of a stream, one a line. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

/** Makes the control page's link open the sheet. Returns the preflight, for whoever wants to know before Deploy. */
export function mountPreflight(model) {
  const find = (name) => document.querySelector(`[data-preflight-${name}]`);
  const preflight = new Preflight(find("sheet"), find("open"), find("note"));
  let checked = false;
  model.watch((_, changed) => {
    if (!changed.has("deployment") && !changed.has("connection")) return;
    const absent = model.deployment?.state === "absent";
    if (preflight.matters !== absent) {
      preflight.matters = absent;
      preflight.show();
    }
    if (checked || !absent || model.connection !== "live") return;
    checked = true;
    preflight.check();
  });
  return preflight;
}
