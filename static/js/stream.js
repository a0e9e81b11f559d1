// One EventSource a page. Browsers allow six connections a host, so a hidden tab gives its own back, and a stream that
// went silent is opened anew: a laptop that slept, or a proxy that swallowed the end, raises no error event.

import { EVENTS } from "./model.js";

/** At rest the server sends a sample a second; three missed ones are an outage, and have been its grace already. */
const SILENCE_MS = 3_000;
/** The browser retries by itself; only after this long are the numbers on the page called old. */
const GRACE_MS = 2_000;
const RETRY_MS = [1_000, 2_000, 5_000];

/** Feeds `apply` from the stream at `url` and reports `connecting`, `live` or `lost` to `connect`, for ever. */
export function openStream(url, { apply, connect }) {
  let source = null;
  let heard = 0;
  let failures = 0;
  let timer = 0;
  let grace = 0;

  const ok = () => {
    heard = Date.now();
    failures = 0;
    clearTimeout(grace);
    grace = 0;
    connect("live");
  };
  const trouble = () => {
    if (!grace) grace = setTimeout(() => connect("lost"), GRACE_MS);
  };

  function close() {
    source?.close();
    source = null;
    clearTimeout(timer);
  }

  function open() {
    close();
    heard = Date.now();
    source = new EventSource(url);
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        ok();
        apply(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      trouble();
      // CLOSED: the browser gave up (an HTTP error). CONNECTING: it tries again by itself.
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      timer = setTimeout(open, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
    });
  }

  setInterval(() => {
    if (!source || Date.now() - heard < SILENCE_MS) return;
    connect("lost");
    open();
  }, 1_000);

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!source) open();
  });
  // A page kept for the Back button must not hold a connection; it opens again when it is shown.
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());

  if (!document.hidden) open();
}
