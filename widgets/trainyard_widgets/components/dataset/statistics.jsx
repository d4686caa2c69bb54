// What is in a dataset: totals, classes, box sizes of one label set after the other, picture sizes, and files that are not well.
import { useState } from "preact/hooks";
import { Button } from "../button.jsx";
import { Card, Tile, Tiles } from "../card.jsx";
import { BarChart } from "../chart.jsx";
import { SelectField } from "../form.jsx";
import { bytes, number, percent } from "../format.js";
import { Progress } from "../progress.jsx";
import { EmptyState, Note } from "../states.jsx";
import { Tabs } from "../tabs.jsx";
import { Search } from "../table.jsx";
import { N_, t } from "../words.js";
import { Files } from "./files.jsx";
import { Histogram, SizeMap } from "./histogram.jsx";

const FIRST = 24;

export function Statistics({ view, query, setQuery, send }) {
  const { statistics, examination } = view;
  if (!statistics) return <Card><EmptyState icon="chart" title={t("Nothing counted yet")} text={t("The numbers appear when the list has been read.")} /></Card>;
  const chosen = statistics.charts.find((chart) => chart.key === query.set) ?? statistics.charts[0];
  return (
    <div class="ty-stack">
      <Totals totals={statistics.totals} examination={examination} />
      <Examine view={view} send={send} />
      {chosen ? <LabelSet charts={statistics.charts} chart={chosen} examination={examination} setQuery={setQuery} /> : (
        <Card><EmptyState icon="chart" title={t("No labels")} text={t("The list has {count} pictures and no label information. It cannot be trained on until it is labelled.", { count: number(statistics.totals.images) })} /></Card>
      )}
      <Looked view={view} setQuery={setQuery} send={send} />
    </div>
  );
}

function Totals({ totals, examination }) {
  const bad = examination ? examination.missing + examination.broken : 0;
  return (
    <Tiles>
      <Tile label={t("Pictures")} value={number(totals.images)} note={totals.videos ? t("and {count} videos", { count: number(totals.videos) }) : undefined} />
      <Tile label={t("Objects in boxes")} value={number(totals.objects)} note={totals.objects && totals.images ? t("{count} in a picture", { count: number(totals.objects / totals.images, 1) }) : undefined} />
      <Tile label={t("Without a label")} value={number(totals.unlabelled)} note={totals.unlabelled && totals.images ? percent(totals.unlabelled / totals.images, 1) : undefined} />
      <Tile label={t("Lines with a problem")} value={number(totals.problems_total)} tone={totals.problems_total ? "warn" : undefined} />
      {examination && <Tile label={t("Missing or broken")} value={number(bad)} tone={bad ? "warn" : undefined} note={bad ? percent(bad / Math.max(1, examination.pictures), 2) : undefined} />}
      {examination && <Tile label={t("There twice")} value={number(examination.duplicates)} tone={examination.duplicates ? "warn" : undefined} />}
      {examination?.bytes > 0 && <Tile label={t("Bytes of the pictures")} value={bytes(examination.bytes)} note={examination.readable ? t("{size} on average", { size: bytes(examination.bytes / examination.readable) }) : undefined} />}
    </Tiles>
  );
}

function LabelSet({ charts, chart, examination, setQuery }) {
  const parts = examination?.box_parts[chart.key];
  const tabs = charts.map((one) => ({ id: one.key, label: <>{one.name} <span class="ty-muted ty-small">{t(one.type)}</span></> }));
  const say = (count) => t(chart.counted === "objects" ? N_("{count} objects") : N_("{count} pictures"), { count: number(count) });
  const total = chart.counted === "objects" ? chart.objects : chart.images;
  return (
    <Card title={t("Label sets")} text={chart.imbalance > 3 ? t("The largest class is {times} times the smallest: look at accuracy class by class, or balance the list.", { times: number(chart.imbalance, 1) }) : t("Choose a class to see its pictures.")}>
      <Tabs label={t("Label sets")} tabs={tabs} chosen={chart.key} onChoose={(set) => setQuery({ set }, { replace: true })} />
      <div class={chart.boxes ? "ty-chart-pair" : ""}>
        <Classes key={chart.key} chart={chart} say={say} total={total} onChoose={(name) => setQuery({ tab: "pictures", set: chart.key, class: name, page: "" })} />
        {chart.boxes && <BoxSizes key={chart.key} relative={parts} pixels={chart.box_sizes} outside={examination?.boxes_outside[chart.key] ?? 0} />}
      </div>
    </Card>
  );
}

