// The dataset's labels with their counts, and beside each how many pictures with it leave the selected node.
import { useMemo } from "preact/hooks";
import { SelectField } from "../form.jsx";
import { number } from "../format.js";
import { t } from "../words.js";
import { ClassList } from "./class_list.jsx";

export const labelSetWords = (set) => `${set.name} · ${t(set.type)}`;

export function SetField({ sets, value, onChange, label }) {
  if (sets.length < 2 && (!value || sets[0]?.key === value)) return null;
  const options = sets.map((set) => ({ value: set.key, label: labelSetWords(set) }));
  if (value && !sets.some((set) => set.key === value)) options.unshift({ value, label: `${value} (${t("not in this dataset")})` });
  return <SelectField name="label_set" label={label ?? t("Label set")} value={value} onChange={onChange} options={options} />;
}

export function Labels({ view, chosen, onChoose, count, node }) {
  const set = view.label_sets.find((one) => one.key === chosen) ?? view.label_sets[0];
  const out = count?.classes?.[set?.key] ?? {};
  const rows = useMemo(() => (set ? set.classes.map(([name, images]) => ({ name, images })) : []), [set]);
  const longest = useMemo(() => Math.max(1, ...rows.slice(0, 1000).map((row) => row.images)), [rows]);
  if (!set) return <p class="ty-muted">{t("This dataset has no labels. Filters can let its pictures through as “without a label”; everything else works as ever.")}</p>;
  return (
    <>
      <SetField sets={view.label_sets} value={set.key} onChange={onChoose} />
      <div class="ty-class-head ty-small ty-muted"><span>{t("Class")}</span><span>{t("Dataset")}</span>{count && <span class="ty-ellipsis" title={node}>{node}</span>}</div>
      <ClassList rows={rows} label={t("Classes of {name}", { name: set.name })} most={14} empty={t("No classes.")}>
        {(row) => (
          <span class="ty-class-counts">
            <span class="ty-class-bar" style={{ width: `${(row.images / longest) * 100}%` }} />
            <span class="ty-ellipsis" title={row.name}>{row.name}</span>
            <span class="ty-numbers ty-muted">{number(row.images)}</span>
            {count && <strong class={`ty-numbers${(out[row.name] ?? 0) > row.images ? " ty-good" : (out[row.name] ?? 0) < row.images ? " ty-less" : ""}`}>{number(out[row.name] ?? 0)}</strong>}
          </span>
        )}
      </ClassList>
      {view.unlabelled > 0 && <p class="ty-class-counts ty-small ty-class-rest"><span class="ty-muted">{t("without a label")}</span><span class="ty-numbers ty-muted">{number(view.unlabelled)}</span>{count && <strong class="ty-numbers">{number(count.unlabelled)}</strong>}</p>}
    </>
  );
}
