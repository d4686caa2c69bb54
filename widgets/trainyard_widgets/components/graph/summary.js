// What a node does, in a few words.
import { number, percent } from "../format.js";
import { t } from "../words.js";

export function summaryOf(node, operations) {
  if (node.type === "filter") return filterWords(node);
  if (node.type === "augment") return augmentWords(node, operations);
  return node.type === "input" ? t("the dataset as it is") : t("the new dataset");
}

function filterWords({ classes = [], unlabelled }) {
  const named = classes.length > 2 ? t("{first} and {count} more", { first: classes[0], count: number(classes.length - 1) }) : classes.join(", ");
  const parts = [named, unlabelled && t("without a label")].filter(Boolean);
  return parts.length ? parts.join(", ") : t("nothing ticked yet");
}

function augmentWords({ multiple = 1, multiples = {}, ops = [] }, operations) {
  const done = ops.map((step) => operations[step.op]?.title ?? step.op).join(", ");
  return [timesWords(multiple, multiples), done || t("no operation yet")].join(" · ");
}

function timesWords(multiple, multiples) {
  const own = Object.entries(multiples);
  if (!own.length) return `× ${number(multiple, 2)}`;
  if (own.length === 1 && multiple === 1) return `${own[0][0]} × ${number(own[0][1], 2)}`;
  const all = [multiple, ...own.map(([, value]) => value)];
  return `× ${number(Math.min(...all), 2)}–${number(Math.max(...all), 2)}`;
}

// “originals + one new each”, as a sentence about one multiple.
export function multipleWords(value, keep) {
  if (!Number.isFinite(value)) return "";
  if (value === 0) return t("none of them");
  if (!keep) return t("{count} new pictures of each, without the original", { count: number(value, 2) });
  if (value === 1) return t("the originals as they are");
  if (value < 1) return t("a random {share} of the originals", { share: percent(value, 1) });
  const whole = Math.floor(value - 1);
  const part = Math.round((value - 1 - whole) * 1000) / 1000;
  if (!part) return t("the originals and {count} new pictures of each", { count: number(whole) });
  if (!whole) return t("the originals and a new picture of {share} of them", { share: percent(part, 1) });
  return t("the originals and {count} new pictures of each, one more of {share}", { count: number(whole), share: percent(part, 1) });
}
