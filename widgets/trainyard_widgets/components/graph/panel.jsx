// The right side: the selected node's name, connections, settings and problems; for the output, what comes out.
import { useId, useState } from "preact/hooks";
import { IconButton } from "../button.jsx";
import { bytes, duration, number } from "../format.js";
import { Icon } from "../icons.jsx";
import { t } from "../words.js";
import { AugmentPanel } from "./augment_panel.jsx";
import { FilterPanel } from "./filter_panel.jsx";
import { after, before, nodeOf, TYPES, whyNotConnect, whyNotName } from "./model.js";
import { NodeSign } from "./signs.jsx";

export function Panel({ editor, view, live, start }) {
  const node = nodeOf(editor.graph, editor.selected);
  if (!node) return <p class="ty-muted">{t("Select a node to see and change what it does.")}</p>;
  const problems = live.problems.filter((problem) => problem.node === node.id);
  return (
    <div class="ty-panel" key={node.type}>
      <PanelHead node={node} editor={editor} />
      {problems.map((problem) => <p key={problem.code + problem.field} class="ty-panel-problem" role="status"><Icon name="warning" size={16} /><span><strong>{problem.message}</strong> {problem.hint}</span></p>)}
      {node.type === "input" && <InputPanel view={view} start={start} />}
      {node.type === "filter" && <FilterPanel node={node} view={view} editor={editor} />}
      {node.type === "augment" && <AugmentPanel node={node} view={view} editor={editor} live={live} />}
      {node.type === "output" && <OutputPanel view={view} live={live} count={live.counts[node.id]} />}
      <Connections node={node} editor={editor} />
    </div>
  );
}

function PanelHead({ node, editor }) {
  const [typed, setTyped] = useState(null);
  const id = useId();
  const problem = typed === null ? "" : whyNotName(editor.graph, node.id, typed.trim());
  const commit = () => {
    if (typed !== null && !problem && typed.trim() !== node.id) editor.rename(node.id, typed.trim());
    setTyped(null);
  };
  return (
    <div class="ty-panel-head">
      <span class={`ty-node-sign ty-sign-${node.type}`} title={t(TYPES[node.type])}><NodeSign type={node.type} /></span>
      <span class={`ty-panel-name${problem ? " ty-invalid" : ""}`}>
        <label class="ty-visually-hidden" for={id}>{t("Name of the node")}</label>
        <input id={id} name="node_name" class="ty-input" value={typed ?? node.id} maxLength={64} onInput={(event) => setTyped(event.target.value)} onBlur={commit} onKeyDown={(event) => event.key === "Enter" && commit()} aria-invalid={problem ? "true" : undefined} />
        {problem && <span class="ty-field-error">{problem}</span>}
      </span>
      {node.type !== "input" && <IconButton icon="trash" label={t("Delete {name}", { name: node.id })} onClick={editor.remove} />}
    </div>
  );
}

function InputPanel({ view, start }) {
  const { dataset } = view;
  return (
    <div class="ty-panel-part">
      <p>{t("All {count} pictures of {name} begin here. The dataset itself is never changed.", { count: number(dataset.images), name: dataset.name })}</p>
      {start || <p class="ty-muted">{t("Add a filter behind it to treat some classes in their own way: one branch for each treatment, all of them ending in the output.")}</p>}
    </div>
  );
}

function OutputPanel({ view, live, count }) {
  const { estimate } = live;
  return (
    <div class="ty-panel-part">
      <p>{t("What arrives here becomes a new dataset. A picture that arrives on several ways counts once.")}</p>
      {estimate && (
        <dl class={`ty-facts${live.fresh ? "" : " ty-stale"}`}>
          <div><dt>{t("Pictures")}</dt><dd class="ty-numbers"><strong>{number(estimate.pictures)}</strong> <span class="ty-muted ty-small">{t("of them {count} new", { count: number(estimate.new) })}</span></dd></div>
          <div><dt>{t("New bytes, about")}</dt><dd class="ty-numbers">{bytes(estimate.bytes)}</dd></div>
          <div><dt>{t("Time, about")}</dt><dd class="ty-numbers">{duration(Math.max(1, estimate.seconds))}</dd></div>
        </dl>
      )}
      {count && view.label_sets.map((set) => <Compared key={set.key} set={set} out={count.classes?.[set.key] ?? {}} />)}
    </div>
  );
}

const SHOWN = 12;

// Before and after as two bars a class, the most changed first.
function Compared({ set, out }) {
  const rows = set.classes.map(([name, images]) => ({ name, images, out: out[name] ?? 0 }));
  const shown = rows.length > SHOWN ? [...rows].sort((one, other) => Math.abs(other.out - other.images) - Math.abs(one.out - one.images)).slice(0, SHOWN) : rows;
  const longest = Math.max(1, ...shown.flatMap((row) => [row.images, row.out]));
  return (
    <section>
      <h3 class="ty-small">{t("{name}: before and after", { name: set.name })}</h3>
      <ul class="ty-compared">
        {shown.map((row) => (
          <li key={row.name}>
            <span class="ty-ellipsis" title={row.name}>{row.name}</span>
            <span class="ty-compared-bars" aria-hidden="true"><i style={{ width: `${(row.images / longest) * 100}%` }} /><b style={{ width: `${(row.out / longest) * 100}%` }} /></span>
            <span class="ty-numbers ty-small">{number(row.images)} → <strong>{number(row.out)}</strong></span>
          </li>
        ))}
      </ul>
      {rows.length > shown.length && <p class="ty-small ty-muted">{t("The {count} classes that change most; the labels at the left show all.", { count: SHOWN })}</p>}
    </section>
  );
}

function Connections({ node, editor }) {
  const { graph } = editor;
  const targets = graph.nodes.map((one) => one.id).filter((id) => !whyNotConnect(graph, node.id, id));
  const chip = (id, cut, label) => (
    <span key={id} class="ty-chip"><button type="button" class="ty-chip-go" onClick={() => editor.select(id)}>{id}</button><button type="button" class="ty-chip-cut" aria-label={label} title={label} onClick={cut}><Icon name="cross" size={12} /></button></span>
  );
  return (
    <fieldset class="ty-group ty-connections">
      <legend>{t("Connections")}</legend>
      {node.type !== "input" && <div><span class="ty-muted ty-small">{t("comes from")}</span>{before(graph, node.id).map((id) => chip(id, () => editor.disconnect(id, node.id), t("Disconnect {one} and {other}", { one: id, other: node.id })))}{!before(graph, node.id).length && <span class="ty-warn ty-small">{t("nothing leads here")}</span>}</div>}
      {node.type !== "output" && (
        <div>
          <span class="ty-muted ty-small">{t("leads to")}</span>
          {after(graph, node.id).map((id) => chip(id, () => editor.disconnect(node.id, id), t("Disconnect {one} and {other}", { one: node.id, other: id })))}
          {targets.length > 0 && (
            <select class="ty-input ty-connect" aria-label={t("Connect with")} value="" onChange={(event) => event.target.value && editor.connect(node.id, event.target.value)}>
              <option value="">{t("Connect with …")}</option>
              {targets.map((id) => <option key={id} value={id}>{id}</option>)}
            </select>
          )}
        </div>
      )}
    </fieldset>
  );
}
