// The reader's language: t(…) with {placeholders} looks up the catalogue the server sent; English, written for many, is the key.
let table = globalThis.trainyardWords ?? {};
let language = document.documentElement.lang?.startsWith("zh") ? "zh" : "en";

export function setWords(words, chosen) {
  if (words && Object.keys(words).length) table = words;
  if (chosen) language = chosen;
}

export function currentLanguage() {
  return language;
}

// Where a placeholder is 1 and the catalogue has a form for that ("{count} picture", in gettext's context "count=1"), that one.
export function t(text, values) {
  if (!values) return table[text] || text;
  const one = Object.keys(values).find((name) => String(values[name]) === "1" && table[`${name}=1\u0004${text}`]);
  const template = (one && table[`${one}=1\u0004${text}`]) || table[text] || text;
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// Marks a text that is translated later, where it is shown.
export const N_ = (text) => text;
