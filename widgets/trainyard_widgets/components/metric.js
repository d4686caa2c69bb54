// How a value of a curve is written, by the first part of its name: on charts, in tables and in words alike.
import { bytes, measure, number, percent } from "./format.js";
import { t } from "./words.js";

const perSecond = (value) => (value === null || value === undefined ? "–" : t("{size}/s", { size: bytes(value) }));
const SHOWN = new Map(Object.entries({
  accuracy: (value) => (isPart("accuracy", value) ? percent(value, 2) : measure(value)), throughput: (value) => number(value, 0), gpu: (value) => percent(value),
  memory: bytes, gpu_memory: bytes, disk: perSecond, network: perSecond,
}));
// Programs of others tell an accuracy from 0 to 100 as well.
const isPart = (kind, value, step = 0) => kind === "gpu" || (kind === "accuracy" && Math.abs(value) <= 1 && step < 1);
const kindOf = (name) => name.split("/")[0];

export function metric(name, value) {
  return (Number.isFinite(value) && SHOWN.get(kindOf(name)) || measure)(value);
}

// A value beside an axis has as many digits as tell it from its neighbours, which are ``step`` away.
export function metricBeside(name, value, step) {
  if (isPart(kindOf(name), value, step)) return percent(value, step ? Math.min(6, Math.max(0, Math.ceil(-Math.log10(step * 100) - 1e-9))) : 2);
  return SHOWN.has(kindOf(name)) && kindOf(name) !== "accuracy" ? metric(name, value) : beside(value, step);
}

const beside = (value, step) => (value === 0 || !step ? measure(value) : Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3 ? value.toExponential(digitsOf(value, step) - 1) : String(Number(value.toPrecision(digitsOf(value, step)))));
const digitsOf = (value, step) => Math.min(16, Math.max(3, Math.ceil(Math.log10(Math.abs(value / step)) + 1e-9) + 1));
