// What the form for a new dataset becomes as the record REST takes, what it still lacks, and how it is told in words.
import { t } from "../words.js";

// ``files`` are uploads by slot, ``keys`` and ``paths`` what was chosen in the bucket and on a share, by the same slots.
export const emptySource = (groups) => ({
  where: "computer", group: groups[0] ?? "", files: {}, keys: {}, paths: {}, layout: "auto", label_set: "", format: "recordio", split: "train",
});

// The slots of each kind: what has to be named, and which endings it has.
export const SLOTS = {
  list: [{ id: "list", purpose: "list", endings: [".jsonl", ".jsonlist", ".json", ".ndjson", ".manifest", ".lst", ".txt"] }, { id: "pictures", purpose: "pictures", optional: true, only: "computer", endings: [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"] }],
  archive: [{ id: "archive", purpose: "pictures", endings: [".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"] }],
  prefix: [{ id: "prefix", folder: true, endings: [] }],
  recordio: [{ id: "data", purpose: "data", endings: [".rec"] }, { id: "index", purpose: "data", optional: true, endings: [".idx"] }, { id: "labels", purpose: "data", optional: true, endings: [".csv", ".txt"] }],
  lmdb: [{ id: "data", purpose: "data", endings: [".mdb", ".lmdb"] }, { id: "labels", purpose: "data", optional: true, endings: [".csv", ".txt"] }],
};

export const slotsOf = (form) => SLOTS[form.kind === "formatted" ? form.format : form.kind].filter((slot) => !slot.only || slot.only === form.where);

// The slot a dropped file goes into, by its ending; the first free one when no ending fits.
export function slotFor(slots, name, taken) {
  const low = name.toLowerCase();
  const fits = slots.find((slot) => slot.endings.some((ending) => low.endsWith(ending)));
  return fits ?? slots.find((slot) => !taken[slot.id]) ?? slots[0];
}

const chosen = (form, slot) => ({ computer: form.files[slot]?.id, bucket: form.keys[slot], share: form.paths[slot] })[form.where];

function placeOf(form, slot) {
  if (!chosen(form, slot) && slot !== "prefix") return null;
  return { computer: { kind: "upload", upload: form.files[slot]?.id }, bucket: { kind: "bucket", key: form.keys[slot] ?? "" }, share: { kind: "share", group: form.group, path: form.paths[slot] ?? "" } }[form.where];
}

export function sourceOf(form) {
  switch (form.kind) {
    case "list": {
      const place = placeOf(form, "list");
      return form.where === "computer" ? { ...place, pictures: form.files.pictures?.id ?? null } : place;
    }
    case "archive":
      return { kind: "archive", file: placeOf(form, "archive"), layout: form.layout, label_set: form.label_set };
    case "prefix":
      return { kind: "prefix", place: placeOf(form, "prefix") };
    default:
      return { kind: "formatted", format: form.format, split: form.split, data: placeOf(form, "data"), index: form.format === "recordio" ? placeOf(form, "index") : null, labels: placeOf(form, "labels") };
  }
}

// The refusal that names the first field still empty or on its way, or null.
export function whatIsMissing(form) {
  for (const slot of slotsOf(form)) {
    const file = form.files[slot.id];
    if (form.where === "computer" && file && !file.id) return { field: slot.id, message: t("{name} is still on its way.", { name: file.name }), hint: t("Wait until it is there.") };
    if (!slot.optional && !slot.folder && !chosen(form, slot.id)) return { field: slot.id, message: form.where === "computer" ? t("Choose a file first.") : t("Choose a file below, or write its place."), hint: "" };
  }
  return null;
}

const bare = (path) => path.replace(/\/+$/, "").split("/").pop().replace(/(\.tar)?\.[^.]+$/, "");

// A name for the dataset: that of the first file or folder.
export function nameOf(form) {
  const slot = slotsOf(form)[0];
  const path = form.where === "computer" ? (form.files[slot.id]?.name ?? "") : (chosen(form, slot.id) ?? "");
  return [...bare(path)].slice(0, 63).join("").trim();
}

export function describePlace(form, storage) {
  const slot = slotsOf(form)[0];
  if (form.where === "computer") return t("{name} from your computer", { name: form.files[slot.id]?.name ?? "–" });
  if (form.where === "bucket") return `s3://${storage}/${chosen(form, slot.id) ?? ""}`;
  return `/workspace/mnt/group/${form.group}/${chosen(form, slot.id) ?? ""}`;
}
