// What a search looks like: values by trial, parameters side by side, and which of them decide. Drawn as SVG, told in words.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { number, percent } from "../format.js";
import { metric, metricBeside } from "../metric.js";
import { N_, t } from "../words.js";
import { scaleOf, shade, short } from "./scale.js";

const MARKS = {
  complete: { word: N_("complete"), colour: "#2456d6", draw: (x, y) => <circle cx={x} cy={y} r="4.5" /> },
  pruned: { word: N_("stopped early"), colour: "#a06a00", draw: (x, y) => <path d={`M${x - 4} ${y - 4}l8 8m0 -8l-8 8`} stroke-width="2.2" fill="none" /> },
  failed: { word: N_("failed"), colour: "#b3261e", draw: (x, y) => <rect x={x - 4} y={y - 4} width="8" height="8" /> },
  running: { word: N_("running"), colour: "#007e5c", draw: (x, y) => <path d={`M${x} ${y - 5}l5 9h-10z`} /> },
  stopped: { word: N_("stopped"), colour: "#5b6577", draw: (x, y) => <path d={`M${x} ${y - 5}l5 5l-5 5l-5 -5z`} /> },
};

function useWidth() {
  const place = useRef(null);
  const [width, setWidth] = useState(640);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(240, Math.floor(entry.contentRect.width))));
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return [place, width];
}

export const told = (trials) => trials.filter((trial) => Number.isFinite(trial.value));

export function HistoryPlot({ trials, tag, maximize, chosen }) {
  const [place, width] = useWidth();
  const shown = told(trials);
  const [height, left, top, bottom] = [262, 58, 28, 42];
  const scale = scaleOf({ kind: "float" }, shown.map((one) => one.value), (value, step) => metricBeside(tag, value, step));
  const last = Math.max(2, ...trials.map((one) => one.number));
  const x = (at) => left + ((at - 1) / (last - 1)) * (width - left - 16);
  const y = (value) => top + (1 - scale.place(value)) * (height - top - bottom);
  const best = shown.filter((one) => one.state === "complete").reduce((line, one) => [...line, { at: one.number, value: line.length && (maximize ? line.at(-1).value >= one.value : line.at(-1).value <= one.value) ? line.at(-1).value : one.value }], []);
  const steps = best.map((one, at) => (at ? `H${x(one.at)}V${y(one.value)}` : `M${x(one.at)} ${y(one.value)}`)).join("");
  const states = Object.keys(MARKS).filter((state) => shown.some((one) => one.state === state));
  const label = t("{tag} by trial; the best so far is {value}", { tag, value: best.length ? metric(tag, best.at(-1).value) : "–" });
  return (
    <figure class="ty-plot" ref={place}>
      <svg viewBox={`0 0 ${width} ${height}`} height={height} role="img" aria-label={label}>
        {scale.ticks.map(([part, words]) => <g key={part}><line class="ty-plot-grid" x1={left} x2={width - 16} y1={top + (1 - part) * (height - top - bottom)} y2={top + (1 - part) * (height - top - bottom)} /><text x={left - 8} y={top + (1 - part) * (height - top - bottom) + 4} text-anchor="end">{words}</text></g>)}
        <text x={left} y="14">{tag}</text>
        {ticks(last).map((at) => <text key={at} x={x(at)} y={height - 24} text-anchor="middle">{number(at)}</text>)}
        <text x={(left + width - 16) / 2} y={height - 6} text-anchor="middle">{t("trial")}</text>
        {steps && <path d={`${steps}H${x(last)}`} fill="none" stroke="#007e5c" stroke-width="2" stroke-dasharray="6 4" />}
        {shown.map((one) => <g key={one.number} fill={MARKS[one.state].colour} stroke={one.number === chosen ? "#1b2330" : MARKS[one.state].colour} stroke-width={one.number === chosen ? 3 : 1}>{MARKS[one.state].draw(x(one.number), y(one.value))}<title>{trialWords(one, tag)}</title></g>)}
      </svg>
      <ul class="ty-plot-legend">
        {states.map((state) => <li key={state}><svg width="14" height="14" style="width:14px" aria-hidden="true"><g fill={MARKS[state].colour} stroke={MARKS[state].colour}>{MARKS[state].draw(7, 7)}</g></svg>{t(MARKS[state].word)}</li>)}
        {best.length > 0 && <li><svg width="24" height="8" style="width:24px" aria-hidden="true"><line x1="0" x2="24" y1="4" y2="4" stroke="#007e5c" stroke-width="2" stroke-dasharray="6 4" /></svg>{t("best so far")}</li>}
      </ul>
    </figure>
  );
}

