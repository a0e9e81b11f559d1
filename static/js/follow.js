// The page and the room. A viewer's page goes where the speaker goes until its reader moves, and back again on request.
// The speaker's page moves at once and tells the room; the room's answer is what counts in the end.
//
// A page opened at `/` follows from the start; one opened at a step does not until asked, or, for the speaker, until
// the talk moves. The browser keeps that with the page's address, so a reload changes nothing.

import { place, rememberFollowing, show, steps } from "./deck.js";
import { find, within } from "./steps.js";
import { openWheel } from "./wheel.js";

const root = document.documentElement;
const blackout = document.getElementById("blackout");

/** Connects the page to the room. Returns what the keys need. */
export function follow({ model, apply, hear }) {
  const speaks = root.dataset.window === "stage";
  const wheel = speaks ? openWheel(model, apply, "stage") : null;
  const listeners = [];
  let follows = history.state?.follows ?? root.dataset.follows !== undefined;
  let position = null;

  function cover() {
    const blank = follows ? position?.blank : null;
    blackout.hidden = !blank;
    blackout.dataset.blank = blank ?? "";
  }

  function agree() {
    if (follows && position) {
      const at = find(steps(), position.address);
      show({ at, click: position.click });
    }
    cover();
    for (const listener of listeners) listener({ follows, position });
  }

  function setFollows(now) {
    if (follows === now) return;
    follows = now;
    rememberFollowing(now);
  }

  /** Word of the room; older word than what is known is none. */
  function take(next) {
    if (!next || (position && next.seq < position.seq)) return;
    const isNews = position !== null && next.seq > position.seq;
    position = next;
    // The speaker's windows agree with each other once the talk moves.
    if (speaks && isNews) setFollows(true);
    agree();
  }

  if (wheel) wheel.onPosition(take);
  else hear("position", take);
  if (follows) rememberFollowing(true);

  return {
    speaks,
    /** Asks the room for what is no move: `{blank}` or `{qr}`. What the page shows goes along if the room is elsewhere. */
    ask(change) {
      const { address, click } = place();
      const here = follows ? {} : { address, click };
      setFollows(true);
      wheel.send({ ...here, ...change });
    },
    takeOver: () => wheel.takeOver(),
    position: () => position,
    /** Goes to a place by the reader's own hand. */
    go(to) {
      if (!to) return;
      if (wheel) {
        // Asked before it is shown: the room need not wait until this page has drawn.
        const { click } = within(steps(), to);
        wheel.send({ address: steps()[to.at].address, click });
        setFollows(true);
        blackout.hidden = true;
      }
      show(to);
      if (wheel || !follows) return;
      setFollows(false);
      agree();
    },
    /** Returns to where the speaker is. */
    goLive() {
      setFollows(true);
      agree();
    },
    /** Calls `listener({follows, position})` now and whenever either changes. */
    onChange(listener) {
      listeners.push(listener);
      listener({ follows, position });
    },
  };
}
