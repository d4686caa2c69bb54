// A window on a log: lines with their places in bytes, as many as a page needs and never more, however long the log is.
export const CHUNK = 256 * 1024;
const MOST_ROWS = 12_000;
const LONGEST = 4000;
const NEWLINE = 10;
const decoder = new TextDecoder();

// ``rows``: [{at, text}], whole lines from byte ``from`` to byte ``to``; ``rest``: the bytes of a line that is not over yet.
export class LogWindow {
  constructor(at = 0) {
    this.rows = [];
    this.from = at;
    this.to = at;
    this.rest = new Uint8Array(0);
  }

  // What follows; rows at the other end are let go: answers how many.
  append(piece) {
    const bytes = this.rest.length ? joined(this.rest, piece) : piece;
    const { rows, end } = lines(bytes, this.to, false);
    for (const row of rows) this.rows.push(row);
    this.rest = bytes.slice(end);
    this.to += end;
    if (this.rest.length > CHUNK) this.close();
    if (this.rows.length <= MOST_ROWS + 2000) return 0;
    const gone = this.rows.splice(0, this.rows.length - MOST_ROWS).length;
    this.from = this.rows[0].at;
    return gone;
  }

  // What stands before; answers how many rows were put in front, and whether rows at the end were let go.
  prepend(piece, at) {
    const skipped = at > 0 ? piece.indexOf(NEWLINE) + 1 : 0;
    const { rows } = lines(piece.subarray(skipped), at + skipped, true);
    this.rows.unshift(...rows);
    this.from = at + skipped;
    const cut = this.rows.length > MOST_ROWS;
    if (cut) {
      this.to = this.rows[MOST_ROWS].at;
      this.rows.length = MOST_ROWS;
      this.rest = new Uint8Array(0);
    }
    return { added: rows.length, cut };
  }

  // A line that does not end is shown as far as it goes.
  close() {
    if (!this.rest.length) return;
    const { rows } = lines(this.rest, this.to, true);
    this.rows.push(...rows);
    this.to += this.rest.length;
    this.rest = new Uint8Array(0);
  }

  // All rows with the line that is being written.
  get shown() {
    return this.rest.length ? [...this.rows, ...lines(this.rest, this.to, true).rows] : this.rows;
  }
}

// Lines of bytes; ``all``: the last one too, though it does not end. ``end``: where the first line begins that was left out.
function lines(bytes, at, all) {
  const rows = [];
  let begin = 0;
  while (begin < bytes.length) {
    let end = bytes.indexOf(NEWLINE, begin);
    if (end < 0) {
      if (!all) break;
      end = bytes.length;
    }
    const text = overwritten(decoder.decode(bytes.subarray(begin, end)));
    for (let place = 0; place === 0 || place < text.length; place += LONGEST) rows.push({ at: at + begin, text: text.slice(place, place + LONGEST), more: place > 0 });
    begin = end + 1;
  }
  return { rows, end: Math.min(begin, bytes.length) };
}

// A carriage return begins the line anew with the next letter, as a terminal does it; one at the end does nothing.
function overwritten(line) {
  const plain = line.endsWith("\r") ? line.slice(0, -1) : line;
  return plain.slice(plain.lastIndexOf("\r") + 1);
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

const COLOURS = ["#8b98ad", "#ff7b72", "#7ee787", "#e3b341", "#79b8ff", "#d2a8ff", "#76e3ea", "#dfe4ec"];
const CODES = /\x1b(?:\[([0-9;:?]*)([A-Za-z])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;

// [{text, colour?, bold?}] of a line with a terminal's colour codes (ECMA-48, SGR); other codes are left out.
export function coloured(line) {
  if (!line.includes("\x1b")) return [{ text: line }];
  const parts = [];
  let style = {};
  let at = 0;
  for (const found of line.matchAll(CODES)) {
    if (found.index > at) parts.push({ text: line.slice(at, found.index), ...style });
    if (found[2] === "m") style = styled(style, found[1]);
    at = found.index + found[0].length;
  }
  if (at < line.length) parts.push({ text: line.slice(at), ...style });
  return parts;
}

export const withoutColours = (line) => line.replace(CODES, "");

function styled(style, codes) {
  let next = { ...style };
  const numbers = codes.split(/[;:]/).map(Number);
  for (let place = 0; place < numbers.length; place += 1) {
    const code = numbers[place];
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 22) next.bold = false;
    else if (code >= 30 && code <= 37) next.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) next.colour = COLOURS[code - 90];
    else if (code === 39) next.colour = undefined;
    else if (code === 38) {
      const [kind, a, b, c] = numbers.slice(place + 1);
      if (kind === 2) next.colour = `rgb(${[a, b, c].map((one) => Math.min(255, one || 0)).join(",")})`;
      if (kind === 5) next.colour = a < 16 ? COLOURS[a % 8] : next.colour;
      place += kind === 2 ? 4 : 2;
    }
  }
  return next;
}
