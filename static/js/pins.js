// Milestones as vertical pins on the graphs. Each graph shows the kinds that explain its own line; a label that would
// run into a more important one is left out (its line stays, and the log beside the graph has the words).

import { palette } from "./palette.js";

/** Most important first: they get their label before the others. */
const LABELS = {
  trigger: () => "trigger",
  drained: () => "drained",
  dozens: () => "dozens",
  baseline: () => "baseline",
  peak: () => "peak",
  scale_in: () => "scale-in",
  rescale: (milestone) => `→ ${milestone.title.match(/(\d+)\D*$/)?.[1] ?? "?"}`,
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

/** A free stretch of the label row for `width` at `x`, or null: labels stand right of their pin, or left at the edge. */
function place(taken, x, width, box) {
  const left = x + width > box.left + box.width ? x - width : x;
  if (left < box.left || taken.some(([from, to]) => left < to && left + width > from)) return null;
  taken.push([left, left + width]);
  return left;
}

/** A uPlot plugin that draws `milestones()` of the given kinds; `font` is `{px, family}`. */
export function pins(kinds, milestones, font) {
  return {
    hooks: {
      draw: (plot) => {
        const { ctx, bbox: box } = plot;
        const { min, max } = plot.scales.x;
        const inside = milestones().filter(({ kind, t }) => kinds.includes(kind) && t >= min && t <= max);
        const ratio = devicePixelRatio;
        const taken = [];
        ctx.save();
        ctx.lineWidth = ratio;
        ctx.font = `500 ${font.px * ratio}px ${font.family}`;
        ctx.textBaseline = "bottom";
        ctx.textAlign = "left";
        for (const milestone of inside.toSorted(byPriority)) {
          const x = Math.round(plot.valToPos(milestone.t, "x", true)) + 0.5;
          const strong = milestone.kind === "trigger";
          drawLine(ctx, x, box, strong);
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
