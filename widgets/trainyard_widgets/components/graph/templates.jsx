// Graphs to begin with: common wishes, and templates that people keep, change, share and delete.
import { useState } from "preact/hooks";
import { confirm, Dialog } from "../dialog.jsx";
import { Form, SelectField, TextArea, TextField } from "../form.jsx";
import { Menu } from "../menu.jsx";
import { EmptyState } from "../states.jsx";
import { Tabs } from "../tabs.jsx";
import { Time } from "../time.jsx";
import { toast } from "../toast.jsx";
import { N_, t } from "../words.js";
import { RECIPES, recipe, whyNotRecipe } from "./recipes.js";

const VISIBLE = { private: N_("me alone"), group: N_("a group"), public: N_("everybody") };

// The form of a template. ``now`` is what it is: {name, description, visibility, group}; its own group stays choosable to
// who is not in it.
function TemplateForm({ view, now, submit, onSubmit, onClose }) {
  const groups = [...new Set([...view.groups, now.group].filter(Boolean))];
  const [form, setForm] = useState({ ...now, group: now.group ?? groups[0] ?? "" });
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const may = { private: true, group: groups.length > 0, public: view.administrator || now.visibility === "public" };
  const options = Object.keys(VISIBLE).filter((value) => may[value]).map((value) => ({ value, label: t(VISIBLE[value]) }));
  const send = () => onSubmit({ name: form.name, description: form.description, visibility: form.visibility, group: form.visibility === "group" ? form.group : null });
  return (
    <Form onSubmit={send} submit={submit} cancel={onClose}>
      <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => set({ name })} maxLength={63} />
      <TextArea name="description" label={t("Description")} optional value={form.description} onChange={(description) => set({ description })} maxLength={500} rows={2} />
      {options.length > 1 && <SelectField name="visibility" label={t("Who may use it")} value={form.visibility} onChange={(visibility) => set({ visibility })} options={options} />}
      {form.visibility === "group" && groups.length > 1 && <SelectField name="group" label={t("Group")} value={form.group} onChange={(group) => set({ group })} options={groups.map((name) => ({ value: name, label: name }))} />}
    </Form>
  );
}

export function KeepDialog({ view, graph, send, onClose }) {
  const keep = async (form) => {
    await send("keep", { form: { ...form, graph } });
    toast(t("The template was kept."));
    onClose();
  };
  return <Dialog title={t("Save as template")} onClose={onClose}><TemplateForm view={view} now={{ name: "", description: "", visibility: "private", group: null }} submit={t("Save")} onSubmit={keep} onClose={onClose} /></Dialog>;
}

function ChangeDialog({ template, view, send, onClose }) {
  const change = async (form) => {
    await send("change_template", { template: template.id, form });
    toast(t("Saved."));
    onClose();
  };
  return <Dialog title={t("Change {name}", { name: template.name })} onClose={onClose}><TemplateForm view={view} now={template} submit={t("Save")} onSubmit={change} onClose={onClose} /></Dialog>;
}

export function TemplatesDialog({ view, graph, untouched, labelSet, send, onTake, onClose }) {
  const [tab, setTab] = useState(view.templates.length ? "kept" : "recipes");
  const [changed, setChanged] = useState(null);
  const set = view.label_sets.find((one) => one.key === labelSet) ?? view.label_sets[0];
  return (
    <Dialog title={t("Templates")} wide onClose={onClose}>
      <Tabs label={t("Templates")} chosen={tab} onChoose={setTab} tabs={[{ id: "recipes", label: t("Common wishes") }, { id: "kept", label: t("Kept templates"), count: view.templates.length }]} />
      {tab === "recipes" && <Recipes view={view} set={set} onTake={onTake} />}
      {tab === "kept" && view.templates.length === 0 && <EmptyState icon="copy" title={t("No templates yet")} text={t("Save a graph as a template to use it for other datasets too.")} />}
      {tab === "kept" && <ul class="ty-templates">{view.templates.map((one) => <Template key={one.id} template={one} graph={untouched ? null : graph} send={send} onTake={onTake} onChange={() => setChanged(one)} />)}</ul>}
      {changed && <ChangeDialog template={changed} view={view} send={send} onClose={() => setChanged(null)} />}
    </Dialog>
  );
}

// ``graph`` is what is drawn now, null when that is nothing yet.
function Template({ template, graph, send, onTake, onChange }) {
  const { id, name } = template;
  const remove = () => confirm({ title: t("Delete the template {name}?", { name }), text: t("Datasets that were made with it stay."), button: t("Delete"), act: () => send("drop_template", { template: id }) });
  const replace = () => confirm({ title: t("Replace the graph of {name}?", { name }), text: t("The template then holds what is drawn here now; what it held is gone. Datasets that were made with it stay."), button: t("Replace"), act: () => send("change_template", { template: id, form: { graph } }) });
  const items = [
    { label: t("Rename, describe and share"), icon: "pencil", onChoose: onChange },
    { label: t("Replace by the graph drawn here"), icon: "upload", refused: graph ? "" : t("Nothing is drawn yet."), onChoose: replace },
    { label: t("Delete"), icon: "trash", danger: true, onChoose: remove },
  ];
  return (
    <li>
      <button type="button" class="ty-palette-one" onClick={() => onTake(template.graph, t("Take the template {name}", { name }))}>
        <strong>{name}</strong>
        <span class="ty-muted ty-small">{template.description || t("{count} nodes", { count: template.graph.nodes?.length ?? 0 })}</span>
        <span class="ty-muted ty-small">{template.owner} · {template.group ?? t(VISIBLE[template.visibility])} · <Time value={template.created} /></span>
      </button>
      {template.may_change && <Menu label={t("More for {name}", { name })} items={items} />}
    </li>
  );
}

export function Recipes({ view, set, onTake }) {
  return (
    <div class="ty-palette-grid">
      {RECIPES.map((one) => {
        const refused = whyNotRecipe(one.id, set);
        return (
          <button type="button" key={one.id} class="ty-palette-one" data-recipe={one.id} disabled={Boolean(refused)} onClick={() => onTake(recipe(one.id, { set, operations: view.operations, unlabelled: view.unlabelled }), t(one.title))}>
            <strong>{t(one.title)}</strong>
            <span class="ty-muted ty-small">{refused || t(one.text)}</span>
          </button>
        );
      })}
    </div>
  );
}
