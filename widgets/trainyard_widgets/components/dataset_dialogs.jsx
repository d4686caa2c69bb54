// The forms of datasets: a new one, its words, a copy, its shares.
import { useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { Dialog } from "./dialog.jsx";
import { ChoiceField, Form, SelectField, TextArea, TextField } from "./form.jsx";
import { Note } from "./states.jsx";
import { Time } from "./time.jsx";
import { toast } from "./toast.jsx";
import { Upload } from "./upload.jsx";
import { t } from "./words.js";

export function NewDatasetDialog({ groups, storage, send, onClose, onMade }) {
  const [form, setForm] = useState({ name: "", description: "", kind: "upload", upload: "", pictures: "", key: "", group: groups[0] ?? "", path: "", pays: groups[0] ?? "" });
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const named = (upload, file) => set({ upload: upload.id, name: form.name || file.name.replace(/\.[^.]+$/, "").slice(0, 63) });
  const source = { upload: { kind: "upload", upload: form.upload, pictures: form.pictures || null }, bucket: { kind: "bucket", key: form.key }, share: { kind: "share", group: form.group, path: form.path } }[form.kind];
  const submit = async () => {
    if (form.kind === "upload" && !form.upload) throw { field: "upload", message: t("Choose a list first."), hint: "" };
    onMade(await send("create", { form: { name: form.name, description: form.description, source, group: (form.kind === "share" ? form.group : form.pays) || null } }));
  };
  return (
    <Dialog title={t("New dataset")} wide onClose={onClose}>
      <Form onSubmit={submit} submit={t("Create dataset")} cancel={onClose}>
        <ChoiceField name="kind" label={t("Where is the list?")} value={form.kind} onChange={(kind) => set({ kind })} options={[
          { value: "upload", label: t("On my computer"), hint: t("A file of JSON lines, in the old or the new schema; pictures by address or in an archive.") },
          { value: "bucket", label: t("In my bucket"), hint: storage ? t("A key in the bucket {bucket}.", { bucket: storage }) : t("Connect a bucket first: open Storage."), disabled: !storage },
          { value: "share", label: t("On my group's share"), hint: groups.length ? t("A file that a workspace sees below /workspace/mnt/group.") : t("You are in no group yet."), disabled: !groups.length },
        ]} />
        {groups.length > 1 && form.kind !== "share" && <SelectField name="pays" label={t("Charged to")} value={form.pays} onChange={(pays) => set({ pays })} options={groups.map((name) => ({ value: name, label: name }))} hint={t("Its quota pays for reading the list and for the bytes.")} />}
        {form.kind === "upload" && <UploadParts key={form.pays} group={form.pays} onList={named} onPictures={(upload) => set({ pictures: upload.id })} />}
        {form.kind === "bucket" && <TextField name="key" label={t("Key of the list")} value={form.key} onChange={(key) => set({ key })} placeholder="lists/pulp.jsonlist" hint={t("Without a leading slash, as Storage shows it.")} />}
        {form.kind === "share" && <SelectField name="group" label={t("Group")} value={form.group} onChange={(group) => set({ group })} options={groups.map((name) => ({ value: name, label: name }))} />}
        {form.kind === "share" && <TextField name="path" label={t("Path of the list")} value={form.path} onChange={(path) => set({ path })} placeholder={t("name/lists/pulp.jsonlist")} hint={t("Below the group's folder. Relative pictures are looked for beside the list.")} />}
        <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => set({ name })} maxLength={63} hint={t("1 to 63 characters of any script.")} />
        <TextArea name="description" label={t("Description")} optional value={form.description} onChange={(description) => set({ description })} maxLength={500} rows={2} />
      </Form>
    </Dialog>
  );
}

function UploadParts({ group, onList, onPictures }) {
  return (
    <div class="ty-pair-grid">
      <div><div class="ty-label">{t("The list")}</div><Upload purpose="list" group={group} accept=".json,.jsonl,.jsonlist,.lst,.txt,.ndjson" label={t("Choose the list")} hint={t("One line of JSON a picture.")} onDone={onList} /></div>
      <div><div class="ty-label">{t("Pictures")} <span class="ty-muted">{t("(optional)")}</span></div><Upload purpose="pictures" group={group} accept=".zip,.tar,.tar.gz,.tgz" label={t("Choose an archive")} hint={t("zip or tar, where the list names pictures by relative path.")} onDone={onPictures} /></div>
    </div>
  );
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
