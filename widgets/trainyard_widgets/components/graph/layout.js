// Places for nodes that have none: layers from the input at the top to the output at the bottom, few crossings (dagre).
import { Graph, layout } from "@dagrejs/dagre";

export const NODE = { width: 200, height: 68 };

// {places: {id: {x, y}} of every node's upper left corner, routes: {"from→to": points} of edges that pass by a layer}. Nodes that
// all have a place of their own keep it; then edges go straight. (A graph that the service wrote out has 0, 0 for every node.)
export function drawn(graph) {
  const own = graph.nodes.filter((node) => Number.isFinite(node.x) && Number.isFinite(node.y));
  if (new Set(own.map(({ x, y }) => `${x},${y}`)).size < graph.nodes.length) return arranged(graph);
  return { places: Object.fromEntries(own.map((node) => [node.id, { x: node.x, y: node.y }])), routes: {} };
}

function arranged(graph) {
  const plan = new Graph();
  plan.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 46, edgesep: 28 });
  plan.setDefaultEdgeLabel(() => ({}));
  for (const { id } of graph.nodes) plan.setNode(id, { ...NODE });
  for (const [from, to] of graph.edges) if (plan.hasNode(from) && plan.hasNode(to)) plan.setEdge(from, to);
  layout(plan);
  const places = graph.nodes.map(({ id }) => {
    const { x, y } = plan.node(id);
    return [id, { x: Math.round(x - NODE.width / 2), y: Math.round(y - NODE.height / 2) }];
  });
  const long = plan.edges().map(({ v, w }) => [`${v}→${w}`, plan.edge(v, w).points]).filter(([, points]) => points.length > 3);
  return { places: Object.fromEntries(places), routes: Object.fromEntries(long.map(([edge, points]) => [edge, lane(points)])) };
}

// Straight beside the layers that are passed, from above the first to below the last; bends lie in the gaps between layers.
function lane(points) {
  const inside = points.slice(2, -2);
  const [first, last] = [inside[0], inside.at(-1)];
  return [{ x: first.x, y: first.y - NODE.height / 2 }, ...inside, { x: last.x, y: last.y + NODE.height / 2 }];
}

// A line that leaves and arrives upright and goes through ``between``; answers [path, x, y] with the middle of the line.
export function routed(source, between, target) {
  const points = [source, ...between, target];
  const parts = points.slice(1).map((to, place) => {
    const half = (points[place].y + to.y) / 2;
    return `C ${points[place].x},${half} ${to.x},${half} ${to.x},${to.y}`;
  });
  const middle = between[Math.floor(between.length / 2)];
  return [`M ${source.x},${source.y} ${parts.join(" ")}`, middle.x, middle.y];
}
