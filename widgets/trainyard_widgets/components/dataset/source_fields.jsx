// The second step of a new dataset: files of one's computer, keys of the bucket or paths of a share, whatever the kind needs.
import { useRef, useState } from "preact/hooks";
import { ChoiceField, Field, SelectField, TextField } from "../form.jsx";
import { Button } from "../button.jsx";
import { Icon } from "../icons.jsx";
import { Note } from "../states.jsx";
import { Transfer } from "../upload.jsx";
import { N_, t } from "../words.js";
import { Browse } from "./browse.jsx";
import { PART_ORDER, PARTS } from "./formats.js";
import { slotFor, slotsOf } from "./source.js";

const SLOT_WORDS = {
  list: [N_("The list"), N_("Lines of JSON, or a manifest.")],
  pictures: [N_("Pictures"), N_("zip or tar, where the list names pictures by relative path.")],
  archive: [N_("The archive"), N_("zip, tar, tar.gz, tar.bz2 or tar.xz.")],
  prefix: [N_("The folder"), N_("Every picture and video below it is taken. Empty means everything.")],
  data: [N_("Data file"), N_(".rec of RecordIO, data.mdb of LMDB.")],
  index: [N_("Index file"), N_(".idx; without it the data file is read once and an index is made.")],
  labels: [N_("Names of the classes"), N_("labels.csv with a line of index and name for each class; without it classes are called by their numbers.")],
};
const LAYOUTS = [
  ["auto", N_("Find out by itself")], ["class-folders", N_("A folder for each class")], ["voc", N_("Pascal VOC (XML beside JPEG)")], ["coco", N_("COCO (one JSON of annotations)")], ["yolo", N_("YOLO (a text file for each picture)")],
  ["modelarts", N_("ModelArts (a text file with the class)")], ["cifar10", N_("CIFAR-10 (binary version)")], ["pictures", N_("Pictures alone, without labels")],
];

export function SourceFields({ form, set, groups, storage, send, shown }) {
  const places = [
    form.kind !== "prefix" && { value: "computer", label: t("On my computer"), hint: t("Goes on where it stopped, if the connection is lost.") },
    { value: "bucket", label: t("In my bucket"), hint: storage ? storage : t("Connect a bucket first: open Storage."), disabled: !storage },
    { value: "share", label: t("On my group's share"), hint: groups.length ? t("What workspaces see below /workspace/mnt/group.") : t("You are in no group yet."), disabled: !groups.length },
  ].filter(Boolean);
  return (
    <>
      {form.kind === "formatted" && <div class="ty-choices-two"><ChoiceField name="format" label={t("Which format?")} value={form.format} onChange={(format) => set({ format })} options={[{ value: "recordio", label: "RecordIO", hint: t("as MXNet writes it: .rec and .idx") }, { value: "lmdb", label: "LMDB", hint: t("as Caffe writes it: Datum") }]} /></div>}
      <div class="ty-choices-two"><ChoiceField name="where" label={form.kind === "prefix" ? t("Where are the pictures?") : t("Where is it?")} value={form.where} onChange={(where) => set({ where })} options={places} /></div>
      {form.where === "share" && groups.length > 1 && <SelectField name="group" label={t("Group")} value={form.group} onChange={(group) => set({ group, paths: {} })} options={groups.map((name) => ({ value: name, label: name }))} />}
      {form.where === "computer" ? <FileSlots form={form} set={set} /> : <Places form={form} set={set} storage={storage} send={send} shown={shown} />}
      {form.kind === "formatted" && <div class="ty-narrow"><SelectField name="split" label={t("What it is for")} value={form.split} onChange={(split) => set({ split })} options={PART_ORDER.map((part) => ({ value: part, label: t(PARTS[part]) }))} hint={t("The set appears as this part of the dataset.")} /></div>}
      {form.kind === "archive" && (
        <div class="ty-pair-grid">
          <SelectField name="layout" label={t("What is inside?")} value={form.layout} onChange={(layout) => set({ layout })} options={LAYOUTS.map(([value, word]) => ({ value, label: t(word) }))} hint={form.layout === "auto" ? t("The dataset's page says what was found.") : ""} />
          {form.layout !== "pictures" && <TextField name="label_set" label={t("Name of the label set")} optional value={form.label_set} onChange={(label_set) => set({ label_set })} maxLength={63} placeholder="general" />}
        </div>
      )}
    </>
  );
}

