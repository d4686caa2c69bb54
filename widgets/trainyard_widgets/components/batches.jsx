// One batch of formatted sets: its settings, a row for each format with its parts, how far it is, and what was left out.
import { useState } from "preact/hooks";
import { Button, LinkButton } from "./button.jsx";
import { Card } from "./card.jsx";
import { StateBadge } from "./badge.jsx";
import { BucketCopy } from "./bucket_copy.jsx";
import { confirm } from "./dialog.jsx";
import { bytes, duration, number, percent } from "./format.js";
import { Icon } from "./icons.jsx";
import { Menu } from "./menu.jsx";
import { Progress } from "./progress.jsx";
import { api } from "./service.js";
import { Note } from "./states.jsx";
import { Time } from "./time.jsx";
import { t } from "./words.js";
import { formatName, PART_ORDER, PARTS, sizeWords } from "./dataset/formats.js";
import { LoaderDialog } from "./dataset/loader_dialog.jsx";
import { SkippedDialog } from "./dataset/skipped_dialog.jsx";

export function BatchCard({ batch, send }) {
  const [loader, setLoader] = useState(null);
  const [skipped, setSkipped] = useState(false);
  const live = batch.actions.includes("cancel");
  const waits = batch.state === "queued" || batch.state === "created";
  return (
    <Card title={<span class="ty-row">{t("Batch")} <code>{batch.id}</code><StateBadge state={batch.state === "stopped" ? "cancelled" : batch.state} /></span>} text={<Settings batch={batch} />} actions={<BatchActions batch={batch} live={live} send={send} />}>
      {live && <div class={batch.rows.length ? "ty-gap" : ""}><Progress progress={batch.progress} label={waits ? t("Waits for its turn") : t("Formatting")} /></div>}
      {batch.shards.length > 1 && batch.state !== "finished" && <Shards shards={batch.shards} />}
      {batch.error && <div class="ty-gap"><Note kind={batch.state === "stopped" ? "info" : "bad"}>{batch.error}</Note></div>}
      {batch.rows.length > 0 && <div class="ty-sets">{batch.rows.map((row) => <FormatRow key={row.format} row={row} send={send} open={() => setLoader(row)} />)}</div>}
      {(batch.skipped > 0 || batch.videos > 0) && (
        <p class="ty-row ty-batch-foot">
          {batch.skipped > 0 && <><span class="ty-warn">{t("{count} pictures could not be read and were left out.", { count: number(batch.skipped) })}</span><Button small onClick={() => setSkipped(true)}>{t("Show them")}</Button></>}
          {batch.videos > 0 && <span class="ty-muted">{t("{count} videos were left out, because no frames were asked of them.", { count: number(batch.videos) })}</span>}
        </p>
      )}
      {loader && <LoaderDialog row={loader} send={send} onClose={() => setLoader(null)} />}
      {skipped && <SkippedDialog batch={batch} send={send} onClose={() => setSkipped(false)} />}
    </Card>
  );
}

function BatchActions({ batch, live, send }) {
  const remove = () => confirm({ title: t("Delete this batch?"), text: t("All its sets are deleted for good. The dataset itself stays."), button: t("Delete"), act: () => send("delete_batch", { batch: batch.id }) });
  const cancel = () => confirm({ title: t("Cancel formatting?"), text: t("What was written so far is kept until you resume or delete it."), button: t("Cancel formatting"), act: () => send("cancel", { batch: batch.id }) });
  const items = [
    batch.state === "finished" && { label: t("Download the manifest"), icon: "download", onChoose: () => location.assign(api(`/batches/${batch.id}/manifest`)) },
    batch.actions.includes("delete") && { label: t("Delete the batch"), icon: "trash", danger: true, refused: batch.refused.delete, onChoose: remove },
  ].filter(Boolean);
  return (
    <>
      {live && <Button small icon="stop" onClick={cancel}>{t("Cancel")}</Button>}
      {batch.actions.includes("resume") && <Button small icon="play" onClick={() => send("resume", { batch: batch.id })}>{t("Resume")}</Button>}
      {items.length > 0 && <Menu label={t("More for this batch")} items={items} />}
    </>
  );
}

