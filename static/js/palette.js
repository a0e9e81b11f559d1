// The theme's colours for a canvas. CSS variables hold `light-dark(…)` pairs, which only the cascade resolves: a probe
// element is asked for its computed colour. Views are told when the theme changes, by system or by hand.

const ROLES = ["text", "text-quiet", "hairline", "backlog", "desired", "replicas", "ready", "accent-text", "surface-raised"];

const translucent = (rgb, alpha) => rgb.replace(/^rgb\((.*)\)$/, (_, channels) => `rgba(${channels}, ${alpha})`);

function read() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colours = {};
  for (const role of ROLES) {
    probe.style.color = `var(--${role})`;
    colours[role] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

/** The current colours by role name; `wash(role)` is the fill under a line. Replaced as a whole on theme change. */
export const palette = { ...read(), wash: (role, alpha) => translucent(palette[role], alpha) };

/** Calls `redraw` after every change of theme. */
export function onThemeChange(redraw) {
  const renew = () => {
    Object.assign(palette, read());
    redraw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renew);
  new MutationObserver(renew).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
