// The forms of a dataset that is there: its words, a copy, its shares, its end.
import { useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { confirm, Dialog } from "./dialog.jsx";
import { Form, SelectField, TextArea, TextField } from "./form.jsx";
import { Note } from "./states.jsx";
import { Time } from "./time.jsx";
import { toast } from "./toast.jsx";
import { t } from "./words.js";

export function deleteDataset(dataset, act) {
  confirm({ title: t("Delete {name}?", { name: dataset.name }), text: t("The list, its statistics and its pictures here are deleted for good. Files in your bucket and on the share stay."), button: t("Delete"), act });
}

export function DescribeDialog({ dataset, onSave, onClose }) {
  const [form, setForm] = useState({ name: dataset.name, description: dataset.description });
  const save = async () => {
    await onSave(form);
    toast(t("Saved."));
    onClose();
  };
  return (
    <Dialog title={t("Rename and describe")} onClose={onClose}>
      <Form onSubmit={save} submit={t("Save")} cancel={onClose}>
        <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => setForm({ ...form, name })} maxLength={63} />
        <TextArea name="description" label={t("Description")} optional value={form.description} onChange={(description) => setForm({ ...form, description })} maxLength={500} rows={4} hint={t("{count} of 500 characters", { count: form.description.length })} />
      </Form>
    </Dialog>
  );
}

export function CopyDialog({ dataset, onCopy, onClose }) {
  const [name, setName] = useState(`${dataset.name}-copy`.slice(0, 63));
  const copy = async () => {
    await onCopy(name);
    toast(t("Copied."));
    onClose();
  };
  return (
    <Dialog title={t("Copy {name}", { name: dataset.name })} onClose={onClose}>
      <Form onSubmit={copy} submit={t("Copy")} cancel={onClose}>
        <p class="ty-muted">{t("The copy is a dataset of its own: changing or deleting one leaves the other as it is.")}</p>
        <TextField name="name" label={t("Name of the copy")} value={name} onChange={setName} maxLength={63} />
      </Form>
    </Dialog>
  );
}

export function ShareDialog({ dataset, groups, send, onClose }) {
  const shared = dataset.shares.map((share) => share.group);
  const free = groups.filter((group) => !shared.includes(group));
  const [group, setGroup] = useState(free[0] ?? "");
  const chosen = free.includes(group) ? group : (free[0] ?? "");
  const share = async () => {
    await send("share", { dataset: dataset.id, group: chosen });
    toast(t("Shared with {group}.", { group: chosen }));
  };
  return (
    <Dialog title={t("Share {name}", { name: dataset.name })} onClose={onClose}>
      {dataset.shares.length > 0 && (
        <ul class="ty-shares">
          {dataset.shares.map((one) => (
            <li key={one.group} class="ty-row ty-between">
              <span><strong>{one.group ?? t("everybody")}</strong> <span class="ty-muted ty-small">{t("by {name}", { name: one.by.name })} · <Time value={one.at} /></span></span>
              {one.group && <IconButton icon="cross" label={t("Stop sharing with {group}", { group: one.group })} onClick={() => send("unshare", { dataset: dataset.id, group: one.group })} />}
            </li>
          ))}
        </ul>
      )}
      {groups.length === 0 ? (
        <Note>{t("You are in no group yet. Ask an administrator to add you to one.")}</Note>
      ) : free.length === 0 ? (
        <Note kind="good">{t("It is shared with all your groups.")}</Note>
      ) : (
        <Form onSubmit={share} submit={t("Share")} cancel={onClose}>
          <SelectField name="group" label={t("Group")} value={chosen} onChange={setGroup} options={free.map((name) => ({ value: name, label: name }))} hint={t("Every member can then look at it, format it and train on it at once. You alone can change or delete it.")} />
        </Form>
      )}
      {free.length === 0 && <div class="ty-form-foot"><Button onClick={onClose}>{t("Close")}</Button></div>}
    </Dialog>
  );
}
