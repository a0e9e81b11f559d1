// Swipes: one finger, mostly sideways, not on something that scrolls sideways itself. Two fingers zoom, as ever.

const FAR_PX = 48;

/** Calls `next` or `previous` for a swipe on the page. */
export function listenForSwipes({ next, previous }) {
  let start = null;
  document.addEventListener("touchstart", ({ touches, target }) => {
    const wide = target.closest(".diagram, pre, .chart, dialog");
    const scrolls = wide && (wide.localName === "dialog" || wide.scrollWidth > wide.clientWidth);
    start = touches.length === 1 && !scrolls ? { x: touches[0].clientX, y: touches[0].clientY } : null;
  }, { passive: true });
  document.addEventListener("touchend", ({ changedTouches }) => {
    if (!start) return;
    const dx = changedTouches[0].clientX - start.x;
    const dy = changedTouches[0].clientY - start.y;
    start = null;
    if (Math.abs(dx) <= FAR_PX || Math.abs(dx) <= 2 * Math.abs(dy)) return;
    if (dx < 0) next();
    else previous();
  }, { passive: true });
}
