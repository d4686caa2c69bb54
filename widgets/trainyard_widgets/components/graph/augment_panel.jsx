// How many pictures a random process makes of each class, and by which operations.
import { useMemo } from "preact/hooks";
import { CheckField } from "../form.jsx";
import { number } from "../format.js";
import { IconButton } from "../button.jsx";
import { t } from "../words.js";
import { ClassList } from "./class_list.jsx";
import { SetField } from "./labels.jsx";
import { before, MOST_MULTIPLE } from "./model.js";
import { NumberInput } from "./number_input.jsx";
import { Operations } from "./operations.jsx";
import { multipleWords } from "./summary.js";

export function AugmentPanel({ node, view, editor, live }) {
  return (
    <div class="ty-panel-part">
      <Multiples node={node} view={view} editor={editor} live={live} />
      <Operations node={node} view={view} editor={editor} live={live} />
    </div>
  );
}

function Multiples({ node, view, editor, live }) {
  const set = view.label_sets.find((one) => one.key === node.label_set);
  const rows = useArriving(node, set, editor.graph, live);
  const out = live.counts[node.id]?.classes?.[node.label_set] ?? {};
  const own = (name, value) => {
    const { [name]: _, ...others } = node.multiples;
    editor.set(node.id, { multiples: value === null ? others : { ...others, [name]: value } }, t("Multiple of {name}", { name }), `multiple/${name}`);
  };
  return (
    <fieldset class="ty-group">
      <legend>{t("How many pictures")}</legend>
      <div class="ty-multiple">
        <NumberInput name="multiple" label={t("Expected multiple")} value={node.multiple} min={0} max={MOST_MULTIPLE} step={0.5} onChange={(multiple) => editor.set(node.id, { multiple }, t("Expected multiple"), "multiple")} />
        <p class="ty-small ty-muted" aria-live="polite">{multipleWords(node.multiple, node.keep_originals)}</p>
      </div>
      <CheckField name="keep_originals" label={t("Keep the originals")} value={node.keep_originals} onChange={(keep_originals) => editor.set(node.id, { keep_originals }, keep_originals ? t("Keep the originals") : t("Leave the originals out"))} />
      {view.label_sets.length > 0 && (
        <details class="ty-own" open={Object.keys(node.multiples).length > 0 || rows.length <= 6}>
          <summary>{t("Multiples of single classes")}{Object.keys(node.multiples).length > 0 && <span class="ty-count">{Object.keys(node.multiples).length}</span>}</summary>
          <SetField sets={view.label_sets} value={node.label_set} onChange={(key) => editor.set(node.id, { label_set: key, multiples: {} }, t("Choose the label set"))} />
          <ClassList rows={rows} label={t("Multiples of single classes")} most={7} empty={t("No classes arrive here.")}>
            {(row) => (
              <span class="ty-class-multiple">
                <span class="ty-ellipsis" title={row.name}>{row.name}</span>
                <NumberInput bare label={t("Multiple of {name}", { name: row.name })} value={node.multiples[row.name] ?? null} placeholder={number(node.multiple, 2)} min={0} max={MOST_MULTIPLE} step={0.5} onChange={(value) => own(row.name, value)} />
                <span class="ty-numbers ty-muted ty-arrives">{number(row.images)} → <strong>{number(out[row.name] ?? 0)}</strong></span>
                {row.name in node.multiples ? <IconButton icon="cross" label={t("The common multiple for {name}", { name: row.name })} onClick={() => own(row.name, null)} /> : <span />}
              </span>
            )}
          </ClassList>
          <p class="ty-small ty-muted">{t("A picture with several classes takes the largest of their multiples.")}</p>
        </details>
      )}
    </fieldset>
  );
}

// The classes of what leads into the node, with their counts as far as they are known; what was set by hand stays in sight.
function useArriving(node, set, graph, live) {
  const sources = before(graph, node.id).map((id) => live.counts[id]);
  return useMemo(() => {
    const classes = set?.classes ?? [];
    if (!sources.length || sources.some((one) => !one)) return classes.map(([name, images]) => ({ name, images }));
    const arriving = (name) => Math.max(...sources.map((one) => one.classes?.[set.key]?.[name] ?? 0));
    const sums = classes.map(([name]) => ({ name, images: arriving(name) }));
    return sums.filter((row) => row.images > 0 || row.name in node.multiples);
  }, [set, live.counts, graph.edges, node.id, node.multiples]);
}
