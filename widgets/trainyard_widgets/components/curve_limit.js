// What a job may use at most, as a line of its chart.
import { t } from "./words.js";

export const LIMIT = "#b3261e";
// The line is drawn where so large a part of it is used; else the curve would lie on the floor.
const NEAR = 0.1;

// Up to where a chart goes whose largest value is ``high``.
export const withLimit = (high, limit) => (limit !== null && high >= limit * NEAR ? Math.max(high, limit) : high);

// The limit as a dashed line with its value; far above the curve, at the edge that it is above of.
export function drawLimit(self, { limit, show }) {
  if (limit === null) return;
  const { ctx, bbox } = self;
  const seen = limit <= self.scales.y.max;
  const top = seen ? Math.round(self.valToPos(limit, "y", true)) : bbox.top;
  const words = seen ? t("limit {value}", { value: show(limit) }) : `${t("limit {value}", { value: show(limit) })} ↑`;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = LIMIT;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  if (seen) {
    ctx.beginPath();
    ctx.moveTo(bbox.left, top);
    ctx.lineTo(bbox.left + bbox.width, top);
    ctx.stroke();
  }
  ctx.font = `${12 * devicePixelRatio}px ${getComputedStyle(self.root).fontFamily}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.strokeStyle = "#ffffffd9";
  ctx.setLineDash([]);
  ctx.lineWidth = 4 * devicePixelRatio;
  const aside = 6 * devicePixelRatio;
  const [x, y] = [bbox.left + bbox.width - aside, seen ? top + 4 * devicePixelRatio : top - 13 * devicePixelRatio];
  ctx.strokeText(words, x, y);
  ctx.fillText(words, x, y);
  ctx.restore();
}
