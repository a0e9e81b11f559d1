// A line across a graph at a value that the author of the slide named, with the value at its right end.

import { int } from "./format.js";
import { palette } from "./palette.js";

/** A uPlot plugin; `font` is `{px, family}`. */
export function thresholdLine(value, font) {
  return {
    hooks: {
      draw: ({ ctx, bbox: box, valToPos }) => {
        const ratio = devicePixelRatio;
        const y = Math.round(valToPos(value, "y", true)) + 0.5;
        ctx.save();
        ctx.lineWidth = 1.5 * ratio;
        ctx.setLineDash([2 * ratio, 4 * ratio]);
        ctx.strokeStyle = palette.text;
        ctx.beginPath();
        ctx.moveTo(box.left, y);
        ctx.lineTo(box.left + box.width, y);
        ctx.stroke();
        ctx.fillStyle = palette.text;
        ctx.font = `600 ${font.px * ratio}px ${font.family}`;
        ctx.textAlign = "right";
        ctx.textBaseline = "bottom";
        ctx.fillText(int(value), box.left + box.width - 4 * ratio, y - 2 * ratio);
        ctx.restore();
      },
    },
  };
}
