// The drawn graph: React Flow for panning, zooming and dragging; selection, keys and connections are ours, so that keys alone do all.
import { Background, BaseEdge, EdgeLabelRenderer, getBezierPath, MarkerType, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import flowStyle from "@xyflow/react/dist/base.css";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { number } from "../format.js";
import { Icon } from "../icons.jsx";
import { adopt } from "../style.js";
import { t } from "../words.js";
import { drawnNode } from "./editor.js";
import { keyOf, neighbour } from "./keys.js";
import { drawn, NODE, routed } from "./layout.js";
import { after, before, inOrder, TYPES, whyNotConnect } from "./model.js";
import { GraphNode } from "./node.jsx";
import { summaryOf } from "./summary.js";

adopt(flowStyle);
const NODE_TYPES = { node: GraphNode };
const EDGE_TYPES = { edge: GraphEdge };
const FIT = { padding: { top: "20px", right: "24px", bottom: "24px", left: "60px" }, maxZoom: 1 }; // the buttons stand at the left
const ARROW = { type: MarkerType.ArrowClosed, width: 16, height: 16, color: "#8592a6" };
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// ``editor``: what useEditor answers. ``children`` stand above the drawing. ``onOpen`` shows the selected node's panel.
export function Canvas(props) {
  return <ReactFlowProvider><Drawing {...props} /></ReactFlowProvider>;
}

function Drawing({ editor, operations, live, onOpen, onReady, children }) {
  const { graph, selected, connecting } = editor;
  const flow = useReactFlow();
  const box = useRef(null);
  const [sizes, setSizes] = useState({});
  const [moving, setMoving] = useState({});
  const { places: laid, routes } = useMemo(() => drawn(graph), [graph]);
  const fit = useCallback(() => flow.fitView({ ...FIT, duration: calm() ? 0 : 220 }), [flow]);
  useEffect(() => onReady?.({ fit, zoom: (by) => flow.zoomTo(flow.getZoom() * by, { duration: calm() ? 0 : 150 }) }), [fit, flow]);
  useRefit(box, fit, graph, sizes);
  useFocus(editor, graph);

  const nodes = useMemo(() => inOrder(graph).map((node) => ({
    id: node.id,
    type: "node",
    position: moving[node.id] ?? laid[node.id],
    measured: sizes[node.id] ?? NODE,
    ariaRole: "button",
    ariaLabel: spoken(graph, node, operations, live),
    domAttributes: { "aria-pressed": node.id === selected, "aria-roledescription": undefined, "data-type": node.type },
    data: {
      node,
      selected: node.id === selected,
      summary: summaryOf(node, operations),
      count: live.counts[node.id],
      fresh: live.fresh,
      problem: live.problems.find((problem) => problem.node === node.id),
      state: connecting ? (node.id === connecting.from ? "from" : node.id === connecting.to ? "to" : connecting.allowed.includes(node.id) ? "allowed" : "dim") : "",
    },
  })), [graph, laid, moving, sizes, selected, connecting, operations, live]);
  const edges = useMemo(() => graph.edges.map(([from, to]) => ({
    id: `${from}→${to}`,
    source: from,
    target: to,
    type: "edge",
    focusable: false,
    markerEnd: ARROW,
    ariaLabel: t("{one} leads into {other}", { one: from, other: to }),
    data: { selected: editor.edge?.[0] === from && editor.edge?.[1] === to, remove: () => editor.disconnect(from, to), route: moving[from] || moving[to] ? undefined : routes[`${from}→${to}`] },
  })), [graph, editor.edge, routes, moving]);

  const changed = (changes) => {
    const measured = changes.filter((one) => one.type === "dimensions" && one.dimensions);
    if (measured.length) setSizes((old) => ({ ...old, ...Object.fromEntries(measured.map((one) => [one.id, one.dimensions])) }));
    const moved = changes.filter((one) => one.type === "position" && one.position && one.dragging);
    if (moved.length) setMoving((old) => ({ ...old, ...Object.fromEntries(moved.map((one) => [one.id, one.position])) }));
  };
  const dropped = (_, node) => {
    setMoving({});
    const { x, y } = node.position;
    if (x !== laid[node.id].x || y !== laid[node.id].y) editor.moveTo(node.id, { ...laid, [node.id]: { x: Math.round(x), y: Math.round(y) } });
  };
  const pressed = (event) => {
    const key = keyOf(event);
    if (!key || event.target.closest("input, textarea, select, button, a")) return;
    const at = event.target.closest(".react-flow__node")?.dataset.id ?? selected;
    const shift = (id, [x, y]) => editor.moveTo(id, { ...laid, [id]: { x: laid[id].x + x, y: laid[id].y + y } });
    const canvas = { next: (way) => neighbour(graph, laid, at, way), open: onOpen, fit, zoom: (by) => flow.zoomTo(flow.getZoom() * by), shift };
    if (editor.key(key, at, canvas)) event.preventDefault();
  };
  const focused = (event) => {
    const id = event.target.closest?.(".react-flow__node")?.dataset.id;
    if (id && !connecting) editor.select(id);
  };
  return (
    <div class="ty-canvas" ref={box} onKeyDown={pressed} onFocusCapture={focused}>
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} aria-label={t("The graph")}
        onNodesChange={changed} onNodeDragStop={dropped}
        onNodeClick={(_, node) => (connecting ? editor.choose(node.id) : editor.select(node.id))}
        onNodeDoubleClick={() => onOpen()}
        onEdgeClick={(_, edge) => editor.selectEdge([edge.source, edge.target])}
        onPaneClick={() => editor.leave()}
        onConnect={({ source, target }) => editor.connect(source, target)}
        isValidConnection={({ source, target }) => !whyNotConnect(graph, source, target)}
        elementsSelectable={false} nodesFocusable edgesFocusable={false} disableKeyboardA11y deleteKeyCode={null}
        connectionRadius={36} nodeDragThreshold={4} zoomOnScroll={false} preventScrolling={false} zoomOnDoubleClick={false}
        minZoom={0.15} maxZoom={1.6} fitView fitViewOptions={FIT} proOptions={{ hideAttribution: true }}
      >
        <Background gap={22} size={1.4} color="#d5dbe5" />
      </ReactFlow>
      {children}
    </div>
  );
}

