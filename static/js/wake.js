// Keeps the screen on while the deck is visible. A browser without wake locks, or one that refuses (low battery), goes
// on as it always did.

/** Asks now, and again whenever the page is seen again: the lock ends by itself when it is hidden. */
export function keepAwake() {
  const ask = () => {
    if (!document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}