function Settings({ batch }) {
  const plan = batch.plan ?? {};
  const parts = [
    batch.label_set ? batch.label_set.split(".").slice(1).join(".") || t("without labels") : t("without labels"),
    batch.shuffle ? t("shuffled with seed {seed}", { seed: batch.seed }) : t("in the list's order"),
    plan.stratified && t("class by class"),
    sizeWords(batch.resize),
    (batch.resize || (plan.colour && plan.colour !== "keep")) && t("JPEG quality {quality}", { quality: batch.quality }),
    plan.colour === "grey" && t("all in grey"),
    plan.colour === "colour" && t("all in colour"),
    plan.lmdb_values === "raw" && t("LMDB with raw pixels"),
    plan.max_per_class > 0 && t("at most {count} of a class", { count: number(plan.max_per_class) }),
    plan.min_per_class > 0 && t("at least {count} of a class", { count: number(plan.min_per_class) }),
    batch.classes.length > 0 && t("{count} classes", { count: number(batch.classes.length) }),
  ];
  return <>{parts.filter(Boolean).join(" · ")} · {batch.creator.name} · <Time value={batch.created} />{batch.in_bucket && <> · <BucketCopy copy={batch.in_bucket} /></>}</>;
}

function Shards({ shards }) {
  const done = shards.filter((shard) => shard.state === "finished").length;
  return (
    <div class="ty-shards ty-gap">
      <span class="ty-small ty-muted ty-numbers">{t("{done} of {all} jobs are through", { done: number(done), all: number(shards.length) })}</span>
      <div class="ty-shard-row" role="list">
        {shards.map((shard) => {
          const part = shard.state === "finished" ? 1 : shard.progress?.total ? shard.progress.done / shard.progress.total : 0;
          const left = shard.progress?.remaining ? ` · ${t("{time} left", { time: duration(shard.progress.remaining) })}` : "";
          return <span key={shard.number} role="listitem" class={`ty-shard ty-shard-${shard.state}`} title={`${t("Job {number}", { number: shard.number + 1 })}: ${percent(part)}${left}`}><span style={{ width: `${part * 100}%` }} /></span>;
        })}
      </div>
    </div>
  );
}

// One format: its parts side by side, their pair marked, and what may be done with them.
function FormatRow({ row, send, open }) {
  const remove = (set) => confirm({ title: t("Delete this set?"), text: t("It is deleted for good. It can be written again by formatting the dataset once more."), button: t("Delete"), act: () => send("delete_set", { formatted: set.id }) });
  const ready = row.sets.filter((set) => set.ready);
  const train = ready.find((set) => set.split === "train");
  return (
    <div class="ty-set-row">
      <div class="ty-set-head"><strong>{formatName(row.format)}</strong><span class="ty-muted ty-small ty-numbers">{ready.length ? bytes(ready.reduce((sum, set) => sum + set.bytes, 0)) : "–"}</span></div>
      <div class="ty-set-parts">
        {PART_ORDER.map((split) => row.sets.find((set) => set.split === split)).filter(Boolean).map((set) => (
          <span key={set.id} class={`ty-set${set.paired ? " ty-paired" : ""}`} title={set.paired ? t("Training and validation set are a pair: no picture is in both.") : undefined}>
            <span class={`ty-letter ty-letter-${set.split}`} title={t(PARTS[set.split])}>{set.letter}</span>
            <span class="ty-set-numbers ty-numbers"><span>{t(PARTS[set.split])} {percent(set.percent / 100, 1)}</span><span class="ty-muted ty-small">{set.ready || set.samples ? t("{count} pictures", { count: number(set.samples) }) : "–"}</span></span>
            {set.paired && set.split === "train" && <span class="ty-pair-link"><Icon name="link" size={16} /></span>}
          </span>
        ))}
      </div>
      <span class="ty-row ty-nowrap ty-end">
        {train && <LinkButton small icon="play" href={`training_new?train=${train.id}`}>{t("Train")}</LinkButton>}
        {ready.length > 0 && <Button small onClick={open}>{t("Code")}</Button>}
        {ready.length > 0 && <Menu label={t("More for {name}", { name: formatName(row.format) })} items={ready.map((set) => ({ label: t("Delete the {part} set", { part: t(PARTS[set.split]) }), icon: "trash", danger: true, refused: set.refused, onChoose: () => remove(set) }))} />}
      </span>
    </div>
  );
}