const ticks = (last) => {
  const step = Math.max(1, Math.ceil(last / 8));
  return Array.from({ length: Math.floor((last - 1) / step) + 1 }, (_, at) => 1 + at * step);
};

export const trialWords = (one, tag) => t("trial {number}: {value}", { number: one.number, value: metric(tag, one.value) });

export function ParallelPlot({ trials, space, tag, maximize, chosen, onChoose }) {
  const [place, width] = useWidth();
  const shown = told(trials);
  const names = [...Object.keys(space), tag];
  const [height, top, bottom, side] = [300, 44, 16, 46];
  const inner = Math.max(width, names.length * 110);
  const apart = (inner - 2 * side) / (names.length - 1);
  const x = (at) => side + at * apart;
  const most = Math.min(18, Math.floor((apart * 0.85) / LETTER));
  const scales = names.map((name, at) => (at < names.length - 1 ? scaleOf(space[name], []) : scaleOf({ kind: "float" }, shown.map((one) => one.value), (value, step) => metricBeside(tag, value, step))));
  const y = (part) => top + (1 - part) * (height - top - bottom);
  const value = (one, at) => (at < names.length - 1 ? one.parameters[names[at]] : one.value);
  const good = (one) => (maximize ? scales.at(-1).place(one.value) : 1 - scales.at(-1).place(one.value));
  const order = [...shown].sort((one, other) => (one.number === chosen) - (other.number === chosen) || good(one) - good(other));
  return (
    <figure class="ty-plot" ref={place}>
      <div class="ty-plot-scroll" tabIndex={inner > width ? 0 : undefined} role={inner > width ? "group" : undefined} aria-label={inner > width ? t("Parameters side by side") : undefined}>
        <svg viewBox={`0 0 ${inner} ${height}`} height={height} style={{ width: `${inner}px` }} role="img" aria-label={t("{count} trials as lines from parameter to parameter, to {tag} at the right; darker is better", { count: number(shown.length), tag })}>
          {order.map((one) => <path key={one.number} class={`ty-plot-line${one.number === chosen ? " ty-chosen" : ""}`} stroke={shade(good(one))} stroke-dasharray={one.state === "complete" ? undefined : "5 4"} d={names.map((_, at) => `${at ? "L" : "M"}${x(at)} ${y(scales[at].place(value(one, at)))}`).join("")} onClick={() => onChoose(one.number)}><title>{trialWords(one, tag)}</title></path>)}
          {names.map((name, at) => (
            <g key={name}>
              <line class="ty-plot-axis" x1={x(at)} x2={x(at)} y1={top} y2={height - bottom} />
              <text class="ty-plot-name" x={x(at)} y="16" text-anchor={at === 0 ? "start" : at === names.length - 1 ? "end" : "middle"} dx={at === 0 ? -side + 6 : at === names.length - 1 ? side - 6 : 0}>{cut(name, most)}<title>{name}</title></text>
              {scales[at].ticks.map(([part, words]) => <text key={words + part} x={x(at) + (at === names.length - 1 ? -7 : 7)} y={y(part) + 4} text-anchor={at === names.length - 1 ? "end" : "start"} stroke="#fff" stroke-width="3" paint-order="stroke">{cut(words, 10)}</text>)}
            </g>
          ))}
        </svg>
      </div>
      <ul class="ty-plot-legend">
        <li>{t("worse")} <span class="ty-shade" aria-hidden="true" /> {t("better")}</li>
        <li><svg width="24" height="8" style="width:24px" aria-hidden="true"><line x1="0" x2="24" y1="4" y2="4" stroke="#2456d6" stroke-width="2" stroke-dasharray="5 4" /></svg>{t("not complete")}</li>
      </ul>
    </figure>
  );
}

// Of bold words of twelve pixels, in pixels.
const LETTER = 7.4;
const cut = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);

export function Importances({ parts }) {
  return (
    <ul class="ty-importances">
      {parts.map((one) => <li key={one.parameter}><span class="ty-mono">{one.parameter}</span><span><span class="ty-importance" style={{ display: "block", width: `${one.part * 100}%` }} /></span><span class="ty-numbers">{percent(one.part)}</span></li>)}
    </ul>
  );
}

export { short };
