// What "format" asks: containers, labels, the parts, order and size; behind a fold what few people need; below, what will come out.
import { useState } from "preact/hooks";
import { Dialog } from "./dialog.jsx";
import { CheckField, Form, SelectField, SliderField, TextField } from "./form.jsx";
import { bytes, number, percent } from "./format.js";
import { Icon } from "./icons.jsx";
import { Note } from "./states.jsx";
import { N_, t } from "./words.js";
import { bytesOfPicture, FORMATS, formatName, isGuessed, READERS } from "./dataset/formats.js";
import { Advanced, DEFAULTS } from "./dataset/format_advanced.jsx";

const PICTURES_ONLY = "none";

export function FormatDialog({ view, send, onClose, onBegun }) {
  const { dataset, groups } = view;
  const charts = view.statistics?.charts ?? [];
  const [form, setForm] = useState({ formats: ["recordio"], val: 20, test: 0, label_set: charts[0]?.key ?? PICTURES_ONLY, shuffle: true, stratified: false, seed: "0", resizing: "none", edge: "256", width: "224", height: "224", group: groups[0] ?? "", ...DEFAULTS });
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const chart = charts.find((one) => one.key === form.label_set);
  const refused = view.refused_formats[form.label_set] ?? {};
  const formats = form.formats.filter((name) => !refused[name]);
  const submit = async () => {
    if (!formats.length) throw { field: "formats", message: t("Choose at least one format."), hint: "" };
    await send("format", { form: asRecord(form, formats, charts) });
    onBegun();
  };
  return (
    <Dialog title={t("Format {name}", { name: dataset.name })} wide onClose={onClose}>
      <Form onSubmit={submit} submit={t("Format")} cancel={onClose} disabled={!formats.length}>
        {charts.length > 0 ? <SelectField name="label_set" label={t("Labels to train on")} value={form.label_set} onChange={(label_set) => set({ label_set })} options={[...charts.map((one) => ({ value: one.key, label: `${one.name} · ${t(one.type)} · ${t("{count} classes", { count: number(one.bars.length) })}` })), { value: PICTURES_ONLY, label: t("none: pictures without their labels") }]} /> : <Note kind="warn">{t("The list has no labels; the sets will hold pictures only.")}</Note>}
        <FormatChoice chosen={formats} refused={refused} onChange={(next) => set({ formats: next })} />
        <Parts form={form} set={set} images={dataset.images} />
        <div class="ty-pair-grid">
          <div class="ty-stack-small">
            <CheckField name="shuffle" label={t("Shuffle before splitting")} hint={t("The same seed gives the same order, always.")} value={form.shuffle} onChange={(shuffle) => set({ shuffle })} />
            {form.shuffle && <TextField name="seed" label={t("Seed")} type="number" min="0" max="4294967295" value={form.seed} onChange={(seed) => set({ seed })} />}
            {chart && <CheckField name="stratified" label={t("Split class by class")} hint={t("Each class has the same ratios, also a rare one.")} value={form.stratified} onChange={(stratified) => set({ stratified })} />}
          </div>
          <Size form={form} set={set} />
        </div>
        <Advanced form={form} set={set} videos={view.statistics?.totals.videos ?? 0} classes={Boolean(chart)} lmdb={formats.includes("lmdb")} />
        {groups.length === 0 && <p class="ty-muted">{t("You are in no group: the share for people without one pays.")}</p>}
        {groups.length > 0 && <SelectField name="group" label={t("Charged to")} value={form.group} onChange={(group) => set({ group })} options={groups.map((name) => ({ value: name, label: name }))} hint={t("Its quota pays for the job and for the bytes of the sets.")} />}
        <Outcome form={form} formats={formats} images={dataset.images} known={view.examination?.average} />
      </Form>
    </Dialog>
  );
}

function asRecord(form, formats, charts) {
  const resize = { none: "", edge: form.edge, exact: `${form.width}x${form.height}` }[form.resizing];
  const { colour, full_decode, lmdb_values } = form;
  const numbers = { seed: Number(form.seed) || 0, quality: form.quality, min_per_class: Number(form.min_per_class) || 0, max_per_class: Number(form.max_per_class) || 0, frames_per_second: Number(form.frames_per_second) || 0, shards: Number(form.shards) || 0, bad_limit: Number(form.bad_limit) / 100 };
  return {
    formats, label_set: charts.length ? form.label_set : "", train: (100 - form.val - form.test) / 100, val: form.val / 100, test: form.test / 100,
    shuffle: form.shuffle, stratified: form.stratified && form.label_set !== PICTURES_ONLY, resize, colour, full_decode, lmdb_values, ...numbers, group: form.group || null,
  };
}