function Classes({ chart, say, total, onChoose }) {
  const [search, setSearch] = useState("");
  const [order, setOrder] = useState("given");
  const found = chart.bars.filter((bar) => bar.class.toLowerCase().includes(search.toLowerCase()));
  const bars = order === "given" ? found : [...found].sort((one, other) => (order === "name" ? one.class.localeCompare(other.class) : other.count - one.count));
  return (
    <section class="ty-stack-small">
      <div class="ty-row ty-between">
        <h3>{t("{things} in {classes} classes", { things: say(total), classes: number(chart.bars.length) })}</h3>
        {chart.bars.length > FIRST && <div class="ty-row ty-chart-tools"><Search value={search} label={t("Find a class")} onSearch={setSearch} /><SelectField name="order" label={t("Order")} value={order} onChange={setOrder} options={[{ value: "given", label: t("as counted") }, { value: "count", label: t("by count") }, { value: "name", label: t("by name") }]} /></div>}
      </div>
      <BarChart label={t("Classes and their counts")} say={say} first={FIRST} bars={bars.map((bar) => ({ label: bar.class, value: bar.count, note: chart.counted === "objects" ? t("in {count} pictures", { count: number(bar.images) }) : percent(total ? bar.count / total : 0, 1) }))} onChoose={onChoose} />
    </section>
  );
}

function BoxSizes({ relative, pixels, outside }) {
  const [wanted, setUnit] = useState("relative");
  const unit = { relative, pixels }[wanted] ? wanted : relative ? "relative" : "pixels";
  const chosen = unit === "relative" ? relative : pixels;
  const options = [{ value: "relative", label: t("against the picture"), disabled: !relative }, { value: "pixels", label: t("in pixels"), disabled: !pixels }];
  return (
    <section class="ty-stack-small">
      <div class="ty-row ty-between"><h3>{t("Size of the boxes")}</h3><div class="ty-chart-tools"><SelectField name="box_unit" label={t("Measured")} value={unit} onChange={setUnit} options={options} /></div></div>
      {chosen ? <Histogram edges={chosen.edges} counts={chosen.counts} unit={t("boxes")} say={(count) => t("{count} boxes", { count: number(count) })} label={t("Size of the boxes")} show={unit === "relative" ? (edge) => percent(edge) : number} axis={unit === "relative" ? t("square root of the area, as a part of the picture's") : t("square root of the area, in pixels")} /> : <p class="ty-muted">{t("It is known when the pictures were examined.")}</p>}
      {outside > 0 && <p class="ty-warn ty-small">{t("{count} boxes reach out of their picture.", { count: number(outside) })}</p>}
    </section>
  );
}

// What needs the pictures themselves, not only the list: offered before it was asked for, then how far it is.
function Examine({ view, send }) {
  const { examination, examining, dataset, statistics } = view;
  if (dataset.state !== "ready") return null;
  if (isUnderWay(examining)) return <Card title={t("The pictures are being examined")} text={t("You may leave this page; the charts below change when it is done.")}><Progress progress={examining.progress} label={examining.state === "queued" ? t("Waits for its turn") : t("Examining the pictures")} /></Card>;
  const failed = examining?.state === "failed" && <div class="ty-gap"><Note kind="bad" title={t("The pictures could not be examined.")}>{examining.error}</Note></div>;
  if (examination) return failed || null;
  return (
    <Card title={t("The pictures were not examined yet")} text={t("Which are missing, broken or there twice, how large they are, and what a formatted set will weigh: only the pictures themselves tell.")} actions={<Button kind="primary" icon="search" onClick={() => send("examine")}>{failed ? t("Try again") : t("Examine the pictures")}</Button>}>
      {failed}
      <p class="ty-muted ty-small">{costs(statistics)}</p>
    </Card>
  );
}

const isUnderWay = (examining) => examining?.state === "queued" || examining?.state === "running";

// What an examination takes, as far as it is known before.
function costs(statistics) {
  const { places, totals } = statistics;
  const far = ["web", "s3", "qiniu"].reduce((sum, place) => sum + (places?.[place] ?? 0), 0);
  const job = t("It takes a small job that opens each of the {count} pictures once and decodes none; nothing is changed.", { count: number(totals.images) });
  return far ? `${job} ${t("{count} of them lie in a bucket or on the web and are loaded for it.", { count: number(far) })}` : job;
}

// What the examination found.
function Looked({ view, setQuery, send }) {
  const { examination, examining, dataset } = view;
  if (dataset.state !== "ready" || !examination) return null;
  const again = !isUnderWay(examining) && <Button small icon="search" onClick={() => send("examine")}>{t("Examine again")}</Button>;
  return (
    <>
      {examination.sizes && <Sizes examination={examination} />}
      <Files examination={examination} dataset={dataset} setQuery={setQuery} actions={again} />
    </>
  );
}

function Sizes({ examination }) {
  const { sizes, smallest, largest, kinds } = examination;
  const said = Object.entries(kinds).sort((one, other) => other[1] - one[1]).map(([kind, count]) => `${kind === "other" ? t("other") : kind.toUpperCase()} ${number(count)}`);
  const [small, large] = [smallest, largest].map((size) => size?.map((edge) => number(edge)).join(" × "));
  const range = small && (small === large ? t("all {size} pixels", { size: small }) : t("from {small} to {large} pixels", { small, large }));
  return (
    <Card title={t("Size of the pictures")} text={[range, ...said].filter(Boolean).join(" · ")}>
      <SizeMap widths={sizes.width_edges} heights={sizes.height_edges} counts={sizes.counts} label={t("Pictures by width and height")} />
    </Card>
  );
}
