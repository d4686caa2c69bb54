// JSON as text, number by number as somebody wrote it: 1.0 stays a float and twenty digits stay twenty, which JavaScript's own numbers lose.

const NAME = /"(?:[^"\\]|\\.)*"/y;
const QUOTED = /^["[{]/;
const FOREIGN = { true: "true", false: "false", none: "null" };

// [[name, the value's text], …] of an object's text, names that are there twice too; null where it is no object of JSON.
export function membersOf(text) {
  try {
    const whole = JSON.parse(text);
    if (whole === null || typeof whole !== "object" || Array.isArray(whole)) return null;
  } catch {
    return null;
  }
  const found = [];
  let at = text.indexOf("{") + 1;
  for (;;) {
    NAME.lastIndex = at = skipped(text, at);
    const name = NAME.exec(text);
    if (!name) return found;
    at = skipped(text, skipped(text, at + name[0].length) + 1);
    const end = endOfValue(text, at);
    found.push([JSON.parse(name[0]), text.slice(at, end).trim()]);
    at = end + 1;
  }
}

function skipped(text, at) {
  while (/\s/.test(text[at] ?? "")) at += 1;
  return at;
}

// Where the comma or brace stands that follows the value at ``at``; the text is JSON.
function endOfValue(text, at) {
  let depth = 0;
  for (let place = at; place < text.length; place += 1) {
    const letter = text[place];
    if (letter === '"') {
      NAME.lastIndex = place;
      place += NAME.exec(text)[0].length - 1;
    } else if (letter === "{" || letter === "[") depth += 1;
    else if (depth === 0 && (letter === "," || letter === "}")) return place;
    else if (letter === "}" || letter === "]") depth -= 1;
  }
  return text.length;
}

// What a person types into a value's field: {raw, kind, problem?}. ``raw`` is its JSON, kept as typed; what is no JSON is a text.
// kind: integer | number | text | boolean | null | list | object. problem: not-json | too-large; note: what JSON writes instead, or "".
export function typedValue(typed) {
  const text = typed.trim();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    if (QUOTED.test(text)) return { raw: text, kind: kindOfBracket(text), problem: "not-json" };
    const instead = /^(true|false|none|[+-]?(nan|inf|infinity))$/i.test(text) ? (FOREIGN[text.toLowerCase()] ?? "") : undefined;
    return { raw: JSON.stringify(typed), kind: "text", instead };
  }
  if (typeof value === "number" && !Number.isFinite(value)) return { raw: text, kind: "number", problem: "too-large" };
  return { raw: text, kind: kindOf(value, text) };
}

function kindOf(value, text) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") return /^-?\d+$/.test(text) ? "integer" : "number";
  return typeof value === "string" ? "text" : typeof value;
}

const kindOfBracket = (text) => ({ "[": "list", "{": "object" })[text[0]] ?? "text";

// A value's JSON as it stands in a field: a text without its quotation marks, unless it would be read as something else then.
export function shownValue(raw) {
  if (!raw.startsWith('"')) return raw;
  const text = JSON.parse(raw);
  const again = typedValue(text);
  return again.raw === raw && !again.problem && again.instead === undefined && text === text.trim() && !/[\r\n]/.test(text) ? text : raw;
}

// The object's text; ``members`` as ``membersOf`` answers them, ``wide`` with a line for each.
export function objectOf(members, wide = false) {
  const told = members.map(([name, raw]) => `${JSON.stringify(name)}: ${raw}`);
  if (!told.length) return "";
  return wide ? `{\n  ${told.join(",\n  ")}\n}` : `{${told.join(", ")}}`;
}
