// Brings pictures from the web into the caller's bucket, as a new dataset that no longer depends on other people's servers.
import { useState } from "preact/hooks";
import { Dialog } from "../dialog.jsx";
import { Form, SelectField, TextField } from "../form.jsx";
import { number } from "../format.js";
import { Note } from "../states.jsx";
import { t } from "../words.js";

const MEBIBYTE = 2 ** 20;

export function FetchDialog({ view, send, onClose, onMade }) {
  const { dataset, storage } = view;
  const remote = view.statistics?.places?.web;
  const [form, setForm] = useState({ name: [...`${dataset.name}-fetched`].slice(0, 63).join(""), prefix: "fetched/", per_host: "4", at_once: "16", megabytes: "64", group: view.groups[0] ?? "" });
  const set = (field) => (value) => setForm((old) => ({ ...old, [field]: value }));
  const submit = async () => {
    const numbers = { per_host: Number(form.per_host), at_once: Number(form.at_once), max_bytes: Math.round(Number(form.megabytes) * MEBIBYTE) };
    onMade(await send("fetch", { form: { name: form.name, prefix: form.prefix, group: form.group || null, ...numbers } }));
  };
  return (
    <Dialog title={t("Fetch pictures")} onClose={onClose}>
      {!storage ? <Note kind="warn">{t("The pictures go into your bucket, and you have none yet.")} <a href="storage">{t("Connect one")}</a></Note> : (
        <Form onSubmit={submit} submit={t("Fetch")} cancel={onClose}>
          <p class="ty-muted">{remote ? t("{count} pictures lie on the web. They are loaded into your bucket {bucket} once; a new dataset names them there, and lists what could not be had.", { count: number(remote), bucket: storage }) : t("Pictures on the web are loaded into your bucket {bucket} once; a new dataset names them there, and lists what could not be had.", { bucket: storage })}</p>
          <TextField name="name" label={t("Name of the new dataset")} value={form.name} onChange={set("name")} maxLength={63} />
          <TextField name="prefix" label={t("Folder in the bucket")} value={form.prefix} onChange={set("prefix")} hint={t("What an earlier fetch left there is not fetched again.")} spellcheck={false} />
          {view.groups.length > 1 && <SelectField name="group" label={t("Charged to")} value={form.group} onChange={set("group")} options={view.groups.map((name) => ({ value: name, label: name }))} />}
          <details class="ty-fold">
            <summary><strong>{t("Limits")}</strong> <span class="ty-muted ty-small">{t("{at_once} at once, {per_host} from one host, {size} MiB each", { at_once: form.at_once, per_host: form.per_host, size: form.megabytes })}</span></summary>
            <div class="ty-fold-body">
              <div class="ty-fields">
                <TextField name="at_once" label={t("At once")} type="number" min="1" value={form.at_once} onChange={set("at_once")} />
                <TextField name="per_host" label={t("From one host")} type="number" min="1" value={form.per_host} onChange={set("per_host")} />
                <TextField name="max_bytes" label={t("Largest picture, in MiB")} type="number" min="1" value={form.megabytes} onChange={set("megabytes")} />
              </div>
            </div>
          </details>
        </Form>
      )}
    </Dialog>
  );
}
