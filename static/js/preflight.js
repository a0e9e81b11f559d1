// The preflight on the control page: a sheet over the desk into which the server sends each check as it is answered,
// drawn as on its own page, `/preflight`.

const URL = "/preflight";
const ASKING = "Asking the cluster and Redis…";
const UNREAD = "The checks were broken off. Look whether podium still runs, then check again.";

class Sheet {
  constructor(dialog) {
    this.dialog = dialog;
    this.list = dialog.querySelector("[data-preflight-list]");
    this.told = dialog.querySelector("[data-preflight-told]");
    this.again = dialog.querySelector("[data-preflight-again]");
    this.again.addEventListener("click", () => this.check());
    dialog.addEventListener("close", () => this.asking?.abort());
  }

  open() {
    this.dialog.showModal();
    this.check();
  }

  async check() {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    this.list.replaceChildren();
    this.told.textContent = ASKING;
    try {
      const answer = await fetch(URL, { headers: { Accept: "application/x-ndjson" }, signal: asking.signal });
      if (!answer.ok) throw new Error(answer.statusText);
      for await (const { place, row, summary } of lines(answer.body)) {
        if (row) this.put(place, row);
        if (summary) this.told.textContent = summary;
      }
      if (this.told.textContent === ASKING) this.told.textContent = UNREAD;
    } catch {
      if (!asking.signal.aborted) this.told.textContent = UNREAD;
    }
  }

  /** Puts a row where it belongs among those that are there: answers come in any order. */
  put(place, html) {
    const row = document.importNode(new DOMParser().parseFromString(html, "text/html").querySelector("li"), true);
    row.dataset.place = place;
    const next = [...this.list.children].find((other) => Number(other.dataset.place) > place);
    this.list.insertBefore(row, next ?? null);
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

/** Makes the control page's link open the sheet. */
export function mountPreflight() {
  const sheet = new Sheet(document.querySelector("[data-preflight-sheet]"));
  document.querySelector("[data-preflight-open]").addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    sheet.open();
  });
}
