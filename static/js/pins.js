// Milestones as vertical pins on the graphs. Each graph shows the kinds that explain its own line; a label that would
// run into a more important one is left out (its line stays, and the log beside the graph has the words).

import { palette } from "./palette.js";

/** Most important first: they get their label before the others. */
const LABELS = {
  trigger: () => "trigger",
  drained: () => "drained",
  dozens: () => "dozens",
  baseline: () => "baseline",
  scale_in: () => "scale-in",
  rescale: (milestone) => `→ ${milestone.title.match(/(\d+)\D*$/)?.[1] ?? "?"}`,
  peak: () => "peak",
  cold_start: () => "first pod",
};
const PRIORITY = Object.keys(LABELS);

const byPriority = (a, b) => PRIORITY.indexOf(a.kind) - PRIORITY.indexOf(b.kind) || b.t - a.t;

function drawLine(ctx, x, box, strong) {
  ctx.strokeStyle = strong ? palette["accent-text"] : palette["text-quiet"];
  ctx.globalAlpha = strong ? 1 : 0.35;
  ctx.beginPath();
  ctx.moveTo(x, box.top);
  ctx.lineTo(x, box.top + box.height);
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** A free stretch of the label row for `width` at the pin `x`, right of it or else left; null if neither is free. */
function place(taken, x, width, box) {
  const free = (left) =>
    left >= box.left && left + width <= box.left + box.width && !taken.some(([from, to]) => left < to && left + width > from);
  const left = [x, x - width].find(free);
  if (left === undefined) return null;
  taken.push([left, left + width]);
  return left;
}

/**
 * A uPlot plugin that draws `milestones()` of the given kinds; `font` is `{px, family}`. The trigger's line runs through
 * all graphs of a figure and is `named` in the first one alone.
 */
export function pins(kinds, milestones, font, named) {
  return {
    hooks: {
      draw: (plot) => {
        const { ctx, bbox: box } = plot;
        const { min, max } = plot.scales.x;
        const inside = milestones().filter(({ kind, t }) => kinds.includes(kind) && t >= min && t <= max);
        const ratio = devicePixelRatio;
        const taken = [];
        ctx.save();
        // A dashed series leaves its dash behind.
        ctx.setLineDash([]);
        ctx.lineWidth = ratio;
        ctx.font = `500 ${font.px * ratio}px ${font.family}`;
        ctx.textBaseline = "bottom";
        ctx.textAlign = "left";
        for (const milestone of inside.toSorted(byPriority)) {
          const x = Math.round(plot.valToPos(milestone.t, "x", true)) + 0.5;
          const strong = milestone.kind === "trigger";
          drawLine(ctx, x, box, strong);
          if (strong && !named) continue;
          const words = LABELS[milestone.kind](milestone);
          const left = place(taken, x, ctx.measureText(words).width + 6 * ratio, box);
          if (left === null) continue;
          ctx.fillStyle = strong ? palette["accent-text"] : palette["text-quiet"];
          ctx.fillText(words, left, box.top - 2 * ratio);
        }
        ctx.restore();
      },
    },
  };
}
