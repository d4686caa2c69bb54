// Pictures with their labels: a grid that loads as it is scrolled, boxes drawn to scale, one picture enlarged on demand.
import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog.jsx";
import { Icon } from "./icons.jsx";
import { Button } from "./button.jsx";
import { number, percent } from "./format.js";
import { ensureSession, SERVICE } from "./service.js";
import { t } from "./words.js";

// Apart for every kind of colour blindness (Okabe and Ito), on dark and on bright pictures; the class is written on the box too.
const COLOURS = ["#56b4e9", "#e69f00", "#00b384", "#f0e442", "#ff7a3d", "#d68bb8", "#8fb3ff"];
const THUMBNAIL = 320;
const LARGE = 1600;

export const colourOf = (colours, name) => COLOURS[(colours[name] ?? 0) % COLOURS.length];

// ``samples``: as Python's ``sample_view`` makes them. ``onMore`` asks for the next page, or is null at the end.
export function PictureGrid({ samples, colours, onMore }) {
  const [open, setOpen] = useState(null);
  const end = useRef(null);
  useEffect(() => {
    if (!onMore || !end.current) return undefined;
    const observer = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && onMore(), { rootMargin: "400px" });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [onMore]);
  const step = (by) => setOpen((place) => Math.min(samples.length - 1, Math.max(0, place + by)));
  return (
    <>
      <div class="ty-pictures">
        {samples.map((sample, place) => (
          <button key={sample.line} class="ty-picture" onClick={() => setOpen(place)} title={sample.url}>
            <Picture sample={sample} colours={colours} size={THUMBNAIL} />
            <span class="ty-picture-tags">{tagsOf(sample).map((tag) => <span key={tag} class="ty-ellipsis">{tag}</span>)}</span>
          </button>
        ))}
      </div>
      <div ref={end} />
      {open !== null && samples[open] && <Enlarged sample={samples[open]} colours={colours} onClose={() => setOpen(null)} onStep={step} first={open === 0} last={open === samples.length - 1} />}
    </>
  );
}

function tagsOf(sample) {
  const tags = sample.tags.map((tag) => tag.class);
  if (sample.boxes.length) tags.push(sample.boxes.length === 1 ? t("1 box") : t("{count} boxes", { count: number(sample.boxes.length) }));
  return tags.length ? tags : [t("no label")];
}

function Enlarged({ sample, colours, onClose, onStep, first, last }) {
  const key = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) onStep(by);
  };
  return (
    <Dialog title={sample.name} wide onClose={onClose} footer={<><span class="ty-muted ty-numbers">{t("line {line}", { line: number(sample.line) })}</span><Button disabled={first} onClick={() => onStep(-1)}>{t("Previous")}</Button><Button disabled={last} onClick={() => onStep(1)}>{t("Next")}</Button></>}>
      <div onKeyDown={key} class="ty-enlarged">
        <Picture sample={sample} colours={colours} size={LARGE} named />
        <ul class="ty-labels">
          {sample.tags.map((tag) => <li key={`${tag.set}/${tag.class}`}><span class="ty-muted">{tag.set}</span> <strong>{tag.class}</strong>{tag.score !== null && tag.score !== undefined && <span class="ty-muted"> {percent(tag.score, 1)}</span>}</li>)}
          {sample.boxes.map((box, place) => <li key={place}><i style={{ background: colourOf(colours, box.class) }} /><span class="ty-muted">{box.set}</span> <strong>{box.class}</strong> <span class="ty-muted ty-numbers">{Math.round(box.width)} × {Math.round(box.height)} px{box.score !== null && box.score !== undefined && ` · ${percent(box.score, 1)}`}</span></li>)}
        </ul>
        <p class="ty-muted ty-picture-url">{sample.url}</p>
      </div>
    </Dialog>
  );
}

// A picture and, to the scale of the original, its boxes. The service says the original's size beside the smaller picture.
function Picture({ sample, colours, size, named }) {
  const [shown, setShown] = useState(null);
  const [broken, setBroken] = useState(false);
  const place = useRef(null);
  useEffect(() => {
    let ended = false;
    let address = null;
    setBroken(false);
    const load = async () => {
      try {
        await ensureSession();
        const answer = await fetch(pictureAddress(sample.picture, size));
        if (!answer.ok) throw new Error(String(answer.status));
        address = URL.createObjectURL(await answer.blob());
        if (!ended) setShown({ address, width: Number(answer.headers.get("Picture-Width")) || 0, height: Number(answer.headers.get("Picture-Height")) || 0 });
      } catch {
        if (!ended) setBroken(true);
      }
    };
    const observer = new IntersectionObserver((seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      observer.disconnect();
      load();
    }, { rootMargin: "300px" });
    observer.observe(place.current);
    return () => {
      ended = true;
      observer.disconnect();
      if (address) URL.revokeObjectURL(address);
    };
  }, [sample.picture, size]);
  const measured = (event) => {
    if (shown && !shown.width) setShown({ ...shown, width: event.target.naturalWidth, height: event.target.naturalHeight });
  };
  return (
    <span class="ty-picture-frame" ref={place}>
      {broken && <span class="ty-picture-broken"><Icon name="warning" size={24} />{t("cannot be shown")}</span>}
      {shown && !broken && <img src={shown.address} alt={sample.name} onLoad={measured} onError={() => setBroken(true)} class={shown.width && shown.width < 100 ? "ty-tiny" : undefined} />}
      {shown?.width > 0 && sample.boxes.length > 0 && <Boxes boxes={sample.boxes} colours={colours} width={shown.width} height={shown.height} named={named} />}
    </span>
  );
}

function Boxes({ boxes, colours, width, height, named }) {
  const line = Math.max(width, height) / (named ? 300 : 75);
  const letters = Math.max(width, height) / 45;
  return (
    <svg class="ty-boxes" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="xMidYMid meet" aria-hidden="true">
      {boxes.map((box, place) => (
        <g key={place}>
          <rect x={box.left} y={box.top} width={box.width} height={box.height} fill="none" stroke="#000b" stroke-width={line * 1.8} />
          <rect x={box.left} y={box.top} width={box.width} height={box.height} fill="none" stroke={colourOf(colours, box.class)} stroke-width={line} />
          {box.points.map(([x, y], number_) => <circle key={number_} cx={x} cy={y} r={line * 1.5} fill={colourOf(colours, box.class)} />)}
          {named && <text x={box.left + line} y={Math.max(letters, box.top - line * 2)} font-size={letters} fill={colourOf(colours, box.class)} stroke="#000c" stroke-width={letters / 6} paint-order="stroke">{box.class}</text>}
        </g>
      ))}
    </svg>
  );
}

// The record gives the picture's address, absolute or below the service.
function pictureAddress(picture, size) {
  const address = new URL(picture, new URL(SERVICE, location.href));
  address.searchParams.set("size", size);
  return address.href;
}
