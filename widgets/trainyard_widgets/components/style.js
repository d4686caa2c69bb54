// Style sheets of bundled parts join the document once each, without a request and without inline styles.
import dataStyle from "./data.css";

const adopted = new Set();

export function adopt(text) {
  if (adopted.has(text)) return;
  adopted.add(text);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

// What pages about datasets, trainings and models draw beside the theme.
export const adoptDataStyle = () => adopt(dataStyle);
