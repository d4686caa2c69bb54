// A new dataset in three steps: what one has, where it lies, what it is called and who pays. The address keeps the step, so that
// the browser's back button leads one step back and what was filled in and uploaded stays.
import { useLayoutEffect, useState } from "preact/hooks";
import { Dialog, focusFirst } from "../dialog.jsx";
import { Form, SelectField, TextArea, TextField } from "../form.jsx";
import { Icon } from "../icons.jsx";
import { Note } from "../states.jsx";
import { N_, t } from "../words.js";
import { describePlace, emptySource, nameOf, slotsOf, sourceOf, whatIsMissing } from "./source.js";
import { SourceFields } from "./source_fields.jsx";

export const KINDS = [
  { value: "list", icon: "file", label: N_("A list with labels"), hint: N_("One line of JSON a picture, in the old or the new schema, or a ModelArts manifest. Pictures by address, or in an archive beside it.") },
  { value: "archive", icon: "box", label: N_("An archive of pictures"), hint: N_("zip or tar: a folder for each class, Pascal VOC, COCO, YOLO, CIFAR-10, or pictures alone. What it is is found out.") },
  { value: "prefix", icon: "image", label: N_("Pictures without labels"), hint: N_("Everything below a folder of your bucket or of a group's share. The list is written for you.") },
  { value: "formatted", icon: "chart", label: N_("A set that is formatted already"), hint: N_("RecordIO or LMDB from elsewhere. It can be trained on as it is, looked at, and formatted anew.") },
];
const OWN_FIELDS = ["name", "description", "group"];
const STEPS = ["what", "where", "name"];
const TITLES = { what: N_("What do you have?"), where: N_("Where does it lie?"), name: N_("Name and group") };

export function NewDatasetDialog({ groups, storage, step, goTo, send, onClose, onMade }) {
  const [form, setForm] = useState({ name: "", description: "", kind: "list", pays: groups[0] ?? "", ...emptySource(groups) });
  const [typed, setTyped] = useState(false);
  const at = STEPS.includes(step) ? step : "what";
  useLayoutEffect(() => focusFirst(document.querySelector("dialog[open]")), [at]);
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const place = (change) => setForm((old) => {
    const next = { ...old, ...(typeof change === "function" ? change(old) : change) }; // uploads end whenever they do
    return typed ? next : { ...next, name: nameOf(next) || old.name };
  });
  const choose = (kind) => place({ kind, where: kind === "prefix" && form.where === "computer" ? (storage || !groups.length ? "bucket" : "share") : form.where });
  const check = (upTo) => {
    const missing = upTo === "what" ? null : whatIsMissing(form);
    if (missing) {
      if (at !== "where") goTo("where");
      throw missing;
    }
  };
  const submit = async () => {
    if (at === "what") return goTo("where");
    check("where");
    if (at === "where") return goTo("name");
    try {
      return onMade(await send("create", { form: { name: form.name, description: form.description, source: sourceOf(form), group: (form.where === "share" ? form.group : form.pays) || null } }));
    } catch (error) {
      if (!error?.field || OWN_FIELDS.includes(error.field)) throw error;
      goTo("where");
      const slots = slotsOf(form).map((slot) => slot.id);
      const named = error.field.split(".").reverse().find((part) => [...slots, "layout", "label_set"].includes(part));
      throw { ...error, field: named ?? slots[0] };
    }
  };
  return (
    <Dialog title={t("New dataset")} wide onClose={onClose}>
      <Steps at={at} goTo={(wanted) => (wanted === "name" && whatIsMissing(form) ? goTo("where") : goTo(wanted))} form={form} />
      <Form key="form" onSubmit={submit} submit={at === "name" ? t("Create dataset") : t("Next step")} cancel={at === "what" ? onClose : undefined} back={at === "what" ? undefined : () => goTo(STEPS[STEPS.indexOf(at) - 1])}>
        <div hidden={at !== "what"}><KindChoice value={form.kind} onChange={choose} /></div>
        <div hidden={at !== "where"} class="ty-form"><SourceFields key={`${form.kind}-${form.pays}`} form={form} set={place} groups={groups} storage={storage} send={send} shown={at === "where"} /></div>
        <div hidden={at !== "name"} class="ty-form">
          <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => (setTyped(name !== ""), set({ name }))} maxLength={63} hint={t("1 to 63 characters of any script.")} />
          <TextArea name="description" label={t("Description")} optional value={form.description} onChange={(description) => set({ description })} maxLength={500} rows={3} hint={t("{count} of 500 characters", { count: form.description.length })} />
          <Payer form={form} groups={groups} onChange={(pays) => set({ pays })} />
          <Note><strong>{t(KINDS.find((kind) => kind.value === form.kind).label)}</strong> · {describePlace(form, storage)}</Note>
        </div>
      </Form>
    </Dialog>
  );
}

function Steps({ at, goTo, form }) {
  const now = STEPS.indexOf(at);
  const said = { what: t(KINDS.find((kind) => kind.value === form.kind).label), where: nameOf(form), name: "" };
  return (
    <ol class="ty-steps ty-steps-small">
      {STEPS.map((id, place) => (
        <li key={id} class={place === now ? "ty-now" : place < now ? "ty-past" : ""}>
          <button type="button" aria-current={place === now ? "step" : undefined} onClick={() => goTo(id)}>
            <span class="ty-step-number">{place < now ? <Icon name="check" size={16} /> : place + 1}</span>
            <span><strong>{t(TITLES[id])}</strong>{place < now && said[id] && <span class="ty-step-said ty-muted ty-small">{said[id]}</span>}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function KindChoice({ value, onChange }) {
  return (
    <fieldset class="ty-choices ty-kinds">
      <legend class="ty-visually-hidden">{t("What do you have?")}</legend>
      {KINDS.map((kind) => (
        <label key={kind.value} class={`ty-choice ty-kind${kind.value === value ? " ty-chosen" : ""}`}>
          <input type="radio" name="kind" value={kind.value} checked={kind.value === value} onChange={() => onChange(kind.value)} />
          <span class="ty-kind-icon"><Icon name={kind.icon} size={24} /></span>
          <span><strong>{t(kind.label)}</strong><span class="ty-field-hint">{t(kind.hint)}</span></span>
        </label>
      ))}
    </fieldset>
  );
}

function Payer({ form, groups, onChange }) {
  if (form.where === "share") return <p class="ty-muted ty-small">{t("Charged to {group}, whose share it lies on.", { group: form.group })}</p>;
  if (!groups.length) return <p class="ty-muted ty-small">{t("You are in no group: the share for people without one pays.")}</p>;
  return <SelectField name="group" label={t("Charged to")} value={form.pays} onChange={onChange} options={groups.map((name) => ({ value: name, label: name }))} hint={t("Its quota pays for reading the list and for the bytes.")} />;
}
