// The graph as a document and what may be done with it: pure functions that return a new document and leave the old one alone.
import { N_, t } from "../words.js";

export const TYPES = { input: N_("Input"), filter: N_("Filter"), augment: N_("Random process"), output: N_("Output") };
export const MOST_NODES = 64;
export const MOST_OPERATIONS = 16;
export const MOST_MULTIPLE = 100;
// what may stand behind what; the service's check has the last word
const FOLLOWERS = { input: ["filter", "augment", "output"], filter: ["filter", "augment", "output"], augment: ["augment", "output"], output: [] };

// Names are ids: what the service says of a node says its name.
export const emptyGraph = () => {
  const [first, last] = [t(TYPES.input), t(TYPES.output)];
  return { version: 1, nodes: [{ id: first, type: "input" }, { id: last, type: "output" }], edges: [[first, last]] };
};

const DEFAULTS = {
  filter: { label_set: "", classes: [], unlabelled: false },
  augment: { label_set: "", multiples: {}, multiple: 1, mode: "sequence", keep_originals: true, ops: [] },
};

// A document from elsewhere with every field that its nodes may leave out.
export function completed(graph) {
  const nodes = graph.nodes.map((node) => ({ ...DEFAULTS[node.type], ...node, ...(node.ops && { ops: node.ops.map((step) => ({ probability: 1, parameters: {}, ...step })) }) }));
  return { version: 1, nodes, edges: graph.edges ?? [] };
}

export const nodeOf = (graph, id) => graph.nodes.find((node) => node.id === id);
export const after = (graph, id) => graph.edges.filter(([from]) => from === id).map(([, to]) => to);
export const before = (graph, id) => graph.edges.filter(([, to]) => to === id).map(([from]) => from);
export const outputOf = (graph) => graph.nodes.find((node) => node.type === "output");
export const isUntouched = (graph) => graph.nodes.length === 2 && graph.edges.length === 1 && graph.nodes.every((node) => node.type === "input" || node.type === "output");

// Whether ``to`` can be reached from ``from`` along the edges.
export function reaches(graph, from, to, seen = new Set()) {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return after(graph, from).some((next) => reaches(graph, next, to, seen));
}

// Why ``from`` may not be connected with ``to``; empty where it may.
export function whyNotConnect(graph, from, to) {
  const [one, other] = [nodeOf(graph, from), nodeOf(graph, to)];
  if (!one || !other || from === to) return t("A node cannot be connected with itself.");
  if (one.type === "output") return t("Nothing comes behind the output.");
  if (other.type === "input") return t("Nothing comes before the input.");
  if (after(graph, from).includes(to)) return t("They are connected already.");
  if (reaches(graph, to, from)) return t("That would be a circle.");
  return whyNotFollow(one.type, other.type);
}

function whyNotFollow(one, other) {
  if (FOLLOWERS[one].includes(other)) return "";
  return t("Filters stand in front of random processing: boxes they look for may have left a new picture.");
}

// Why a node of ``type`` may not be added behind ``id``; empty where it may.
export function whyNotAdd(graph, id, type) {
  if (type === "output" && outputOf(graph)) return t("There is an output already; a graph has exactly one.");
  const node = nodeOf(graph, id);
  if (!node) return t("Select the node first behind which it is to stand.");
  if (node.type === "output") return t("Nothing comes behind the output.");
  if (graph.nodes.length >= MOST_NODES) return t("A graph has at most {most} nodes.", { most: MOST_NODES });
  return whyNotFollow(node.type, type);
}

export function whyNotDelete(graph, id) {
  const node = nodeOf(graph, id);
  if (!node) return t("Select a node or a connection first.");
  return node.type === "input" ? t("The input is the dataset itself and stays.") : "";
}

function freeId(graph, type) {
  const name = t(TYPES[type]);
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? name : `${name} ${number}`;
    if (!nodeOf(graph, id)) return id;
  }
}

