// What keys mean on the canvas, and which node lies in which direction.
import { NODE } from "./layout.js";
import { after, before } from "./model.js";
import { N_ } from "../words.js";

// For the help: [keys, what they do].
export const KEYS = [
  ["Tab, ↑ ↓ ← →", N_("go from node to node along the connections")],
  ["Enter", N_("open the node's settings; Escape leads back")],
  ["F", N_("add a filter behind the node")],
  ["A", N_("add a random process behind the node")],
  ["O", N_("add the output")],
  ["C", N_("connect: choose the target with the arrows, then Enter")],
  ["X", N_("disconnect: choose the target with the arrows, then Enter")],
  ["Delete", N_("delete the node or the chosen connection")],
  ["Alt + ↑ ↓ ← →", N_("move the node")],
  ["Ctrl + Z", N_("undo")],
  ["Ctrl + Shift + Z", N_("redo")],
  ["+  −  0", N_("larger, smaller, everything in view")],
  ["L", N_("lay the graph out anew")],
  ["?", N_("this help")],
];

const PLAIN = {
  f: "filter", a: "augment", o: "output", c: "connect", x: "disconnect", l: "tidy", "?": "help", "+": "larger", "=": "larger", "-": "smaller", 0: "fit",
  Delete: "delete", Backspace: "delete", Enter: "open", " ": "open", Escape: "leave", ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right",
};

// The name of what a pressed key asks for; empty for all others.
export function keyOf(event) {
  const plain = PLAIN[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? "";
  if (event.ctrlKey || event.metaKey) return undoKey(event);
  if (event.altKey) return ["up", "down", "left", "right"].includes(plain) ? `move-${plain}` : "";
  return plain;
}

// Undo and redo work on the whole page; in a text field they stay the field's own.
export function undoKey(event) {
  if (!event.ctrlKey && !event.metaKey) return "";
  const key = event.key.toLowerCase();
  if (key === "y" || (key === "z" && event.shiftKey)) return "redo";
  return key === "z" ? "undo" : "";
}

// The node next to ``id``: along the edges up and down, else beside it.
export function neighbour(graph, places, id, way) {
  const here = places[id];
  if (!here) return null;
  const nearest = (ids) => [...ids].sort((one, other) => Math.abs(places[one].x - here.x) - Math.abs(places[other].x - here.x))[0] ?? null;
  if (way === "down") return nearest(after(graph, id));
  if (way === "up") return nearest(before(graph, id));
  const side = way === "left" ? -1 : 1;
  const beside = graph.nodes.map((node) => node.id).filter((other) => (places[other].x - here.x) * side > 0);
  const cost = (other) => Math.abs(places[other].x - here.x) + 4 * Math.max(0, Math.abs(places[other].y - here.y) - NODE.height / 2);
  return beside.sort((one, other) => cost(one) - cost(other))[0] ?? null;
}
