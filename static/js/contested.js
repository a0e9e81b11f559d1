// Fields that somebody else has set: in words, and the way to take them over. A deployment that meets some changes
// nothing of their objects and names them all; a button under Deploy then asks once, with every field and what it would
// lose, and takes over just those.

import { ask } from "./ask.js";
import { plural } from "./format.js";
import { code } from "./prose.js";

/** A value as it is written in a manifest; what is not for everybody to see is not known here. */
const value = (told) => (told === null ? "a value that is not shown" : code(JSON.stringify(told)));

/** "chief owns .spec.replicas of deployment/redis: it has 2, the demo wants 1." */
export const owns = ({ manager, field, object, held, wanted }) =>
  [code(manager), " owns ", code(field), " of ", code(object), ": it has ", value(held), ", the demo wants ", value(wanted), "."];

/** "Taken from chief: .spec.replicas of deployment/redis, which had 2 and has 1 now." */
export const taken = ({ manager, field, object, held, wanted }) =>
  ["Taken from ", code(manager), ": ", code(field), " of ", code(object), ", which had ", value(held), " and has ", value(wanted), " now."];

/** All of it in one line, `[strong, rest]`, for beside the button. */
export function inShort(contested) {
  const managers = [...new Set(contested.map(({ manager }) => manager))];
  const [{ field, object }] = contested;
  const what = contested.length === 1 ? `${field} of ${object}` : `${contested.length} fields that the demo sets`;
  return [`${managers.join(" and ")} ${managers.length === 1 ? "owns" : "own"} ${what}.`, "Where others have set something, nothing was changed."];
}

/** The button under the Deploy button; there only while the last deployment failed for fields of others. */
export class TakeOver {
  /** `deed` is Deploy's. */
  constructor(deed, dialog) {
    Object.assign(this, { deed, dialog });
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button button-take-over";
    this.button.hidden = true;
    this.button.addEventListener("click", () => this.press());
    deed.note.after(this.button);
  }

  /** `action` is the last deployment, or null. */
  show(action, off) {
    const contested = action?.state === "failed" ? action.contested : [];
    this.action = action;
    this.button.hidden = contested.length === 0;
    this.button.disabled = off;
    this.button.textContent = contested.length === 1 ? "Take over this field…" : `Take over these ${contested.length} fields…`;
  }

  async press() {
    this.button.blur();
    const { id, contested } = this.action;
    const managers = [...new Set(contested.map(({ manager }) => manager))];
    const yes = await ask(this.dialog, {
      title: `Take over ${plural(contested.length, "field")}?`,
      text: `Deploy goes on with the demo's values. ${managers.join(" and ")} no longer ${managers.length === 1 ? "owns" : "own"} what is listed here; whoever sets it again is in the way again. The old values stay under “What happened”.`,
      list: contested.map(owns),
      yes: contested.length === 1 ? "Take it over" : "Take them over",
      no: contested.length === 1 ? "Leave it" : "Leave them",
    });
    if (yes) this.deed.send({ take_over: "yes", seen: id });
  }
}
