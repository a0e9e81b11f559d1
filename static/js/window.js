// Which window this is. The speaker's tabs name themselves, so that the server knows who drives and whether they are
// still there; a name lasts as long as its tab, reloads included. The audience's pages have none.

const KEY = "podium-window";

/** `stage`, `presenter`, `remote` or `control` in the speaker's session, as `data-window` on <html> says; else null. */
export const windowKind = document.documentElement.dataset.window ?? null;

/** This window's name. */
export const windowId = name();

function name() {
  const fresh = `w-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  try {
    const known = sessionStorage.getItem(KEY) ?? fresh;
    sessionStorage.setItem(KEY, known);
    return known;
  } catch {
    // Storage may be refused: then the name lasts as long as the page.
    return fresh;
  }
}

/** The address of this page's stream. */
export const streamUrl = () =>
  windowKind ? `/events?${new URLSearchParams({ window: windowId, kind: windowKind })}` : "/events";