// Everything is in view again after a node came or went, and when the window changes.
function useRefit(box, fit, graph, sizes) {
  const structure = `${graph.nodes.map((node) => `${node.id}:${node.x === undefined}`).join()}|${graph.edges.join()}|${Object.keys(sizes).length}`;
  useEffect(() => {
    const timer = setTimeout(fit, 40);
    return () => clearTimeout(timer);
  }, [structure]);
  useEffect(() => {
    const observer = new ResizeObserver(() => fit());
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [fit]);
}

// Puts the focus where the editor wants it, once the node is drawn: React Flow draws a new one some frames later.
function useFocus(editor, graph) {
  useEffect(() => {
    let frame = 0;
    let left = 30;
    const seek = () => {
      const id = editor.wanted.current;
      const found = id && drawnNode(id);
      if (found) {
        editor.wanted.current = null;
        found.focus({ preventScroll: true });
      } else if (id && left--) frame = requestAnimationFrame(seek);
    };
    seek();
    return () => cancelAnimationFrame(frame);
  }, [graph, editor.asked]);
}

function spoken(graph, node, operations, live) {
  const count = live.counts[node.id];
  const names = (ids) => ids.join(", ");
  const problems = live.problems.filter((problem) => problem.node === node.id);
  return [
    node.id === t(TYPES[node.type]) ? node.id : `${t(TYPES[node.type])}, ${node.id}`,
    summaryOf(node, operations),
    count && t("{count} pictures", { count: number(count.pictures) }),
    before(graph, node.id).length && t("behind {names}", { names: names(before(graph, node.id)) }),
    after(graph, node.id).length && t("leads into {names}", { names: names(after(graph, node.id)) }),
    ...problems.map((problem) => t("Problem: {message}", problem)),
  ].filter(Boolean).join("; ");
}

function GraphEdge({ id, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, markerEnd, data, source, target }) {
  const ends = { sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition };
  const [path, x, y] = data.route ? routed({ x: sourceX, y: sourceY }, data.route, { x: targetX, y: targetY }) : getBezierPath(ends);
  return (
    <>
      <BaseEdge id={id} path={path} markerEnd={markerEnd} className={data.selected ? "ty-edge-selected" : ""} interactionWidth={22} />
      {data.selected && (
        <EdgeLabelRenderer>
          <button type="button" class="ty-edge-cut nodrag nopan" style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }} aria-label={t("Disconnect {one} and {other}", { one: source, other: target })} title={t("Disconnect")} onClick={data.remove}>
            <Icon name="cross" size={14} />
          </button>
        </EdgeLabelRenderer>
      )}
    </>
  );
}

