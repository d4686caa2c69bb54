// The same eight samples, before and after the selected node, with their boxes; one is enlarged on demand.
import { useState } from "preact/hooks";
import { useArrows } from "../arrows.js";
import { Button } from "../button.jsx";
import { Dialog } from "../dialog.jsx";
import { number } from "../format.js";
import { Icon } from "../icons.jsx";
import { colourOf } from "../pictures.jsx";
import { Note } from "../states.jsx";
import { t } from "../words.js";

const COUNT = 8;

export function Preview({ preview, node, graph, ready, why }) {
  const [open, setOpen] = useState(null);
  const plain = graph.nodes.find((one) => one.id === node)?.type === "input";
  if (!node) return <p class="ty-muted">{t("Select a node to see eight pictures before and behind it.")}</p>;
  if (preview.error && preview.node === node) return <Note kind="bad" title={preview.error.message}>{preview.error.hint}</Note>;
  if (!ready && !preview.samples) return <p class="ty-muted ty-preview-none">{why}</p>;
  const samples = preview.samples ?? Array.from({ length: COUNT }, () => null);
  return (
    <div class={`ty-preview${preview.samples && preview.fresh && ready ? "" : " ty-stale"}`} aria-busy={!preview.fresh}>
      <div class="ty-preview-words" aria-hidden="true"><span>{t("Original")}</span>{!plain && <span>{t("After the node")}</span>}</div>
      <ul class="ty-preview-strip">
        {samples.map((sample, place) => (
          <li key={place}>
            {sample ? <Sample sample={sample} plain={plain} onOpen={() => setOpen(place)} /> : <><span class="ty-shot ty-shot-empty" />{!plain && <span class="ty-shot ty-shot-empty" />}</>}
          </li>
        ))}
      </ul>
      {preview.samples?.length === 0 && <p class="ty-muted">{t("There is no picture to show.")}</p>}
      {open !== null && samples[open] && <Enlarged sample={samples[open]} node={node} plain={plain} last={open === samples.length - 1} first={open === 0} onStep={(by) => setOpen(open + by)} onClose={() => setOpen(null)} />}
    </div>
  );
}

function Sample({ sample, plain, onOpen }) {
  const [first] = sample.after;
  const out = sample.outputs;
  const words = out === 0 ? t("left behind") : t("{count} pictures", { count: number(out) });
  return (
    <button type="button" class="ty-preview-one" onClick={onOpen} title={sample.name} aria-label={t("Line {line}, {name}: {what}", { line: number(sample.line), name: sample.name, what: plain ? t("as it is") : words })}>
      {sample.before ? <Shot picture={sample.before} /> : <Missing error={sample.error} />}
      {!plain && (
        <span class={`ty-after${sample.after.length > 1 ? ` ty-after-several ty-after-${Math.min(4, sample.after.length)}` : ""}`}>
          {sample.after.length > 1 ? sample.after.map((picture, place) => <Shot key={place} picture={picture} small />) : first ? <Shot picture={first} /> : <span class="ty-shot ty-shot-gone"><Icon name="cross" size={16} /><span>{sample.error && sample.before ? sample.error : t("left behind")}</span></span>}
          {out > sample.after.length && <span class="ty-after-more ty-numbers">+{number(out - sample.after.length)}</span>}
        </span>
      )}
    </button>
  );
}

function Missing({ error }) {
  return <span class="ty-shot ty-shot-gone" title={error}><Icon name="warning" size={16} /><span>{t("cannot be shown")}</span></span>;
}

// A picture and, to its own scale, its boxes and landmarks.
export function Shot({ picture, small, named }) {
  const { width, height, boxes } = picture;
  const line = Math.max(width, height) / (named ? 260 : small ? 45 : 90);
  const letters = Math.max(width, height) / 34;
  return (
    <span class="ty-shot">
      <img src={picture.data} alt="" />
      {boxes.length > 0 && (
        <svg class="ty-boxes" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="xMidYMid meet" aria-hidden="true">
          {boxes.map((box, place) => {
            const colour = colourOf({ [box.class]: box.colour }, box.class);
            const outlines = [box.corners, box.outline].filter((points) => points.length).map((points) => points.map((point) => point.join()).join(" "));
            return (
              <g key={place}>
                {outlines.map((points) => <polygon key={`${points}/under`} points={points} fill="none" stroke="#000b" stroke-width={line * 1.9} />)}
                {outlines.map((points) => <polygon key={points} points={points} fill="none" stroke={colour} stroke-width={line} />)}
                {box.points.map(([x, y], mark) => <circle key={mark} cx={x} cy={y} r={line * 1.5} fill={colour} />)}
                {named && <text x={box.left + line} y={Math.max(letters, box.top - line * 2)} font-size={letters} fill={colour} stroke="#000c" stroke-width={letters / 6} paint-order="stroke">{box.class}</text>}
              </g>
            );
          })}
        </svg>
      )}
    </span>
  );
}

function Enlarged({ sample, node, plain, first, last, onStep, onClose }) {
  useArrows((by) => (by < 0 ? first : last) || onStep(by));
  return (
    <Dialog title={sample.name} wide onClose={onClose} footer={<><span class="ty-muted ty-numbers">{t("line {line}", { line: number(sample.line) })}</span><Button disabled={first} onClick={() => onStep(-1)}>{t("Previous")}</Button><Button disabled={last} onClick={() => onStep(1)}>{t("Next")}</Button></>}>
      <div class="ty-preview-large">
        {sample.before && <figure><Shot picture={sample.before} named /><figcaption><strong>{t("Original")}</strong> <Words picture={sample.before} /></figcaption></figure>}
        {!plain && sample.after.map((picture, place) => <figure key={place}><Shot picture={picture} named /><figcaption><strong>{picture.ops ? t("New picture") : t("As it is in the list")}</strong> <Words picture={picture} /></figcaption></figure>)}
      </div>
      {!plain && sample.outputs > sample.after.length && <p class="ty-muted">{t("{count} more are not shown.", { count: number(sample.outputs - sample.after.length) })}</p>}
      {!plain && sample.outputs === 0 && <p class="ty-muted">{t("{name} leaves this picture behind.", { name: node })}</p>}
      {sample.error && <Note kind="warn">{sample.error}</Note>}
    </Dialog>
  );
}

function Words({ picture }) {
  return (
    <span class="ty-muted ty-small">
      {picture.width} × {picture.height}{picture.tags.length > 0 && ` · ${picture.tags.map((tag) => tag.class).join(", ")}`}
      {picture.ops && <code class="ty-ops-code">{picture.ops}</code>}
    </span>
  );
}
