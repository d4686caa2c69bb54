// The dialogs around a graph: run it, import and export, and the keys.
import { useRef, useState } from "preact/hooks";
import { Button } from "../button.jsx";
import { Dialog } from "../dialog.jsx";
import { Field, Form, SelectField, TextArea, TextField } from "../form.jsx";
import { bytes, duration, number } from "../format.js";
import { Note } from "../states.jsx";
import { failed } from "../toast.jsx";
import { t } from "../words.js";
import { KEYS } from "./keys.js";

export function RunDialog({ view, graph, seed, estimate, send, onBegun, onClose }) {
  const [form, setForm] = useState(() => ({
    name: freeName(view.dataset.name),
    description: t("Made of {name} by a preprocessing graph with {count} nodes, seed {seed}.", { name: view.dataset.name, count: graph.nodes.length, seed }),
    group: view.dataset.group && view.groups.includes(view.dataset.group) ? view.dataset.group : (view.groups[0] ?? ""),
  }));
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const submit = async () => onBegun(await send("run", { form: { ...form, group: form.group || null, graph, seed } }));
  return (
    <Dialog title={t("Make the new dataset")} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Begin")} cancel={onClose}>
        {estimate && <p>{t("{pictures} pictures, {new} of them new; about {bytes} and {time}.", { pictures: number(estimate.pictures), new: number(estimate.new), bytes: bytes(estimate.bytes), time: duration(Math.max(1, estimate.seconds)) })}</p>}
        <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => set({ name })} maxLength={63} hint={t("1 to 63 characters of any script.")} />
        <TextArea name="description" label={t("Description")} optional value={form.description} onChange={(description) => set({ description })} maxLength={500} rows={3} />
        {view.groups.length > 1 && <SelectField name="group" label={t("Charged to")} value={form.group} onChange={(group) => set({ group })} options={view.groups.map((name) => ({ value: name, label: name }))} hint={t("Its quota pays for the work and for the bytes.")} />}
      </Form>
    </Dialog>
  );
}

function freeName(name) {
  const ending = `-${t("processed")}`;
  return `${[...name].slice(0, 63 - [...ending].length).join("")}${ending}`;
}

export function ImportDialog({ send, onTake, onClose }) {
  const [text, setText] = useState("");
  const [problems, setProblems] = useState([]);
  const file = useRef(null);
  const read = (chosen) => chosen?.text().then(setText, failed);
  const take = async () => {
    setProblems([]);
    const told = await send("understand", { text });
    if (!told.graph) return setProblems(told.problems);
    return onTake(told.graph, t("Import a graph"));
  };
  return (
    <Dialog title={t("Import a graph")} wide onClose={onClose}>
      <Form onSubmit={take} submit={t("Import")} cancel={onClose} disabled={!text.trim()}>
        <Field name="text" label={t("The graph as JSON")} hint={t("What Export wrote, or the request of an AtFlow mix job.")}>
          {(attributes) => <textarea class="ty-input ty-mono" rows={12} value={text} spellcheck={false} onInput={(event) => setText(event.target.value)} {...attributes} />}
        </Field>
        <div>
          <input ref={file} type="file" accept=".json,application/json" class="ty-visually-hidden" tabIndex={-1} aria-label={t("Choose a file")} onChange={(event) => read(event.target.files[0])} />
          <Button small icon="file" onClick={() => file.current.click()}>{t("Choose a file")}</Button>
        </div>
        {problems.length > 0 && <Note kind="bad" title={t("This is not a graph that can be used.")}>{problems.map((one) => <p key={one.message}>{one.message} {one.hint}</p>)}</Note>}
      </Form>
    </Dialog>
  );
}

// Saves the document as a file; it never leaves this machine for that.
export function exportGraph(graph, name) {
  const address = URL.createObjectURL(new Blob([`${JSON.stringify(graph, null, 1)}\n`], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${name}-graph.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

export function HelpDialog({ onClose }) {
  return (
    <Dialog title={t("Keys and how it works")} onClose={onClose} footer={<Button onClick={onClose}>{t("Close")}</Button>}>
      <p class="ty-gap-small">{t("Pictures flow from the input to the output. Each node passes on what it makes to every node behind it; what meets in a node is merged, and a picture that arrives twice counts once.")}</p>
      <p class="ty-gap-small">{t("A new node stands behind the selected one. If that one led straight into the output, the new node comes between; else it becomes one more branch.")}</p>
      <dl class="ty-keys">
        {KEYS.map(([keys, words]) => <div key={keys}><dt><kbd>{keys}</kbd></dt><dd>{t(words)}</dd></div>)}
      </dl>
    </Dialog>
  );
}
