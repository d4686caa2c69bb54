// The reader's language: t(…) with {placeholders} looks up the catalogue the server sent; English is the key.
let table = globalThis.trainyardWords ?? {};
let language = document.documentElement.lang?.startsWith("zh") ? "zh" : "en";

export function setWords(words, chosen) {
  if (words && Object.keys(words).length) table = words;
  if (chosen) language = chosen;
}

export function currentLanguage() {
  return language;
}

export function t(text, values) {
  const template = table[text] || text;
  if (!values) return template;
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// Marks a text that is translated later, where it is shown.
export const N_ = (text) => text;
