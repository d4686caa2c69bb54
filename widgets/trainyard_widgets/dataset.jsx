// One dataset: what it is, what is in it, what is wrong with it, its pictures, and the sets formatted from it.
import { useCallback, useEffect, useState } from "preact/hooks";
import {
  api, BarChart, BucketCopy, bytes, Button, Card, confirm, definePage, EmptyState, Facts, failed, LinkButton, N_, Note, number, PageHeader, Progress, SelectField, Skeleton, StateBadge, t, Table, Tabs, Time,
} from "./components/index.js";
import { BatchCard } from "./components/batches.jsx";
import { DescribeDialog, ShareDialog } from "./components/dataset_dialogs.jsx";
import { Menu } from "./components/menu.jsx";
import { publishItems } from "./components/publish.jsx";
import { FormatDialog } from "./components/format_dialog.jsx";
import { PictureGrid } from "./components/pictures.jsx";
import { adoptDataStyle } from "./components/style.js";

N_("classification");
N_("detection");
N_("face");

function Dataset({ view, query, setQuery, send }) {
  const [dialog, setDialog] = useState("");
  if (!view) return <><PageHeader title={t("Dataset")} /><Card><Skeleton rows={8} /></Card></>;
  const { dataset } = view;
  const tab = query.tab ?? "sets";
  const ready = dataset.state === "ready";
  const more = publishItems({ dataset, administrator: view.administrator, send });
  return (
    <>
      <p class="ty-crumb"><a href="datasets">{t("Datasets")}</a></p>
      <PageHeader title={dataset.name} text={dataset.description || (dataset.refused.change ? "" : t("No description yet."))}>
        {!dataset.refused.change && <Button icon="pencil" onClick={() => setDialog("describe")}>{t("Edit")}</Button>}
        {!dataset.refused.share && <Button icon="share" onClick={() => setDialog("share")}>{t("Share")}</Button>}
        {ready && <Button kind="primary" icon="box" onClick={() => setQuery({ format: "1" })}>{t("Format")}</Button>}
        {more.length > 0 && <Menu label={t("More for {name}", { name: dataset.name })} items={more} />}
      </PageHeader>
      <div class="ty-stack">
        <Summary dataset={dataset} statistics={view.statistics} />
        <div>
          <Tabs label={t("Parts of the dataset")} chosen={tab} onChoose={(chosen) => setQuery({ tab: chosen }, { replace: true })} tabs={[
            { id: "sets", label: t("Formatted sets"), count: view.batches.length },
            { id: "statistics", label: t("Statistics") },
            { id: "pictures", label: t("Pictures") },
            { id: "problems", label: t("Problems"), count: view.statistics?.totals.problems_total ?? 0 },
          ]} />
          {tab === "sets" && <Sets view={view} send={send} ready={ready} open={() => setQuery({ format: "1" })} />}
          {tab === "statistics" && <Statistics statistics={view.statistics} query={query} setQuery={setQuery} />}
          {tab === "pictures" && <Pictures view={view} query={query} setQuery={setQuery} send={send} />}
          {tab === "problems" && <Problems statistics={view.statistics} />}
        </div>
      </div>
      {query.format && ready && <FormatDialog view={view} send={send} onClose={() => setQuery({ format: "" }, { replace: true })} onBegun={() => setQuery({ format: "", tab: "" }, { replace: true })} />}
      {dialog === "describe" && <DescribeDialog dataset={dataset} onSave={(change) => send("describe", change)} onClose={() => setDialog("")} />}
      {dialog === "share" && <ShareDialog dataset={dataset} groups={view.groups} send={(action, args) => send(action, args)} onClose={() => setDialog("")} />}
    </>
  );
}

function Summary({ dataset, statistics }) {
  const totals = statistics?.totals;
  const shares = dataset.shares.map((share) => share.group ?? t("everybody")).join(", ");
  return (
    <Card>
      {dataset.state === "creating" && <div class="ty-gap"><Progress progress={dataset.progress} label={t("Reading and checking the list")} /></div>}
      {dataset.state === "failed" && <div class="ty-gap"><Note kind="bad" title={t("The dataset could not be made.")}>{dataset.error}</Note></div>}
      <Facts rows={[
        [t("State"), <StateBadge state={dataset.state} />],
        [t("Pictures"), number(dataset.images)],
        [t("Videos"), totals?.videos ? number(totals.videos) : null],
        [t("Objects in boxes"), totals?.objects ? number(totals.objects) : null],
        [t("Without a label"), totals?.unlabelled ? number(totals.unlabelled) : null],
        [t("Lines with a problem"), totals?.problems_total ? <span class="ty-warn">{number(totals.problems_total)}</span> : null],
        [t("Size of the list"), totals?.bytes ? bytes(totals.bytes) : null],
        [t("On disk"), dataset.disk ? `${bytes(dataset.disk)}${dataset.group ? ` · ${t("charged to {group}", { group: dataset.group })}` : ""}` : null],
        [t("Owner"), dataset.owner.name],
        [t("Shared with"), shares || t("only you")],
        [t("Source"), dataset.source],
        [t("Created"), <Time value={dataset.created} />],
        [t("Bucket copy"), dataset.in_bucket ? <BucketCopy copy={dataset.in_bucket} /> : null],
        [t("List"), dataset.state === "ready" ? <a href={api(`/datasets/${dataset.id}/list`)} download>{t("Download the list")}</a> : null],
      ]} />
    </Card>
  );
}

