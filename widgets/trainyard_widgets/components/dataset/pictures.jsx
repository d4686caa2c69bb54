// The pictures of a dataset, page by page however many there are: filtered by classes, found by line, enlarged one by one.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.jsx";
import { Card } from "../card.jsx";
import { SelectField } from "../form.jsx";
import { number } from "../format.js";
import { EmptyState, Skeleton } from "../states.jsx";
import { failed } from "../toast.jsx";
import { t } from "../words.js";
import { chosenClasses, ClassFilter, writtenClasses } from "./class_filter.jsx";
import { EnlargedPicture } from "./enlarged.jsx";
import { Thumbnail } from "./thumbnail.jsx";

export const PAGE_SIZE = 120;

export function Pictures({ view, query, setQuery, send }) {
  const charts = view.statistics?.charts ?? [];
  const set = charts.find((chart) => chart.key === query.set) ?? charts[0];
  const classes = chosenClasses(query.class);
  const page = Math.max(1, Number.parseInt(query.page, 10) || 1);
  const [shown, setShown] = useState(null); // {items, total, offset}
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState(null); // place among all that match
  const filter = { label_set: classes.length ? (set?.key ?? "") : "", classes };
  const asked = `${filter.label_set} ${query.class ?? ""}`;
  const top = useRef(null);
  useEffect(() => {
    let ended = false;
    setBusy(true);
    send("samples", { offset: (page - 1) * PAGE_SIZE, ...filter }).then(
      (found) => {
        if (ended) return;
        const last = Math.ceil(found.total / PAGE_SIZE);
        if (found.total > 0 && page > last) return goTo(last); // an old address, or fewer pictures than there were
        setShown(found);
        setBusy(false);
      },
      (error) => !ended && (failed(error), setShown((old) => old ?? { items: [], total: 0, offset: 0 }), setBusy(false)),
    );
    return () => void (ended = true);
  }, [page, asked, view.dataset.state]);
  useEffect(() => setOpen(null), [asked]);
  const goTo = (next) => {
    setQuery({ page: next > 1 ? next : "", line: "" }, { replace: true });
    if (top.current?.getBoundingClientRect().top < 0) top.current.scrollIntoView();
  };
  const jump = useCallback(async (line) => {
    const place = await send("locate", { line, ...filter });
    setQuery({ page: Math.floor(place / PAGE_SIZE) + 1, line: "" }, { replace: true });
    setOpen(place);
  }, [asked]);
  useEffect(() => void (query.line && view.dataset.state === "ready" && jump(Number(query.line)).catch(failed)), [query.line, view.dataset.state]);
  const step = (by) => {
    const next = Math.min((shown?.total ?? 1) - 1, Math.max(0, open + by));
    setOpen(next);
    const itsPage = Math.floor(next / PAGE_SIZE) + 1;
    if (itsPage !== page) setQuery({ page: itsPage > 1 ? itsPage : "" }, { replace: true });
  };
  const filters = (
    <div class="ty-row ty-filters-row">
      {charts.length > 1 && <SelectField name="set" label={t("Label set")} value={set.key} onChange={(key) => setQuery({ set: key, class: "", page: "" }, { replace: true })} options={charts.map((chart) => ({ value: chart.key, label: `${chart.name} · ${t(chart.type)}` }))} />}
      {set && <ClassFilter set={set} chosen={classes} onChange={(names) => setQuery({ class: writtenClasses(names), set: set.key, page: "" }, { replace: true })} />}
    </div>
  );
  const sample = open === null ? null : shown?.items[open - shown.offset];
  return (
    <Card title={shown ? t("{count} pictures", { count: number(shown.total) }) : t("Pictures")} text={t("Choose a picture to enlarge it; the arrow keys lead on.")} actions={filters}>
      <div ref={top} class="ty-anchor" />
      {!shown ? <GridSkeleton /> : shown.items.length === 0 && !busy ? <EmptyState icon="image" title={t("No pictures")} text={classes.length ? t("No picture has this class.") : t("They appear when the list has been read.")} /> : (
        <>
          <Tools page={page} total={shown.total} goTo={goTo} jump={jump} />
          <div class="ty-pictures" aria-busy={busy}>
            {shown.items.map((one, place) => (
              <button key={one.line} class="ty-picture" onClick={() => setOpen(shown.offset + place)} title={one.url}>
                <Thumbnail picture={one.picture} name={one.name} marks={one.boxes} colours={view.colours} />
                <span class="ty-picture-tags">{tagsOf(one).map((tag) => <span key={tag} class="ty-ellipsis">{tag}</span>)}</span>
              </button>
            ))}
          </div>
          {shown.total > PAGE_SIZE && <Tools page={page} total={shown.total} goTo={goTo} below />}
        </>
      )}
      {sample && <EnlargedPicture sample={sample} place={open} total={shown.total} colours={view.colours} send={send} onClose={() => setOpen(null)} onStep={step} />}
    </Card>
  );
}

// Leads to a page by its number and to a picture by its line.
function Tools({ page, total, goTo, jump, below }) {
  const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
  const [line, setLine] = useState("");
  const wanted = useRef(null);
  const submitPage = (event) => {
    event.preventDefault();
    if (!wanted.current) return; // the field of the page before tells that it lost the focus when it is taken away
    const typed = Number.parseInt(wanted.current.value, 10);
    if (typed) goTo(Math.min(pages, Math.max(1, typed)));
    wanted.current.value = String(page);
  };
  const submitLine = (event) => {
    event.preventDefault();
    if (Number(line) > 0) jump(Number(line)).then(() => setLine((typed) => (typed === line ? "" : typed)), failed);
  };
  return (
    <div class={`ty-picture-tools${below ? " ty-below" : ""}`}>
      <span class="ty-muted ty-numbers ty-small">{t("{first}–{last} of {total}", { first: number((page - 1) * PAGE_SIZE + 1), last: number(Math.min(total, page * PAGE_SIZE)), total: number(total) })}</span>
      {!below && jump && (
        <form class="ty-row ty-nowrap" onSubmit={submitLine}>
          <input class="ty-input ty-tool-input" type="number" min="1" value={line} onInput={(event) => setLine(event.target.value)} aria-label={t("Go to line")} placeholder={t("line")} />
          <Button small type="submit">{t("Go to line")}</Button>
        </form>
      )}
      {pages > 1 && (
        <form class="ty-row ty-nowrap" onSubmit={submitPage}>
          <Button small disabled={page <= 1} onClick={() => goTo(page - 1)}>{t("Previous")}</Button>
          <input key={page} ref={wanted} class="ty-input ty-tool-input" type="number" min="1" max={pages} defaultValue={page} aria-label={t("Page")} onBlur={submitPage} />
          <span class="ty-muted ty-numbers ty-small">/ {number(pages)}</span>
          <Button small disabled={page >= pages} onClick={() => goTo(page + 1)}>{t("Next")}</Button>
        </form>
      )}
    </div>
  );
}

function GridSkeleton() {
  return <div class="ty-picture-wait"><Skeleton rows={5} height={120} /></div>;
}

function tagsOf(sample) {
  const tags = sample.tags.map((tag) => tag.class);
  if (sample.boxes.length) tags.push(t("{count} boxes", { count: number(sample.boxes.length) }));
  return tags.length ? tags : [t("no label")];
}
