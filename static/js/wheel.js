// Who drives, seen from one window of the speaker: moves go to the room, and the room's answer counts. Rapid moves
// coalesce: one request is under way, and of those that wait the last wins. A move that is refused because another
// window drives is kept, so that taking over, or pressing the same key again, carries it out.

import { windowId } from "./window.js";

/** How long until a move that did not reach the server is sent again. */
const RETRY_MS = 1_000;

async function postJson(url, body) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Accept": "application/json", "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  } catch {
    return { status: 0, body: null };
  }
}

/** The bar that says who drives and offers the wheel. */
function takeOverBar(takeOver) {
  const bar = document.createElement("div");
  bar.className = "take-over";
  bar.hidden = true;
  bar.setAttribute("role", "alert");
  const words = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = "Take over";
  button.addEventListener("click", () => {
    button.blur();
    takeOver();
  });
  bar.append(words, button);
  document.body.append(bar);
  return {
    show(text) {
      words.textContent = text;
      bar.hidden = false;
    },
    hide() {
      bar.hidden = true;
    },
  };
}

/** Connects this window to the room. `kind` is `presenter` or `remote`. */
export function openWheel(model, apply, kind) {
  const id = windowId;
  const listeners = [];
  const bar = takeOverBar(takeOver);
  let flying = false;
  let waiting = null;
  let refused = null;

  const tell = () => model.position && listeners.forEach((listener) => listener(model.position));
  // While a move of ours is under way the room's older word must not snap the page back.
  const settled = () => !flying && waiting === null;

  async function pump() {
    if (flying || waiting === null) return;
    const change = waiting;
    waiting = null;
    flying = true;
    const { status, body } = await postJson("/position", { window: id, kind, ...change });
    flying = false;
    if (status === 200) {
      refused = null;
      bar.hide();
      apply("position", body);
    } else if (status === 409) {
      const { take_over: _, ...move } = change;
      refused = { ...move, ...waiting };
      waiting = null;
      bar.show(body.error.message);
      apply("position", body.position);
    } else if (status === 0) {
      // The page goes on by itself, and the room hears of it as soon as it can.
      waiting = { ...change, ...waiting };
      setTimeout(pump, RETRY_MS);
      return;
    }
    if (settled()) tell();
    else pump();
  }

  function takeOver() {
    waiting = { ...refused, ...waiting, take_over: true };
    refused = null;
    bar.hide();
    pump();
  }

  model.watch((_, changed) => {
    if (!changed.has("position")) return;
    // The other driver moved on: what was refused is no longer what one would see.
    if (model.position?.driver?.window === id) bar.hide();
    if (settled()) tell();
  });

  return {
    window: id,
    /** Asks the room for a change: `{address, click}`, `{blank}` or `{qr}`. */
    send(change) {
      const again = refused !== null && JSON.stringify(refused) === JSON.stringify(change);
      if (again) return takeOver();
      waiting = { ...waiting, ...change };
      return pump();
    },
    takeOver,
    /** Starts, pauses or resets the talk's clock. */
    async clock(deed) {
      const { status, body } = await postJson("/position/clock", { window: id, do: deed });
      if (status !== 200) return;
      apply("position", body);
      if (settled()) tell();
    },
    onPosition(listener) {
      listeners.push(listener);
      if (model.position) listener(model.position);
    },
  };
}
