// What "format" asks: containers, the parts, order, size, quality, and who pays; the example below says what will come out.
import { useState } from "preact/hooks";
import { Dialog } from "./dialog.jsx";
import { CheckField, Form, SelectField, SliderField, TextField } from "./form.jsx";
import { number, percent } from "./format.js";
import { Note } from "./states.jsx";
import { t } from "./words.js";
import { FORMATS } from "./batches.jsx";

export function FormatDialog({ view, send, onClose, onBegun }) {
  const { dataset, groups } = view;
  const charts = view.statistics?.charts ?? [];
  const [form, setForm] = useState({ recordio: true, lmdb: false, val: 0.2, label_set: charts[0]?.key ?? "", shuffle: true, seed: "0", resizing: "none", edge: "256", width: "224", height: "224", quality: 95, group: groups[0] ?? "" });
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const validation = Math.round(dataset.images * form.val);
  const submit = async () => {
    const formats = Object.keys(FORMATS).filter((name) => form[name]);
    if (!formats.length) throw { field: "formats", message: t("Choose at least one format."), hint: "" };
    const resize = { none: "", edge: form.edge, exact: `${form.width}x${form.height}` }[form.resizing];
    const train = Math.round((1 - form.val) * 100) / 100;
    await send("format", { form: { formats, label_set: form.label_set, train, val: Math.round(form.val * 100) / 100, test: 0, shuffle: form.shuffle, seed: Number(form.seed) || 0, resize, quality: form.quality, group: form.group || null } });
    onBegun();
  };
  return (
    <Dialog title={t("Format {name}", { name: dataset.name })} wide onClose={onClose}>
      <Form onSubmit={submit} submit={t("Format")} cancel={onClose} disabled={!form.recordio && !form.lmdb}>
        <fieldset class="ty-choices ty-choices-row">
          <legend>{t("Formats")}</legend>
          <CheckField name="formats" label="RecordIO" hint={t("for MXNet")} value={form.recordio} onChange={(recordio) => set({ recordio })} />
          <CheckField name="lmdb" label="LMDB" hint={t("for Caffe, and by the lmdb package for anything else")} value={form.lmdb} onChange={(lmdb) => set({ lmdb })} />
        </fieldset>
        {charts.length > 0 ? <SelectField name="label_set" label={t("Labels to train on")} value={form.label_set} onChange={(label_set) => set({ label_set })} options={charts.map((chart) => ({ value: chart.key, label: `${chart.name} · ${t(chart.type)} · ${t("{count} classes", { count: number(chart.bars.length) })}` }))} /> : <Note kind="warn">{t("The list has no labels; the sets will hold pictures only.")}</Note>}
        <SliderField name="val" label={t("Validation part")} min={0} max={0.5} step={0.01} value={form.val} onChange={(val) => set({ val })} show={(value) => percent(value)} hint={t("{train} pictures to train on, {val} to check with", { train: number(dataset.images - validation), val: number(validation) })} />
        <div class="ty-split" aria-hidden="true"><span style={{ flexGrow: 1 - form.val }}>T {percent(1 - form.val)}</span>{form.val > 0 && <span style={{ flexGrow: form.val }}>V {percent(form.val)}</span>}</div>
        <div class="ty-pair-grid">
          <div>
            <CheckField name="shuffle" label={t("Shuffle before splitting")} hint={t("The same seed gives the same order, always.")} value={form.shuffle} onChange={(shuffle) => set({ shuffle })} />
            {form.shuffle && <TextField name="seed" label={t("Seed")} type="number" min="0" max="4294967295" value={form.seed} onChange={(seed) => set({ seed })} />}
          </div>
          <div>
            <SelectField name="resize" label={t("Size of the pictures")} value={form.resizing} onChange={(resizing) => set({ resizing })} options={[{ value: "none", label: t("as they are") }, { value: "edge", label: t("shorter edge …") }, { value: "exact", label: t("exactly …") }]} />
            {form.resizing === "edge" && <TextField name="edge" label={t("Shorter edge in pixels")} type="number" min="1" max="9999" value={form.edge} onChange={(edge) => set({ edge })} />}
            {form.resizing === "exact" && <div class="ty-row ty-nowrap"><TextField name="width" label={t("Width in pixels")} type="number" min="1" max="9999" value={form.width} onChange={(width) => set({ width })} /><TextField name="height" label={t("Height in pixels")} type="number" min="1" max="9999" value={form.height} onChange={(height) => set({ height })} /></div>}
          </div>
        </div>
        <div class="ty-pair-grid">
          <SliderField name="quality" label={t("JPEG quality")} min={50} max={100} step={1} value={form.quality} onChange={(quality) => set({ quality })} hint={t("Pictures that need no change are copied as they are.")} />
          {groups.length === 0 && <p class="ty-muted">{t("You are in no group: the share for people without one pays.")}</p>}
          {groups.length > 0 && <SelectField name="group" label={t("Charged to")} value={form.group} onChange={(group) => set({ group })} options={groups.map((name) => ({ value: name, label: name }))} hint={t("Its quota pays for the job and for the bytes of the sets.")} />}
        </div>
      </Form>
    </Dialog>
  );
}
