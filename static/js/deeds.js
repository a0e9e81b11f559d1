// The buttons. A form without JavaScript posts and comes back; here it posts the same fields, becomes its own progress,
// and says beside the button what went wrong and what to press. The server checks every field: there is one truth about
// what a valid count is, and it names the value and the remedy.

import { ask } from "./ask.js";
import { Cancel } from "./cancel.js";
import { TakeOver, inShort } from "./contested.js";
import { int, plural } from "./format.js";
import { post } from "./post.js";
import { prose } from "./prose.js";
import { blocked } from "./readiness.js";

/** How long a success or a cancellation stays readable beside its button. */
const DONE_MS = 20_000;

const amount = (text) => {
  const digits = text.replaceAll(/[\s,_]/g, "");
  return /^\d{1,9}$/.test(digits) && Number(digits) > 0 ? Number(digits) : null;
};

/** What each button says at rest: `[label, detail]`. */
const SAYS = {
  deploy: (_, model) => [model.deployment?.state === "deployed" ? "Deploy again" : "Deploy demo"],
  spike: (form) => {
    const count = amount(form.elements.count.value);
    return ["Tour announcement", count ? plural(count, "ticket purchase") : "How many purchases?"];
  },
  enqueue: (form) => {
    const count = amount(form.elements.count.value);
    return [count ? `Enqueue ${plural(count, "job")}` : "Enqueue"];
  },
  purge: () => ["Purge…"],
  remove: () => ["Remove…"],
};

/** What each button says while it runs, before "5 of 9". The announcement keeps its name: its detail line counts. */
const RUNS = { deploy: "Deploying", remove: "Removing", enqueue: "Enqueueing", spike: "Tour announcement", purge: "Purging" };

/** What destroys asks first, and says what will be gone; so does what will certainly fail. */
const ASKS = {
  deploy: (_, preflight) => {
    const stopping = preflight?.stopping() ?? [];
    return stopping.length === 0 ? null : {
      title: "Deploy will fail",
      text: "The preflight found what no deployment gets past, and has the command that mends each.",
      list: stopping.map(({ title, detail }) => [`${title}: ${detail}`]),
      yes: "Deploy anyway",
      no: "Not yet",
    };
  },
  purge: (model) => ({
    title: "Purge the queue?",
    text: `${model.sample?.depth == null ? "All waiting jobs" : plural(model.sample.depth, "waiting job")} will be dropped. Jobs in hand are finished.`,
    yes: "Purge the queue",
  }),
  remove: () => ({
    title: "Remove the demo?",
    text: "The namespace keda-demo goes, with its workers, Redis and every job in it.",
    yes: "Remove the demo",
  }),
};

function fieldsOf(form) {
  const fields = Object.fromEntries(new FormData(form));
  for (const name of ["count", "delay_ms"]) {
    // "5,000" is how people write it; anything else goes as typed, so that the answer can name it.
    if (name in fields) fields[name] = amount(fields[name])?.toString() ?? fields[name];
  }
  return fields;
}