function Sets({ view, send, ready, open }) {
  if (!view.batches.length) {
    return (
      <Card>
        <EmptyState icon="box" title={t("Not formatted yet")} text={t("Training reads RecordIO or LMDB. One press writes a training and a validation part of this dataset, with identical pictures in every format.")}>
          {ready && <Button kind="primary" icon="box" onClick={open}>{t("Format")}</Button>}
        </EmptyState>
      </Card>
    );
  }
  return <div class="ty-stack">{view.batches.map((batch) => <BatchCard key={batch.id} batch={batch} send={send} />)}</div>;
}

function Statistics({ statistics, query, setQuery }) {
  if (!statistics) return <Card><EmptyState icon="chart" title={t("Nothing counted yet")} text={t("The numbers appear when the list has been read.")} /></Card>;
  if (!statistics.charts.length) return <Card><EmptyState icon="chart" title={t("No labels")} text={t("The list has {count} pictures and no label information. It cannot be trained on until it is labelled.", { count: number(statistics.totals.images) })} /></Card>;
  const chosen = statistics.charts.find((chart) => chart.key === query.set) ?? statistics.charts[0];
  const counted = chosen.counted === "objects" ? t("objects") : t("pictures");
  return (
    <Card title={t("{name}: {count} {things} in {classes} classes", { name: chosen.name, count: number(chosen.counted === "objects" ? chosen.objects : chosen.images), things: counted, classes: number(chosen.bars.length) })}
      text={chosen.imbalance > 3 ? t("The largest class is {times} times the smallest: look at accuracy class by class, or balance the list.", { times: number(chosen.imbalance, 1) }) : t("Choose a class to see its pictures.")}
      actions={statistics.charts.length > 1 && <SelectField name="set" label={t("Label set")} value={chosen.key} onChange={(set) => setQuery({ set }, { replace: true })} options={statistics.charts.map((chart) => ({ value: chart.key, label: `${chart.name} · ${t(chart.type)}` }))} />}>
      <BarChart label={t("Classes and their counts")} unit={counted} first={30} bars={chosen.bars.map((bar) => ({ label: bar.class, value: bar.count, note: chosen.counted === "objects" ? t("in {count} pictures", { count: number(bar.images) }) : undefined }))} onChoose={(name) => setQuery({ tab: "pictures", set: chosen.key, class: name })} />
    </Card>
  );
}

function Pictures({ view, query, setQuery, send }) {
  const charts = view.statistics?.charts ?? [];
  const set = charts.find((chart) => chart.key === query.set) ?? charts[0];
  const [pages, setPages] = useState({ items: null, total: 0 });
  const load = useCallback((offset) => send("samples", { offset, label_set: query.class ? (set?.key ?? "") : "", class_name: query.class ?? "" }), [query.class, set?.key]);
  useEffect(() => {
    let ended = false;
    setPages({ items: null, total: 0 });
    load(0).then((page) => !ended && setPages(page), (error) => !ended && (failed(error), setPages({ items: [], total: 0 })));
    return () => void (ended = true);
  }, [load, view.dataset.state]);
  const more = useCallback(async () => {
    const page = await load(pages.items.length);
    setPages((old) => (page.offset === old.items.length ? { items: [...old.items, ...page.items], total: page.total } : old));
  }, [load, pages.items?.length]);
  const filters = (
    <>
      {charts.length > 1 && <SelectField name="set" label={t("Label set")} value={set.key} onChange={(key) => setQuery({ set: key, class: "" }, { replace: true })} options={charts.map((chart) => ({ value: chart.key, label: `${chart.name} · ${t(chart.type)}` }))} />}
      {set && <SelectField name="class" label={t("Class")} value={query.class ?? ""} onChange={(name) => setQuery({ class: name, set: set.key }, { replace: true })} options={[{ value: "", label: t("all classes") }, ...set.bars.map((bar) => ({ value: bar.class, label: `${bar.class} (${number(bar.images || bar.count)})` }))]} />}
    </>
  );
  return (
    <Card title={pages.items ? t("{count} pictures", { count: number(pages.total) }) : t("Pictures")} text={t("Choose a picture to enlarge it.")} actions={filters}>
      {!pages.items ? <Skeleton rows={5} height={90} /> : pages.items.length === 0 ? <EmptyState icon="image" title={t("No pictures")} text={query.class ? t("No picture has this class.") : t("They appear when the list has been read.")} /> : (
        <PictureGrid samples={pages.items} colours={view.colours} onMore={pages.items.length < pages.total ? more : null} />
      )}
    </Card>
  );
}

function Problems({ statistics }) {
  const rows = statistics?.problems ?? [];
  if (!rows.length) return <Card><EmptyState icon="check" title={t("No problems")} text={t("Every line of the list could be read.")} /></Card>;
  const columns = [
    { id: "line", label: t("Line"), numbers: true, sort: (row) => row.line, cell: (row) => number(row.line) },
    { id: "column", label: t("Column"), numbers: true, cell: (row) => (row.column ? number(row.column) : "–") },
    { id: "field", label: t("Field"), cell: (row) => <code>{row.field || "–"}</code> },
    { id: "reason", label: t("Reason"), wide: true, cell: (row) => row.reason },
  ];
  return (
    <Card flush title={t("Lines that were left out")} text={t("Everything else is in the dataset. Mend these lines in the list and make a new dataset to have them too.")}>
      <Table label={t("Problems")} columns={columns} rows={rows} rowKey={(row) => `${row.line}-${row.column}-${row.field}`} size={50} />
      {statistics.problems_hidden > 0 && <p class="ty-muted ty-inset">{t("{count} more are not shown.", { count: number(statistics.problems_hidden) })}</p>}
    </Card>
  );
}

adoptDataStyle();

export default definePage(Dataset);
