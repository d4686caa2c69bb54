// What few people need when they format: quality, colour, limits per class, checks, videos and how many jobs share the work.
import { CheckField, SelectField, SliderField, TextField } from "../form.jsx";
import { number } from "../format.js";
import { t } from "../words.js";

export const DEFAULTS = { quality: 95, colour: "keep", min_per_class: "0", max_per_class: "0", full_decode: false, lmdb_values: "encoded", frames_per_second: "0", shards: "0", bad_limit: "5" };

export function Advanced({ form, set, videos, classes, lmdb }) {
  const changed = wordsFor(form);
  return (
    <details class="ty-fold">
      <summary><strong>{t("Advanced")}</strong> <span class="ty-muted ty-small">{changed.length ? changed.join(" · ") : t("quality, colour, limits for each class, videos, shards")}</span></summary>
      <div class="ty-fold-body">
        <div class="ty-pair-grid">
          <SliderField name="quality" label={t("JPEG quality")} min={50} max={100} step={1} value={form.quality} onChange={(quality) => set({ quality })} hint={t("For pictures that are changed; others are copied as they are.")} />
          <SelectField name="colour" label={t("Colour")} value={form.colour} onChange={(colour) => set({ colour })} options={[{ value: "keep", label: t("as it is") }, { value: "colour", label: t("all in colour") }, { value: "grey", label: t("all in grey") }]} />
          {classes && <Whole name="min_per_class" label={t("Leave out classes with fewer pictures than")} value={form.min_per_class} onChange={(min_per_class) => set({ min_per_class })} hint={t("0: no class is left out")} />}
          {classes && <Whole name="max_per_class" label={t("Take at most so many pictures of a class")} value={form.max_per_class} onChange={(max_per_class) => set({ max_per_class })} hint={t("0: as many as there are")} />}
          {lmdb && <SelectField name="lmdb_values" label={t("What LMDB holds")} value={form.lmdb_values} onChange={(lmdb_values) => set({ lmdb_values })} options={[{ value: "encoded", label: t("the pictures' files") }, { value: "raw", label: t("raw pixels (BGR)") }]} hint={form.lmdb_values === "raw" ? t("Quicker to read and several times as large.") : ""} />}
          {videos > 0 && <TextField name="frames_per_second" label={t("Frames of a second of video")} type="number" min="0" max="120" step="0.1" value={form.frames_per_second} onChange={(frames_per_second) => set({ frames_per_second })} hint={t("{count} videos are in the list; 0 leaves them out.", { count: number(videos) })} />}
          <TextField name="bad_limit" label={t("Stop when more pictures are bad than, in per cent")} type="number" min="0" max="100" value={form.bad_limit} onChange={(bad_limit) => set({ bad_limit })} hint={t("Up to there they are left out and listed.")} />
          <Whole name="shards" label={t("Jobs that share the work")} value={form.shards} onChange={(shards) => set({ shards })} hint={t("0: decided by the number of pictures. The sets are the same.")} />
        </div>
        <CheckField name="full_decode" label={t("Decode every picture to find broken ones")} hint={t("Otherwise header, size and end are checked where nothing changes, which is many times quicker.")} value={form.full_decode} onChange={(full_decode) => set({ full_decode })} />
      </div>
    </details>
  );
}

function Whole(props) {
  return <TextField type="number" min="0" step="1" {...props} />;
}

// What differs from the defaults, told on the closed fold.
function wordsFor(form) {
  return [
    form.quality !== DEFAULTS.quality && t("JPEG quality {quality}", { quality: form.quality }),
    form.colour === "grey" && t("all in grey"),
    form.colour === "colour" && t("all in colour"),
    Number(form.min_per_class) > 0 && t("at least {count} of a class", { count: number(Number(form.min_per_class)) }),
    Number(form.max_per_class) > 0 && t("at most {count} of a class", { count: number(Number(form.max_per_class)) }),
    form.lmdb_values === "raw" && t("raw pixels (BGR)"),
    Number(form.frames_per_second) > 0 && t("{count} frames a second", { count: form.frames_per_second }),
    Number(form.shards) > 0 && t("{count} jobs", { count: form.shards }),
    form.bad_limit !== DEFAULTS.bad_limit && t("up to {part} % bad", { part: form.bad_limit }),
    form.full_decode && t("every picture decoded"),
  ].filter(Boolean);
}
