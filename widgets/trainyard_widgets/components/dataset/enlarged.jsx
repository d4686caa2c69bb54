// One picture large: its labels, its line in the list as it was written, and the way to the one before and after.
import { useEffect, useState } from "preact/hooks";
import { useArrows } from "../arrows.js";
import { Button, CopyButton } from "../button.jsx";
import { Dialog } from "../dialog.jsx";
import { number, percent } from "../format.js";
import { ErrorState, Skeleton } from "../states.jsx";
import { Tabs } from "../tabs.jsx";
import { t } from "../words.js";
import { colourOf } from "./marks.jsx";
import { LARGE, Thumbnail } from "./thumbnail.jsx";

export function EnlargedPicture({ sample, place, total, colours, send, onClose, onStep }) {
  const [tab, setTab] = useState("labels");
  useArrows(onStep);
  const footer = (
    <>
      <span class="ty-muted ty-numbers ty-small">{t("{place} of {total}", { place: number(place + 1), total: number(total) })} · {t("line {line}", { line: number(sample.line) })}</span>
      <Button disabled={place === 0} onClick={() => onStep(-1)}>{t("Previous")}</Button>
      <Button disabled={place === total - 1} onClick={() => onStep(1)}>{t("Next")}</Button>
    </>
  );
  return (
    <Dialog title={sample.name} wide onClose={onClose} footer={footer}>
      <div class="ty-enlarged">
        <Thumbnail key={sample.line} picture={sample.picture} name={sample.name} marks={sample.boxes} colours={colours} size={LARGE} named />
        <p class="ty-muted ty-picture-url">{sample.url}</p>
        <Tabs label={t("About this picture")} chosen={tab} onChoose={setTab} tabs={[{ id: "labels", label: t("Labels"), count: sample.tags.length + sample.boxes.length }, { id: "source", label: t("Line of the list") }]} />
        <div class="ty-enlarged-about">{tab === "labels" ? <LabelList sample={sample} colours={colours} /> : <SourceLine line={sample.line} send={send} />}</div>
      </div>
    </Dialog>
  );
}

function LabelList({ sample, colours }) {
  const score = (value) => value !== null && value !== undefined && <span class="ty-muted"> {percent(value, 1)}</span>;
  if (!sample.tags.length && !sample.boxes.length) return <p class="ty-muted">{t("This picture has no label.")}</p>;
  return (
    <ul class="ty-labels">
      {sample.tags.map((tag) => <li key={`${tag.set}/${tag.class}`}><span class="ty-muted">{tag.set}</span> <strong>{tag.class}</strong>{score(tag.score)}</li>)}
      {sample.boxes.map((box, number_) => (
        <li key={number_}>
          <i style={{ background: colourOf(colours, box.class) }} /><span class="ty-muted">{box.set}</span> <strong>{box.class}</strong> <span class="ty-muted ty-numbers">{Math.round(box.width)} × {Math.round(box.height)} px</span>
          {box.polygon.length > 2 && <span class="ty-muted"> · {t("outline of {count} points", { count: box.polygon.length })}</span>}
          {box.points.length > 0 && <span class="ty-muted"> · {t("{count} landmarks", { count: box.points.length })}</span>}
          {box.difficult && <span class="ty-muted"> · {t("difficult")}</span>}{score(box.score)}
        </li>
      ))}
    </ul>
  );
}

function SourceLine({ line, send }) {
  const [text, setText] = useState(null);
  const [raw, setRaw] = useState(false);
  const [error, setError] = useState(null);
  useEffect(() => {
    let ended = false;
    setText(null);
    setError(null);
    send("source", { line }).then((found) => !ended && setText(found), (refusal) => !ended && setError(refusal));
    return () => void (ended = true);
  }, [line]);
  if (error) return <ErrorState error={error} small />;
  if (text === null) return <Skeleton rows={4} />;
  const shown = raw ? text : pretty(text);
  return (
    <>
      <pre class={`ty-code ty-source${raw ? " ty-wrapped" : ""}`} tabIndex={0}>{shown}</pre>
      <div class="ty-row ty-end"><Button small onClick={() => setRaw(!raw)}>{raw ? t("Indent") : t("As it is written")}</Button><CopyButton text={text} /></div>
    </>
  );
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2).replace(/\[\s+(-?[\d.e+]+),\s+(-?[\d.e+]+)\s+\]/g, "[$1, $2]");
  } catch {
    return text;
  }
}
