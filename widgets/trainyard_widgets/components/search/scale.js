// Places on an axis: numbers, their logarithms, or one of some values.

// ``dimension``: {kind: float | int | choice, low, high, log, values}. Answers where a value lies, 0 to 1, and the ticks to write;
// ``words(value, step)`` writes those that are so far apart.
export function scaleOf(dimension, values, words = plain) {
  if (dimension.kind === "choice") {
    const known = dimension.values.map(String);
    const place = (value) => (known.length < 2 ? 0.5 : known.indexOf(String(value)) / (known.length - 1));
    const every = Math.ceil(known.length / 8);
    return { place, ticks: dimension.values.filter((_, at) => at % every === 0).map((value) => [place(value), String(value)]) };
  }
  const told = values.filter((value) => Number.isFinite(value));
  const [low, high] = [dimension.low ?? Math.min(...told), dimension.high ?? Math.max(...told)];
  const bend = dimension.log ? Math.log : (value) => value;
  const place = (value) => (bend(high) === bend(low) ? 0.5 : (bend(value) - bend(low)) / (bend(high) - bend(low)));
  const back = (part) => (dimension.log ? Math.exp(Math.log(low) + part * (Math.log(high) - Math.log(low))) : low + part * (high - low));
  if (dimension.kind === "int" && high - low < 6 * (dimension.step ?? 1)) {
    const all = Array.from({ length: Math.floor((high - low) / (dimension.step ?? 1)) + 1 }, (_, at) => low + at * (dimension.step ?? 1));
    return { place, ticks: all.map((value) => [place(value), short(value)]) };
  }
  const round = dimension.low === undefined && !dimension.log ? rounds(low, high) : [];
  if (round.length > 1) return { place, ticks: round.map((value) => [place(value), words(value, round[1] - round[0])]) };
  const parts = bend(high) === bend(low) ? [0.5] : [0, 0.25, 0.5, 0.75, 1];
  return { place, ticks: parts.map((part) => [part, dimension.low === undefined ? words(back(part), (high - low) / 4) : short(dimension.kind === "int" ? Math.round(back(part)) : back(part))]) };
}

// With as many digits as tell two neighbours apart.
const plain = (value, step) => (step < 1e-6 || Math.abs(value) >= 1e5 ? short(value) : String(Number(value.toFixed(Math.max(0, 1 - Math.floor(Math.log10(step)))))));

// Round numbers between two others, about five of them.
function rounds(low, high) {
  if (!(high > low)) return [];
  const size = 10 ** Math.floor(Math.log10((high - low) / 4));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * size).find((one) => (high - low) / one <= 6);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) => (first + at) * step);
}

export function short(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

// From worse to better, one hue from light to dark: every eye sees the order.
export function shade(part) {
  const [light, dark] = [[185, 201, 243], [11, 42, 130]];
  return `rgb(${light.map((from, at) => Math.round(from + (dark[at] - from) * part)).join(" ")})`;
}
