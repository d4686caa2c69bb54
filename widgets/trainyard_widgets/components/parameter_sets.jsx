// Parameters kept under a name: taken into a form, kept from it, exported and imported as JSON.
import { useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { confirm, Dialog } from "./dialog.jsx";
import { Form, SelectField, TextArea, TextField } from "./form.jsx";
import { usePage, useTrait } from "./page.jsx";
import { adoptSearchStyle } from "./search/style.js";
import { api } from "./service.js";
import { EmptyState } from "./states.jsx";
import { toast } from "./toast.jsx";
import { t } from "./words.js";

adoptSearchStyle();

// ``value`` is the form's parameters as JSON text; ``onLoad`` gets other ones. ``groups`` are names.
export function ParameterSets({ value, onLoad, groups }) {
  const { send } = usePage();
  const [open, setOpen] = useState("");
  const [kept, setKept] = useState(null);
  const choose = async () => {
    setKept(await send("parameter_sets"));
    setOpen((already) => already || "load"); // who began to keep these meanwhile is not interrupted
  };
  const load = (one) => {
    onLoad(one.text);
    setOpen("");
    toast(t("Taken: {name}.", { name: one.name }));
  };
  return (
    <div class="ty-row">
      <Button small icon="box" onClick={choose}>{t("Take kept parameters")}</Button>
      <Button small icon="plus" onClick={() => setOpen("save")}>{t("Keep these")}</Button>
      {open === "load" && <LoadDialog kept={kept} onLoad={load} onChange={setKept} onClose={() => setOpen("")} />}
      {open === "save" && <SaveDialog value={value} groups={groups} onClose={() => setOpen("")} />}
    </div>
  );
}

function readers(one) {
  if (one.visibility === "public") return t("everybody");
  return one.visibility === "group" ? t("group {group}", { group: one.group }) : t("only you");
}

function LoadDialog({ kept, onLoad, onChange, onClose }) {
  const { send } = usePage();
  const again = async () => onChange(await send("parameter_sets"));
  const remove = (one) => confirm({ title: t("Delete {name}?", { name: one.name }), text: t("Trainings that were made with these parameters keep them."), button: t("Delete"), act: async () => (await send("delete_parameters", { identifier: one.id }), await again()) });
  const bring = async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    await send("import_parameters", { name: file.name.replace(/\.json$/i, ""), text: await file.text() });
    toast(t("Kept."));
    await again();
  };
  return (
    <Dialog title={t("Kept parameters")} wide onClose={onClose} footer={<><ImportButton onFile={bring} /><Button onClick={onClose}>{t("Close")}</Button></>}>
      {kept.length === 0 ? <EmptyState title={t("No parameters are kept")} text={t("Keep the ones of this form under a name, or import a file of JSON.")} /> : (
        <ul class="ty-kept">
          {kept.map((one) => (
            <li key={one.id}>
              <div><strong>{one.name}</strong> <span class="ty-muted ty-small">{readers(one)} · {one.owner.name}</span>{one.description && <div class="ty-small">{one.description}</div>}<div><code class="ty-small">{cut(one.text)}</code></div></div>
              <div class="ty-row ty-nowrap">
                <Button small kind="primary" onClick={() => onLoad(one)} aria-label={t("Take {name}", { name: one.name })}>{t("Take")}</Button>
                <a class="ty-button ty-button-small ty-button-plain" href={api(`/parameter-sets/${one.id}/file`)} download aria-label={t("Export {name}", { name: one.name })}>{t("Export")}</a>
                {one.may_change && <IconButton icon="trash" label={t("Delete {name}", { name: one.name })} onClick={() => remove(one)} />}
              </div>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}

const cut = (text) => (text.length > 120 ? `${text.slice(0, 119)}…` : text);

function ImportButton({ onFile }) {
  const [refusal, setRefusal] = useState("");
  const take = async (event) => {
    setRefusal("");
    try {
      await onFile(event);
    } catch (error) {
      setRefusal([error.message, error.hint].filter(Boolean).join(" "));
    }
    event.target.value = "";
  };
  return (
    <>
      {refusal && <div class="ty-field-error" role="alert">{refusal}</div>}
      <label class="ty-button ty-button-plain">{t("Import a file")}<input type="file" class="ty-visually-hidden" accept=".json,application/json" onChange={(event) => take(event)} /></label>
    </>
  );
}

function SaveDialog({ value, groups, onClose }) {
  const { send } = usePage();
  const person = useTrait("person");
  const [form, setForm] = useState({ name: "", description: "", visibility: "private", group: groups[0] ?? "" });
  const [taken, setTaken] = useState(false);
  const set = (change) => (setTaken(false), setForm((old) => ({ ...old, ...change })));
  const keep = async () => {
    try {
      await send("keep_parameters", { form: { ...form, group: form.visibility === "group" ? form.group : null }, text: value || "{}", replace: taken });
    } catch (error) {
      if (error.code === "parameter-set-exists") setTaken(true);
      throw error;
    }
    toast(t("Kept."));
    onClose();
  };
  const options = [["private", t("only you")], ...(groups.length ? [["group", t("a group")]] : []), ...(person?.administrator ? [["public", t("everybody")]] : [])];
  return (
    <Dialog title={t("Keep these parameters")} onClose={onClose}>
      <Form onSubmit={keep} submit={taken ? t("Replace the ones that are kept") : t("Keep")} cancel={onClose}>
        <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => set({ name })} maxLength={63} />
        <TextArea name="description" label={t("Description")} optional rows={2} maxLength={500} value={form.description} onChange={(description) => set({ description })} />
        <SelectField name="visibility" label={t("Who may use them")} value={form.visibility} onChange={(visibility) => set({ visibility })} options={options.map(([id, label]) => ({ value: id, label }))} />
        {form.visibility === "group" && <SelectField name="group" label={t("Group")} value={form.group} onChange={(group) => set({ group })} options={groups.map((name) => ({ value: name, label: name }))} />}
      </Form>
    </Dialog>
  );
}