// One place to drop several files at once; each goes into the slot its ending belongs to.
function FileSlots({ form, set }) {
  const slots = slotsOf(form);
  const [over, setOver] = useState(false);
  const add = (files, slot) => set((old) => {
    const taken = { ...old.files };
    for (const file of [...files].slice(0, slot ? 1 : slots.length)) {
      const into = slot ?? slotFor(slots, file.name, taken);
      taken[into.id] = { file, name: file.name, key: `${file.name}-${file.size}-${file.lastModified}` };
    }
    return { files: taken };
  });
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    add([...event.dataTransfer.files], slots.length === 1 ? slots[0] : undefined);
  };
  return (
    <div class={`ty-slots${over ? " ty-over" : ""}`} onDragOver={(event) => (event.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
      <p class="ty-slots-word ty-muted"><Icon name="upload" size={20} />{slots.length > 1 ? t("Drop the files here, all at once if you like, or choose them one by one.") : t("Drop the file here, or choose it.")}</p>
      {slots.map((slot) => <Slot key={slot.id} slot={slot} file={form.files[slot.id]} group={form.pays} add={add} set={(value) => set((old) => ({ files: { ...old.files, [slot.id]: value && { ...old.files[slot.id], ...value } } }))} />)}
    </div>
  );
}

function Slot({ slot, file, group, add, set }) {
  const input = useRef(null);
  const [word, hint] = SLOT_WORDS[slot.id];
  const choose = (event) => {
    if (event.target.files.length) add(event.target.files, slot);
    event.target.value = "";
  };
  return (
    <Field name={slot.id} label={t(word)} optional={slot.optional} hint={t(hint)}>
      {(attributes) => (
        <>
          {!file && <Button small icon="file" {...attributes} onClick={() => input.current.click()}>{t("Choose a file")}</Button>}
          <input ref={input} type="file" hidden accept={slot.endings.join(",")} data-slot={slot.id} onChange={choose} />
          {file && <Transfer key={file.key} file={file.file} purpose={slot.purpose} group={group} name={file.name} onDone={(upload) => set({ id: upload.id })} onRemove={() => set(undefined)} />}
        </>
      )}
    </Field>
  );
}

function Places({ form, set, storage, send, shown }) {
  const field = form.where === "bucket" ? "keys" : "paths";
  const slots = slotsOf(form);
  const [current, setCurrent] = useState(slots[0].id);
  const active = slots.find((slot) => slot.id === current) ?? slots[0];
  const change = (id, value) => set({ [field]: { ...form[field], [id]: value } });
  const take = (path) => {
    change(active.id, path);
    const next = slots[slots.indexOf(active) + 1];
    if (next && !form[field][next.id]) setCurrent(next.id);
  };
  if (form.where === "bucket" && !storage) return <Note kind="warn">{t("You have no bucket yet.")} <a href="storage">{t("Connect one")}</a></Note>;
  return (
    <>
      <div class="ty-pair-grid">{slots.map((slot) => (
        <div key={slot.id} onFocusCapture={() => setCurrent(slot.id)}>
          <TextField name={slot.id} label={t(SLOT_WORDS[slot.id][0])} optional={slot.optional} value={form[field][slot.id] ?? ""} onChange={(value) => change(slot.id, value)} hint={t(SLOT_WORDS[slot.id][1])} placeholder={form.where === "bucket" ? t("key in the bucket") : t("path below the group's folder")} title={form[field][slot.id]} spellcheck={false} autocomplete="off" />
        </div>
      ))}</div>
      {shown && <Browse key={`${form.where}-${form.group}`} where={form.where} root={form.where === "bucket" ? storage : form.group} group={form.group} send={send} folder={active.folder} endings={active.endings} chosen={form[field][active.id] ?? ""} label={slots.length > 1 ? t("Choose: {what}", { what: t(SLOT_WORDS[active.id][0]) }) : t("Choose here")} onChoose={take} />}
    </>
  );
}