function fresh(id, type, labelSet) {
  if (type === "filter") return { id, type, ...DEFAULTS.filter, label_set: labelSet };
  if (type === "augment") return { id, type, ...DEFAULTS.augment, label_set: labelSet, multiple: 2 };
  return { id, type };
}

// A node behind ``id``. What went from there straight to the output now goes through it; else it is one more branch, which ends
// in the output too. An output gathers every branch that ends nowhere. Answers [graph, id of the new node].
export function addBehind(graph, id, type, labelSet) {
  const made = fresh(freeId(graph, type), type, labelSet);
  const output = outputOf(graph)?.id;
  const straight = output && after(graph, id).includes(output);
  const kept = straight ? graph.edges.filter(([from, to]) => !(from === id && to === output)) : graph.edges;
  const sources = type === "output" ? looseEnds(graph, id) : [id];
  const edges = [...kept, ...sources.map((from) => [from, made.id])];
  if (type !== "output" && output) edges.push([made.id, output]);
  return [withPlaces({ ...graph, nodes: [...graph.nodes, made], edges }, graph), made.id];
}

const looseEnds = (graph, id) => [...new Set([id, ...graph.nodes.filter((node) => node.type !== "output" && after(graph, node.id).length === 0).map((node) => node.id)])];

// Nodes that were moved by hand keep their place as long as no node is added or removed: then all are laid out anew.
function withPlaces(graph, old) {
  return graph.nodes.length === old.nodes.length ? graph : forgetPlaces(graph);
}

export function forgetPlaces(graph) {
  return { ...graph, nodes: graph.nodes.map(({ x, y, ...node }) => node) };
}

export const connect = (graph, from, to) => ({ ...graph, edges: [...graph.edges, [from, to]] });
export const disconnect = (graph, from, to) => ({ ...graph, edges: graph.edges.filter(([one, other]) => one !== from || other !== to) });
export const change = (graph, id, fields) => ({ ...graph, nodes: graph.nodes.map((node) => (node.id === id ? { ...node, ...fields } : node)) });
export const move = (graph, places) => ({ ...graph, nodes: graph.nodes.map((node) => (places[node.id] ? { ...node, ...places[node.id] } : node)) });

// Without the node; what came before it is joined to what came behind it.
export function remove(graph, id) {
  const edges = graph.edges.filter(([from, to]) => from !== id && to !== id);
  const shorter = { ...graph, nodes: graph.nodes.filter((node) => node.id !== id), edges };
  const joined = before(graph, id).flatMap((from) => after(graph, id).map((to) => [from, to]));
  const through = joined.filter(([from, to]) => !whyNotConnect(shorter, from, to) && !(nodeOf(graph, from).type === "input" && nodeOf(graph, to).type === "output" && edges.some(([, end]) => end === to)));
  return withPlaces({ ...shorter, edges: [...edges, ...through] }, graph);
}

// Nodes from the input to the output, so that Tab follows the edges.
export function inOrder(graph) {
  const seen = new Set();
  const order = [];
  const visit = (id) => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const next of [...after(graph, id)].reverse()) visit(next);
    order.unshift(nodeOf(graph, id));
  };
  for (const node of [...graph.nodes].reverse()) if (before(graph, node.id).length === 0) visit(node.id);
  for (const node of graph.nodes) visit(node.id);
  return order.filter(Boolean);
}

// Why a node may not be called ``name``; empty where it may.
export function whyNotName(graph, id, name) {
  if (!name.trim()) return t("This is needed.");
  if (name.length > 64) return t("This is too long: at most {max_length} characters.", { max_length: 64 });
  return name !== id && nodeOf(graph, name) ? t("Another node has this name.") : "";
}

export function rename(graph, id, name) {
  const called = (one) => (one === id ? name : one);
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, id: called(node.id) })), edges: graph.edges.map(([from, to]) => [called(from), called(to)]) };
}
