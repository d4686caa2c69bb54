// Curves of a run: zoom by dragging, smoothing, a logarithmic axis, steps or epochs or time below, snapshots marked.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import plotStyle from "uplot/dist/uPlot.min.css";
import { byKey } from "./curve_keys.js";
import { drawLimit, LIMIT, withLimit } from "./curve_limit.js";
import { number } from "./format.js";
import { metric, metricBeside } from "./metric.js";
import { adopt } from "./style.js";
import { currentLanguage, N_, t } from "./words.js";

adopt(plotStyle);

const HEIGHT = 260;
// A learning rate is what it is, and a few points say more than their average.
const PLAIN = new Set(["learning_rate"]);
const FEWEST = 20;
// Okabe and Ito's colours, apart for every kind of colour blindness; validation is dashed as well, and each run that is compared in its own way.
const COLOURS = ["#2456d6", "#d55e00", "#007e5c", "#9a4f96", "#a06a00", "#3a8dc4", "#5b6577"];
const VALIDATION = [7, 4];
const DASHES = [undefined, [2, 3], [14, 5], [12, 4, 2, 4], [12, 3, 2, 3, 2, 3]];
const colourAt = (place) => COLOURS[place % COLOURS.length];
// How a run is drawn on every chart that compares it.
export const runStroke = (place) => ({ colour: colourAt(place), dash: DASHES[place % DASHES.length] });
const NAMES = { train: N_("training"), validation: N_("validation"), learning_rate: N_("learning rate"), "throughput/samples_per_second": N_("samples per second"), cpu: N_("processor cores"), memory: N_("memory"), gpu: N_("busy"), gpu_memory: N_("memory of the cards"), disk_read: N_("read"), disk_write: N_("written"), network_in: N_("received"), network_out: N_("sent") };
const X = {
  step: { of: (series) => series.steps, mark: (mark) => mark.step, label: N_("step (batches since the start)"), steps: Array.from({ length: 18 }, (_, power) => [1, 2, 5].map((times) => times * 10 ** power)).flat() },
  epoch: { of: (series) => series.epochs, mark: (mark) => mark.epochs, label: N_("epoch") },
  time: { of: (series) => series.seconds, mark: (mark) => mark.seconds, label: N_("time since the first point"), scale: 1 / 60, steps: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000].map((seconds) => seconds / 60), ticks: (minutes) => inOneUnit(minutes) },
};
// What a machine uses is drawn from nothing on; bytes in steps of powers of two.
const FROM_NOTHING = new Set(["cpu", "memory", "gpu", "gpu_memory", "disk", "network"]);
const BYTES = new Set(["memory", "gpu_memory", "disk", "network"]);
const POWERS = Array.from({ length: 50 }, (_, power) => 2 ** power);

// Minutes as people read them, all in the unit that fits the largest.
function inOneUnit(minutes) {
  const most = Math.max(...minutes.map(Math.abs));
  const [scale, text] = most < 2 ? [60, N_("{value} s")] : most < 120 ? [1, N_("{value} min")] : most < 2880 ? [1 / 60, N_("{value} h")] : [1 / 1440, N_("{value} d")];
  return minutes.map((value) => t(text, { value: number(value * scale, 2) }));
}

// uPlot takes no step it does not know itself, and a twelfth of a minute is none of them: the first that leaves room for its words.
const ROOM = 64;
const APART = 18;
const splitsOf = (steps, words) => (self, _, min, max) => {
  const room = Math.max(ROOM, APART + widthOf(self, words([min, max])));
  const most = Math.max(1, Math.floor(self.bbox.width / devicePixelRatio / room));
  const step = steps.find((one) => (max - min) / one <= most) ?? steps.at(-1);
  const [first, last] = [Math.ceil(min / step - 1e-9), Math.floor(max / step + 1e-9)];
  return Array.from({ length: Math.max(0, Math.min(100, last - first + 1)) }, (__, at) => (first + at) * step);
};

// The widest of some words of a chart's axes, in CSS pixels.
function widthOf(self, words) {
  self.ctx.font = self.axes[0].font[0];
  return Math.max(0, ...words.map((text) => self.ctx.measureText(text).width)) / devicePixelRatio;
}