class Deed {
  constructor(form, page) {
    this.form = form;
    this.kind = form.dataset.deed;
    this.page = page;
    this.button = form.querySelector("button");
    this.note = form.querySelector("[data-note]");
    this.error = null;
    this.sending = false;
    this.cancel = page.cancels ? new Cancel(this.button, (error) => {
      this.fail(error);
      this.show();
    }) : null;
    this.takeOver = page.cancels && this.kind === "deploy" ? new TakeOver(this, page.dialog) : null;
    form.noValidate = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      // A focused button would fire again at Space, which is the clicker's and the deck's key.
      this.button.blur();
      this.submit();
    });
    form.addEventListener("input", () => {
      this.fail(null);
      this.show();
    });
  }

  async submit() {
    if (this.sending || blocked(this.kind, this.page.model)) return;
    const question = ASKS[this.kind]?.(this.page.model, this.page.preflight);
    if (question && !(await ask(this.page.dialog, question))) return;
    this.send({ ...fieldsOf(this.form), ...(question && { confirm: "yes" }) });
  }

  async send(fields) {
    this.sending = true;
    this.fail(null);
    this.show();
    const answer = await post(this.form.action, fields);
    this.sending = false;
    if (answer.action) this.page.apply("begun", answer.action);
    this.fail(answer.error ?? null);
    this.show();
  }

  fail(error) {
    this.error = error;
    for (const input of this.form.querySelectorAll("input")) {
      input.removeAttribute("aria-invalid");
      if (error?.field === input.name) input.setAttribute("aria-invalid", "true");
    }
  }

  show() {
    const { model } = this.page;
    const action = model.action(this.kind);
    const running = action?.state === "running";
    const why = blocked(this.kind, model);
    this.button.disabled = this.sending || why !== null;
    this.button.title = why ?? "";
    this.form.toggleAttribute("data-running", running);
    this.cancel?.show(running ? action : null, model.now());
    this.takeOver?.show(action, this.button.disabled);

    const counted = running && action.total > 0;
    const progress = counted ? `${int(action.done)} of ${int(action.total)}` : "";
    this.button.style.setProperty("--part", counted ? (action.done / action.total).toFixed(4) : "0");
    const [label, detail] = SAYS[this.kind](this.form, model);
    const words = running ? RUNS[this.kind] : label;
    const below = this.button.querySelector("[data-detail]");
    this.button.querySelector("[data-label]").textContent = below ? words : `${words} ${progress}`.trim();
    if (below) below.textContent = running ? `${progress} purchases` : detail;
    this.remark(action, why);
  }

  /** The line under the button, most urgent first: what went wrong, what runs, why it is off, how it ended. */
  remark(action, why) {
    const { model } = this.page;
    if (this.error) return this.say("failed", this.error.message, this.error.remedy);
    if (action?.state === "running") {
      const step = action.steps?.findLast((one) => one.state === "running") ?? action.steps?.findLast((one) => one.state !== "waiting");
      return this.say("running", "", step ? [step.name, step.detail || step.state].join(": ") : action.message ?? "");
    }
    const recent = action?.ended && model.now() - action.ended < DONE_MS;
    if (action?.state === "cancelled" && recent) return this.say("off", action.message, action.remedy);
    if (why) return this.say("off", "", why);
    if (action?.state === "failed" && action.contested?.length > 0) {
      const [what, rest] = inShort(action.contested);
      return this.say("failed", what, this.takeOver ? rest : "The control page shows them.");
    }
    if (action?.state === "failed") return this.say("failed", action.message, action.remedy);
    if (this.kind === "deploy" && model.deployment?.state === "deployed") {
      const count = (ready) => (typeof ready === "string" ? ready : `${Number(ready)}/1`);
      const { redis_ready: redis, worker_ready: worker } = model.deployment;
      // Scaled out, the number of workers is the sample's to say: "1/1" beside 25 pods would be wrong.
      const { ready, replicas } = model.sample ?? {};
      const workers = replicas > 1 ? `${int(ready ?? 0)}/${int(replicas)}` : count(worker);
      // A space where there is room for both; the presenter's narrow note breaks here, and not at the name's hyphen.
      return this.say("done", "", `Redis ${count(redis)} ·\nqueue-worker ${workers}`);
    }
    if (action?.state === "done" && recent) return this.say("done", "", action.message ?? "");
    if (this.kind === "deploy" && model.deployment?.state === "deploying") {
      return this.say("off", "", "Partly deployed: Deploy completes it, Remove takes it away.");
    }
    return this.say("", "", "");
  }

  say(state, strong, rest) {
    const key = [state, strong, rest].join("\n");
    if (this.said === key) return;
    this.said = key;
    this.note.dataset.state = state;
    // Only a failure interrupts a screen reader.
    if (state === "failed") this.note.setAttribute("role", "alert");
    else this.note.removeAttribute("role");
    const bold = document.createElement("b");
    bold.append(...prose(strong));
    this.note.replaceChildren(...(strong ? [bold, " "] : []), ...prose(rest));
  }
}

/** Brings every `form[data-deed]` to life; `preflight` is what is known of the place, where it is known. */
export function mountDeeds(model, apply, preflight) {
  // The presenter's and the phone's buttons have no room for it: there the control page is one press away.
  const cancels = document.documentElement.dataset.window === "control";
  const page = { model, apply, cancels, preflight, dialog: document.querySelector("[data-ask]") };
  const deeds = [...document.querySelectorAll("form[data-deed]")].map((form) => new Deed(form, page));
  const panel = document.querySelector(".do");
  const show = () => {
    deeds.forEach((deed) => deed.show());
    // The accent stands where the story goes on: on Deploy as long as nothing is deployed.
    panel.dataset.next = model.deployment?.state === "absent" ? "deploy" : "spike";
  };
  model.watch((_, changed) => {
    if (["actions", "deployment", "health", "connection", "sample"].some((name) => changed.has(name))) show();
  });
}
