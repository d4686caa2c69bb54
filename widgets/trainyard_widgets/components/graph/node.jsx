// One node on the canvas: its kind as colour, sign and word, what it does, what leaves it, and what is wrong with it.
import { Handle, Position } from "@xyflow/react";
import { memo } from "preact/compat";
import { number } from "../format.js";
import { Icon } from "../icons.jsx";
import { t } from "../words.js";
import { NodeSign } from "./signs.jsx";

export const GraphNode = memo(function GraphNode({ data }) {
  const { node, summary, count, problem, state, fresh } = data;
  return (
    <div class={`ty-node ty-node-${node.type}${data.selected ? " ty-node-selected" : ""}${problem ? " ty-node-wrong" : ""}${state ? ` ty-node-${state}` : ""}`}>
      {node.type !== "input" && <Handle type="target" position={Position.Top} isConnectableStart={false} />}
      <span class="ty-node-sign"><NodeSign type={node.type} /></span>
      <span class="ty-node-text">
        <span class="ty-node-name">{node.id}</span>
        {problem ? <span class="ty-node-what ty-node-problem"><Icon name="warning" size={13} /> {problem.message}</span> : <span class="ty-node-what">{summary}</span>}
      </span>
      <Count count={count} fresh={fresh} />
      {node.type !== "output" && <Handle type="source" position={Position.Bottom} isConnectableEnd={false} />}
    </div>
  );
});

function Count({ count, fresh }) {
  if (!count) return null;
  return <span class={`ty-node-count ty-numbers${fresh ? "" : " ty-stale"}`} title={t("pictures that leave this node")}>{number(count.pictures)}</span>;
}