// ``chart``: {name, series: [{tag, steps, seconds, epochs, values}]}. ``range``: [first, last] on the x axis or null;
// ``onRange`` is told when somebody zooms; ``marks``: snapshots to mark on the first series.
export function CurveChart({ chart, title, axis = "step", logarithmic = false, smoothing = 0, marks = [], range, onRange, group }) {
  const place = useRef(null);
  const plot = useRef(null);
  const [at, setAt] = useState(null);
  const show = (value) => metric(chart.name, value);
  const lines = useMemo(() => linesOf(chart, axis, logarithmic, smoothing), [chart, axis, logarithmic, smoothing]);
  const limit = chart.limit ?? null;
  const all = useRef([0, 1]); // of a part that is looked at only that part comes
  if (!range) all.current = whole(lines.data[0]);
  const latest = useRef({});
  latest.current = { marks, axis, lines, onRange, logarithmic, limit, show };

  useLayoutEffect(() => {
    plot.current = new uPlot(options({ place: place.current, name: chart.name, lines, axis, logarithmic, group, latest, setAt, limit }), lines.data, place.current);
    const observer = new ResizeObserver(() => place.current && plot.current?.setSize({ width: place.current.clientWidth, height: HEIGHT }));
    observer.observe(place.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [axis, logarithmic, lines.keys, limit, currentLanguage()]);

  useEffect(() => {
    if (!plot.current) return;
    plot.current.setData(lines.data, false);
    const [first, last] = range ?? whole(lines.data[0]);
    plot.current.setScale("x", { min: first, max: last });
  }, [lines, range]);

  return (
    <figure class="ty-curve">
      <figcaption>
        <h3>{title}</h3>
        <ul class="ty-legend">
          {lines.shown.map((line) => (
            <li key={line.tag}>
              <LineKey colour={line.colour} dash={line.dash} />
              <span>{line.name}</span> <strong class="ty-numbers">{show(valueAt(line, at))}</strong>
            </li>
          ))}
          {limit !== null && (
            <li>
              <LineKey colour={LIMIT} dash={[6, 4]} width={2} />
              <span>{t("limit")}</span> <strong class="ty-numbers">{show(limit)}</strong>
            </li>
          )}
        </ul>
      </figcaption>
      <div ref={place} class="ty-curve-place" style={{ height: `${HEIGHT}px` }} role={onRange ? "group" : "img"} tabIndex={onRange ? 0 : undefined} aria-keyshortcuts={onRange ? "+ - ArrowLeft ArrowRight 0" : undefined} aria-label={summary(title, lines.shown, show, limit)} onKeyDown={onRange && ((event) => byKey(event, plot.current?.scales.x, all.current, onRange))} />
    </figure>
  );
}

// What a line looks like, beside its name.
export function LineKey({ colour, dash, width = 3 }) {
  return <svg class="ty-line-key" width="34" height="8" aria-hidden="true"><line x1="0" y1="4" x2="34" y2="4" stroke={colour} stroke-width={width} stroke-dasharray={dash?.join(" ")} /></svg>;
}

function linesOf(chart, axis, logarithmic, smoothing) {
  const { of, scale = 1 } = X[axis];
  const tables = [];
  const shown = [];
  chart.series.forEach((series, place) => {
    const points = series.values.map((value, index) => [of(series)[index], value]).filter(([x, value]) => x !== null && x !== undefined && !(logarithmic && !(value > 0)));
    const across = points.map(([x]) => x * scale);
    const raw = points.map(([, value]) => value);
    const smooths = smoothing > 0 && points.length >= FEWEST && !PLAIN.has(chart.name);
    const smooth = smooths ? smoothed(raw, smoothing) : raw;
    const part = series.tag.split("/").pop();
    const second = part === "validation" || series.tag === "disk_write" || series.tag === "network_out";
    const look = series.place === undefined ? { colour: colourAt(place), dash: second ? VALIDATION : undefined } : runStroke(series.place);
    const line = { tag: series.tag, name: series.label ?? t(NAMES[series.tag] ?? NAMES[part] ?? series.tag), ...look, across, values: smooth, points: points.length, faint: smooths };
    shown.push(line);
    tables.push([across, smooth]);
    if (smooths) tables.push([across, raw]);
  });
  const data = tables.length ? uPlot.join(tables.map(ascending)) : [[]];
  return { data, shown, keys: shown.map((line) => `${line.tag} ${line.name} ${line.faint}`).join() };
}

// A run that was started again may go back in time or steps; the newest value of an x wins.
function ascending([across, values]) {
  if (across.every((x, index) => index === 0 || x > across[index - 1])) return [across, values];
  const newest = new Map(across.map((x, index) => [x, values[index]]));
  const sorted = [...newest.keys()].sort((one, other) => one - other);
  return [sorted, sorted.map((x) => newest.get(x))];
}

// Exponential moving average without the pull towards zero at the start, as TensorBoard draws it.
function smoothed(values, weight) {
  let sum = 0;
  let parts = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    sum = sum * weight + (1 - weight) * value;
    parts = parts * weight + (1 - weight);
    return sum / parts;
  });
}

