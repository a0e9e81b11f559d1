// Hold to fire: what must not happen by a slip of the thumb happens after a held press, and the button fills while it is
// held. A tap does nothing but say so. Enter may be held as well; Space may not, since it is the clicker's key.

/** How long a press must last. */
export const HOLD_MS = 900;

/** Makes `button` fire only when held; `fire` is called once a hold, `tapped` when the press was too short. */
export function holdToFire(button, { fire, tapped }) {
  let timer = 0;

  const begin = () => {
    if (timer || button.disabled) return;
    button.dataset.holding = "";
    timer = setTimeout(() => {
      end();
      if (!button.disabled) fire();
    }, HOLD_MS);
  };
  const end = () => {
    clearTimeout(timer);
    timer = 0;
    delete button.dataset.holding;
  };
  const release = () => {
    if (!timer) return;
    end();
    tapped();
  };

  button.style.setProperty("--hold", `${HOLD_MS}ms`);
  button.addEventListener("pointerdown", (event) => event.button === 0 && begin());
  button.addEventListener("pointerup", release);
  for (const lost of ["pointerleave", "pointercancel", "blur"]) button.addEventListener(lost, end);
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) begin();
  });
  button.addEventListener("keyup", (event) => event.key === "Enter" && release());
  // The press itself never counts, nor does the long press's own menu.
  for (const name of ["click", "contextmenu"]) button.addEventListener(name, (event) => event.preventDefault());
}
