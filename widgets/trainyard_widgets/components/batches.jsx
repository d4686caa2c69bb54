// One batch of formatted sets: its settings, its rows with the pair of training and validation set, and how far it is.
import { useState } from "preact/hooks";
import { Button, CopyButton, LinkButton } from "./button.jsx";
import { Card } from "./card.jsx";
import { StateBadge } from "./badge.jsx";
import { BucketCopy } from "./bucket_copy.jsx";
import { confirm, Dialog } from "./dialog.jsx";
import { bytes, number, percent } from "./format.js";
import { Menu } from "./menu.jsx";
import { Progress } from "./progress.jsx";
import { Note, Skeleton } from "./states.jsx";
import { Tabs } from "./tabs.jsx";
import { Time } from "./time.jsx";
import { failed } from "./toast.jsx";
import { N_, t } from "./words.js";

export const FORMATS = { recordio: "RecordIO", lmdb: "LMDB" };
export const PARTS = { train: N_("training"), val: N_("validation"), test: N_("test") };

export function BatchCard({ batch, send }) {
  const [loader, setLoader] = useState(null);
  const live = batch.actions.includes("cancel");
  const remove = () => confirm({ title: t("Delete this batch?"), text: t("All its sets are deleted for good. The dataset itself stays."), button: t("Delete"), act: () => send("delete_batch", { batch: batch.id }) });
  const cancel = () => confirm({ title: t("Cancel formatting?"), text: t("What was written so far is kept until you resume or delete it."), button: t("Cancel formatting"), act: () => send("cancel", { batch: batch.id }) });
  const open = async (row) => {
    setLoader({ row, snippets: null });
    try {
      setLoader({ row, snippets: await send("loader", { formatted: row.id }) });
    } catch (error) {
      setLoader(null);
      failed(error);
    }
  };
  const title = <span class="ty-row">{t("Batch")} <code>{batch.id}</code><StateBadge state={batch.state === "stopped" ? "cancelled" : batch.state} /></span>;
  return (
    <Card title={title} text={<Settings batch={batch} />} actions={
      <>
        {live && <Button small icon="stop" onClick={cancel}>{t("Cancel")}</Button>}
        {batch.actions.includes("resume") && <Button small icon="play" onClick={() => send("resume", { batch: batch.id })}>{t("Resume")}</Button>}
        {batch.actions.includes("delete") && <Menu label={t("More for this batch")} items={[{ label: t("Delete the batch"), icon: "trash", danger: true, refused: batch.refused.delete, onChoose: remove }]} />}
      </>
    }>
      {live && <div class={batch.rows.length ? "ty-gap" : ""}><Progress progress={batch.progress} label={batch.state === "queued" ? t("Waits for its turn") : t("Formatting")} /></div>}
      {batch.error && <div class="ty-gap"><Note kind={batch.state === "stopped" ? "info" : "bad"}>{batch.error}</Note></div>}
      {batch.skipped > 0 && <p class="ty-warn ty-gap-small">{t("{count} pictures could not be read and were left out.", { count: number(batch.skipped) })}</p>}
      {batch.rows.length > 0 && <div class="ty-sets">{batch.rows.map((row) => <SetRow key={row.id} row={row} send={send} open={open} />)}</div>}
      {loader && <LoaderDialog {...loader} onClose={() => setLoader(null)} />}
    </Card>
  );
}

export function sizeWords(resize) {
  if (!resize) return t("original size");
  return resize.includes("x") ? t("exactly {size} pixels", { size: resize.replace("x", " × ") }) : t("shorter edge {size} pixels", { size: resize });
}

function Settings({ batch }) {
  const parts = [
    batch.label_set && batch.label_set.split(".").slice(1).join("."),
    batch.shuffle ? t("shuffled with seed {seed}", { seed: batch.seed }) : t("in the list's order"),
    sizeWords(batch.resize),
    t("JPEG quality {quality}", { quality: batch.quality }),
    batch.classes.length > 0 && t("{count} classes", { count: number(batch.classes.length) }),
  ];
  return <>{parts.filter(Boolean).join(" · ")} · {batch.creator.name} · <Time value={batch.created} />{batch.in_bucket && <> · <BucketCopy copy={batch.in_bucket} /></>}</>;
}

function SetRow({ row, send, open }) {
  const remove = () => confirm({ title: t("Delete this set?"), text: t("It is deleted for good. It can be written again by formatting the dataset once more."), button: t("Delete"), act: () => send("delete_set", { formatted: row.id }) });
  return (
    <div class={`ty-set${row.paired ? " ty-paired" : ""}`}>
      <span class={`ty-letter ty-letter-${row.split}`} title={t(PARTS[row.split])}>{row.letter}</span>
      <span class="ty-set-name"><strong>{FORMATS[row.format]}</strong> {t(PARTS[row.split])}{row.paired && <span class="ty-muted ty-small ty-pair-word"> · {t("pair")}</span>}</span>
      <span class="ty-numbers">{percent(row.percent / 100)}</span>
      <span class="ty-numbers">{t("{count} pictures", { count: number(row.samples) })}</span>
      <span class="ty-numbers ty-muted">{row.ready ? bytes(row.bytes) : "–"}</span>
      <span class="ty-row ty-nowrap ty-end">
        {row.ready && row.split === "train" && <LinkButton small icon="play" href={`training_new?train=${row.id}`}>{t("Train")}</LinkButton>}
        {row.ready && <Button small onClick={() => open(row)}>{t("Code")}</Button>}
        {row.ready && <Menu label={t("More for this set")} items={[{ label: t("Delete this set"), icon: "trash", danger: true, refused: row.refused, onChoose: remove }]} />}
      </span>
    </div>
  );
}

function LoaderDialog({ row, snippets, onClose }) {
  const names = Object.keys(snippets ?? {});
  const [chosen, setChosen] = useState("");
  const name = names.includes(chosen) ? chosen : names[0];
  return (
    <Dialog title={t("Read {format}, {part}", { format: FORMATS[row.format], part: t(PARTS[row.split]) })} wide onClose={onClose}>
      {!snippets ? <Skeleton rows={6} /> : (
        <>
          <Tabs label={t("Framework")} tabs={names.map((id) => ({ id, label: id }))} chosen={name} onChoose={setChosen} />
          <pre class="ty-code">{snippets[name]}</pre>
          <div class="ty-form-foot"><CopyButton text={snippets[name]} /></div>
        </>
      )}
    </Dialog>
  );
}