function FormatChoice({ chosen, refused, onChange }) {
  const toggle = (name) => onChange(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  return (
    <fieldset class="ty-choices ty-format-choice">
      <legend>{t("Formats")}</legend>
      {Object.keys(FORMATS).map((name) => (
        <label key={name} class={`ty-choice${chosen.includes(name) ? " ty-chosen" : ""}${refused[name] ? " ty-disabled" : ""}`}>
          <input type="checkbox" name={name === "recordio" ? "formats" : name} checked={chosen.includes(name)} disabled={Boolean(refused[name])} onChange={() => toggle(name)} />
          <span><strong>{formatName(name)}</strong><span class="ty-field-hint">{refused[name] || t(READERS[name])}</span></span>
        </label>
      ))}
    </fieldset>
  );
}

function Parts({ form, set, images }) {
  const train = 100 - form.val - form.test;
  const counts = { train: Math.round((images * train) / 100), val: Math.round((images * form.val) / 100), test: Math.round((images * form.test) / 100) };
  const bar = [["train", "T", train], ["val", "V", form.val], ["test", "E", form.test]].filter(([, , part]) => part > 0);
  return (
    <div class="ty-stack-small">
      <div class="ty-pair-grid">
        <SliderField name="val" label={t("Validation part")} min={0} max={100 - form.test} step={1} value={form.val} onChange={(val) => set({ val })} show={(value) => percent(value / 100)} hint={t("{count} pictures to check with", { count: number(counts.val) })} />
        <SliderField name="test" label={t("Test part")} min={0} max={100 - form.val} step={1} value={form.test} onChange={(test) => set({ test })} show={(value) => percent(value / 100)} hint={t("{count} pictures kept for the end", { count: number(counts.test) })} />
      </div>
      <div class="ty-split-bar" role="img" aria-label={t("{train} pictures to train on, {val} to check with, {test} to test with", { train: number(counts.train), val: number(counts.val), test: number(counts.test) })}>
        {bar.map(([id, letter, part]) => <span key={id} class={`ty-letter-${id}`} style={{ flexGrow: part }}><span>{letter} {percent(part / 100)}</span><span>· {number(counts[id])}</span></span>)}
      </div>
    </div>
  );
}

function Size({ form, set }) {
  return (
    <div class="ty-stack-small">
      <SelectField name="resize" label={t("Size of the pictures")} value={form.resizing} onChange={(resizing) => set({ resizing })} options={[{ value: "none", label: t("as they are") }, { value: "edge", label: t("shorter edge …") }, { value: "exact", label: t("exactly …") }]} hint={form.resizing === "none" ? t("Pictures that need no change are copied as they are.") : ""} />
      {form.resizing === "edge" && <TextField name="edge" label={t("Shorter edge in pixels")} type="number" min="1" max="9999" value={form.edge} onChange={(edge) => set({ edge })} />}
      {form.resizing === "exact" && <div class="ty-row ty-nowrap"><TextField name="width" label={t("Width in pixels")} type="number" min="1" max="9999" value={form.width} onChange={(width) => set({ width })} /><TextField name="height" label={t("Height in pixels")} type="number" min="1" max="9999" value={form.height} onChange={(height) => set({ height })} /></div>}
    </div>
  );
}

function Outcome({ form, formats, images, known }) {
  const parts = 1 + (form.val > 0) + (form.test > 0) - (form.val + form.test >= 100);
  const each = formats.map((name) => bytesOfPicture(form, name, known));
  const total = each.length && each.every((one) => one !== null) ? each.reduce((sum, one) => sum + one, 0) * images : null;
  return (
    <div class="ty-outcome" aria-live="polite">
      <Icon name="box" size={20} />
      <span>
        <strong>{t("{formats} × {parts} = {sets}", { formats: t("{count} formats", { count: formats.length }), parts: t("{count} parts", { count: parts }), sets: t("{count} sets", { count: formats.length * parts }) })}</strong>
        <span class="ty-muted"> · {total ? t(formats.some((name) => isGuessed(form, name)) ? N_("about {size} in all, guessed as for photographs") : N_("about {size} in all, by the size of the pictures"), { size: bytes(total) }) : t("their size is known when the pictures were examined")}</span>
        <span class="ty-muted ty-small ty-block">{t("Every format holds identical pictures in identical order.")}</span>
      </span>
    </div>
  );
}
