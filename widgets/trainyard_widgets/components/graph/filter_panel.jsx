// What a filter lets through: ticked classes of one label set, and pictures without a label.
import { useMemo } from "preact/hooks";
import { Button } from "../button.jsx";
import { CheckField } from "../form.jsx";
import { number } from "../format.js";
import { t } from "../words.js";
import { ClassList } from "./class_list.jsx";
import { SetField } from "./labels.jsx";

export function FilterPanel({ node, view, editor }) {
  const set = view.label_sets.find((one) => one.key === node.label_set);
  const ticked = useMemo(() => new Set(node.classes), [node.classes]);
  const rows = useMemo(() => {
    const known = (set?.classes ?? []).map(([name, images]) => ({ name, images }));
    const names = new Set(known.map((row) => row.name));
    return [...node.classes.filter((name) => !names.has(name)).map((name) => ({ name, images: null })), ...known];
  }, [set, set ? null : node.classes]);
  const tick = (classes, what) => editor.set(node.id, { classes }, what);
  const toggle = (name, on) => tick(on ? [...node.classes, name] : node.classes.filter((one) => one !== name), on ? t("Tick {name}", { name }) : t("Untick {name}", { name }));
  const all = (found) => tick([...new Set([...node.classes, ...found.map((row) => row.name)])], t("Tick all"));
  const none = (found) => {
    const gone = new Set(found.map((row) => row.name));
    tick(node.classes.filter((name) => !gone.has(name)), t("Untick all"));
  };
  const invert = (found) => {
    const seen = new Set(found.map((row) => row.name));
    tick([...node.classes.filter((name) => !seen.has(name)), ...found.filter((row) => !ticked.has(row.name)).map((row) => row.name)], t("Invert"));
  };
  return (
    <div class="ty-panel-part">
      <p class="ty-muted">{t("Pictures with a ticked class go on, all others stay behind.")}</p>
      <SetField sets={view.label_sets} value={node.label_set} onChange={(key) => editor.set(node.id, { label_set: key, classes: [] }, t("Choose the label set"))} />
      {rows.length > 0 && (
        <ClassList rows={rows} label={t("Classes to let through")} empty={t("No classes.")} tools={(found) => (
          <div class="ty-row ty-class-tools">
            <span class="ty-small ty-muted ty-numbers">{t("{count} of {total} ticked", { count: number(node.classes.length), total: number(rows.length) })}</span>
            <Button small kind="quiet" onClick={() => all(found)}>{t("All")}</Button>
            <Button small kind="quiet" onClick={() => none(found)}>{t("None")}</Button>
            <Button small kind="quiet" onClick={() => invert(found)}>{t("Invert")}</Button>
          </div>
        )}>
          {(row) => (
            <label class="ty-class-tick">
              <input type="checkbox" class="ty-pick" checked={ticked.has(row.name)} onChange={(event) => toggle(row.name, event.target.checked)} />
              <span class="ty-ellipsis" title={row.name}>{row.name}</span>
              <span class={`ty-numbers ${row.images === null ? "ty-warn" : "ty-muted"}`}>{row.images === null ? t("not there") : number(row.images)}</span>
            </label>
          )}
        </ClassList>
      )}
      <CheckField name="unlabelled" label={t("Pictures without a label too ({count})", { count: number(view.unlabelled) })} value={node.unlabelled} onChange={(unlabelled) => editor.set(node.id, { unlabelled }, unlabelled ? t("Let pictures without a label through") : t("Keep pictures without a label back"))} />
    </div>
  );
}