function options({ place, name, lines, axis, logarithmic, group, latest, setAt, limit }) {
  const ink = "#5b6577";
  const grid = { stroke: "#e8ecf2", width: 1 };
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const below = X[axis].ticks ?? ((ticks) => ticks.map((tick) => number(tick, 2)));
  let last = "";
  const stroke = (line, faint) => ({
    label: line.tag, stroke: faint ? `${line.colour}40` : line.colour, width: faint ? 1 : 2, dash: faint ? undefined : line.dash, spanGaps: !FROM_NOTHING.has(name),
    points: { show: !faint && line.points < 25, size: 5, fill: line.colour },
  });
  return {
    width: place.clientWidth || 600, height: HEIGHT, legend: { show: false }, padding: [14, (self) => Math.max(12, Math.ceil(widthOf(self, [last]) / 2)), 0, 0],
    series: [{}, ...lines.shown.flatMap((line) => (line.faint ? [stroke(line), stroke(line, true)] : [stroke(line)]))],
    scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : { range: (_, low, high) => padded(FROM_NOTHING.has(name) && high > 0 ? 0 : low, withLimit(high, limit)) } },
    axes: [
      { stroke: ink, grid, ticks: grid, font, labelFont: font, label: t(X[axis].label), labelSize: 18, size: (_, words) => ((last = words?.at(-1) ?? ""), 32), ...(X[axis].steps && { splits: splitsOf(X[axis].steps, below) }), values: (_, ticks) => below(ticks) },
      { stroke: ink, grid, ticks: grid, font, size: (self, words) => Math.max(BYTES.has(name) ? 88 : 64, Math.ceil(widthOf(self, words ?? [])) + APART), ...(BYTES.has(name) && { incrs: POWERS }), values: (_, ticks, __, ___, step) => ticks.map((tick) => (tick === null ? "" : metricBeside(name, tick, logarithmic ? null : step))) },
    ],
    cursor: { sync: group ? { key: group } : undefined, drag: { x: true, y: false, uni: 10 }, points: { size: 8 } },
    hooks: {
      setCursor: [(self) => setAt(self.cursor.left >= 0 && self.cursor.idx !== null ? self.data[0][self.cursor.idx] : null)],
      setSelect: [(self) => self.select.width > 4 && latest.current.onRange?.([self.posToVal(self.select.left, "x"), self.posToVal(self.select.left + self.select.width, "x")])],
      ready: [(self) => self.over.addEventListener("dblclick", () => latest.current.onRange?.(null))],
      draw: [(self) => drawMarks(self, latest.current), (self) => drawLimit(self, latest.current)],
    },
  };
}

// A diamond on the curve where a snapshot was taken, and a dotted line down to the axis.
function drawMarks(self, { marks, axis, lines }) {
  const line = lines.shown[0];
  if (!line) return;
  const { ctx, bbox } = self;
  const { mark: place, scale = 1 } = X[axis];
  ctx.save();
  for (const mark of marks) {
    const x = place(mark);
    if (x === null || x === undefined) continue;
    const value = nearest(line, x * scale);
    const [left, top] = [self.valToPos(x * scale, "x", true), self.valToPos(value, "y", true)];
    if (value === null || left < bbox.left || left > bbox.left + bbox.width) continue;
    const size = 5 * devicePixelRatio;
    ctx.strokeStyle = "#1b233055";
    ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(left, top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(left, top - size);
    ctx.lineTo(left + size, top);
    ctx.lineTo(left, top + size);
    ctx.lineTo(left - size, top);
    ctx.closePath();
    ctx.fillStyle = "#1b2330";
    ctx.fill();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.strokeStyle = "#fff";
    ctx.stroke();
  }
  ctx.restore();
}

function padded(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
}

// One point alone needs some room beside it, and nothing happened before the beginning.
function whole(across) {
  if (!across.length) return [0, 1];
  const [first, last] = [across[0], across[across.length - 1]];
  return first === last ? [first >= 0 ? Math.max(0, first - 1) : first - 1, last + 1] : [first, last];
}

function nearest(line, x) {
  let best = null;
  let distance = Infinity;
  line.across.forEach((place, index) => {
    if (line.values[index] !== null && Math.abs(place - x) < distance) [best, distance] = [line.values[index], Math.abs(place - x)];
  });
  return best;
}

function valueAt(line, x) {
  if (x !== null) return nearest(line, x);
  for (let index = line.values.length - 1; index >= 0; index -= 1) if (line.values[index] !== null) return line.values[index];
  return null;
}

const summary = (title, lines, show, limit) => `${title}: ${[...lines.map((line) => `${line.name} ${show(valueAt(line, null))}`), ...(limit === null ? [] : [t("limit {value}", { value: show(limit) })])].join(", ")}`;
