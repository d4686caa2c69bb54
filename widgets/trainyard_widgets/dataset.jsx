// One dataset: what it is, what is in it, what is wrong with it, its pictures, and the sets formatted from it.
import { useState } from "preact/hooks";
import { Button, Card, definePage, EmptyState, LinkButton, PageHeader, Skeleton, t, Tabs } from "./components/index.js";
import { BatchCard } from "./components/batches.jsx";
import { CopyDialog, deleteDataset, DescribeDialog, ShareDialog } from "./components/dataset_dialogs.jsx";
import { FetchDialog } from "./components/dataset/fetch_dialog.jsx";
import { Lineage } from "./components/dataset/lineage.jsx";
import { Pictures } from "./components/dataset/pictures.jsx";
import { Problems } from "./components/dataset/problems.jsx";
import { Statistics } from "./components/dataset/statistics.jsx";
import { adoptDatasetStyle } from "./components/dataset/style.js";
import { Summary } from "./components/dataset/summary.jsx";
import { FormatDialog } from "./components/format_dialog.jsx";
import { Menu } from "./components/menu.jsx";
import { publishItems } from "./components/publish.jsx";
import { adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

function Dataset({ view, query, setQuery, send }) {
  const [dialog, setDialog] = useState("");
  if (!view) return <><p class="ty-crumb"><a href="datasets">{t("Datasets")}</a></p><PageHeader title={t("Dataset")} /><Card><Skeleton rows={8} /></Card></>;
  const { dataset } = view;
  const tab = query.tab || (query.line ? "pictures" : "sets");
  const ready = dataset.state === "ready";
  const close = () => setDialog("");
  return (
    <>
      <p class="ty-crumb"><a href="datasets">{t("Datasets")}</a></p>
      <PageHeader title={dataset.name} text={dataset.description || (dataset.refused.change ? "" : t("No description yet."))}>
        {ready && <Button kind="primary" icon="box" onClick={() => setQuery({ format: "1" })}>{t("Format")}</Button>}
        {ready && <LinkButton icon="share" href={`graph?id=${dataset.id}`}>{t("Preprocess")}</LinkButton>}
        {ready && view.statistics?.places?.web > 0 && <Button icon="download" onClick={() => setDialog("fetch")}>{t("Fetch pictures")}</Button>}
        {dataset.state === "failed" && !dataset.refused.change && <Button kind="primary" icon="play" onClick={() => send("resume_making")}>{t("Resume")}</Button>}
        <More view={view} send={send} open={setDialog} />
      </PageHeader>
      <div class="ty-stack">
        <Summary dataset={dataset} statistics={view.statistics} />
        <Lineage dataset={dataset} />
        <div>
          <Tabs label={t("Parts of the dataset")} chosen={tab} onChoose={(chosen) => setQuery({ tab: chosen, line: "" }, { replace: true })} tabs={[
            { id: "sets", label: t("Formatted sets"), count: view.batches.length },
            { id: "statistics", label: t("Statistics") },
            { id: "pictures", label: t("Pictures") },
            { id: "problems", label: t("Problems"), count: (view.statistics?.totals.problems_total ?? 0) + (dataset.fetched?.failed ?? 0) },
          ]} />
          {tab === "sets" && <Sets view={view} send={send} ready={ready} open={() => setQuery({ format: "1" })} />}
          {tab === "statistics" && <Statistics view={view} query={query} setQuery={setQuery} send={send} />}
          {tab === "pictures" && <Pictures view={view} query={query} setQuery={setQuery} send={send} />}
          {tab === "problems" && <Problems dataset={dataset} statistics={view.statistics} />}
        </div>
      </div>
      {query.format && ready && <FormatDialog view={view} send={send} onClose={() => setQuery({ format: "" }, { replace: true })} onBegun={() => setQuery({ format: "", tab: "" }, { replace: true })} />}
      {dialog === "describe" && <DescribeDialog dataset={dataset} onSave={(change) => send("describe", change)} onClose={close} />}
      {dialog === "copy" && <CopyDialog dataset={dataset} onCopy={async (name) => visit(`dataset?id=${await send("copy", { name })}`)} onClose={close} />}
      {dialog === "share" && <ShareDialog dataset={dataset} groups={view.groups} send={(action, args) => send(action, args)} onClose={close} />}
      {dialog === "fetch" && <FetchDialog view={view} send={send} onClose={close} onMade={(made) => visit(`dataset?id=${made}`)} />}
    </>
  );
}

function More({ view, send, open }) {
  const { dataset } = view;
  const items = [
    { label: t("Rename and describe"), icon: "pencil", refused: dataset.refused.change, onChoose: () => open("describe") },
    { label: t("Copy"), icon: "copy", refused: dataset.refused.copy, onChoose: () => open("copy") },
    { label: t("Share with a group"), icon: "share", refused: dataset.refused.share, onChoose: () => open("share") },
    { label: t("Fetch pictures"), icon: "download", refused: dataset.refused.copy, onChoose: () => open("fetch") },
    ...publishItems({ dataset, administrator: view.administrator, send }),
    { label: t("Delete"), icon: "trash", danger: true, refused: dataset.refused.delete, onChoose: () => deleteDataset(dataset, async () => (await send("delete"), visit("datasets"))) },
  ];
  return <Menu label={t("More for {name}", { name: dataset.name })} items={items} />;
}

function Sets({ view, send, ready, open }) {
  if (!view.batches.length) {
    return (
      <Card>
        <EmptyState icon="box" title={t("Not formatted yet")} text={t("Training reads formatted sets. One press writes the parts of this dataset in every format you choose, with identical pictures in each.")}>
          {ready && <Button kind="primary" icon="box" onClick={open}>{t("Format")}</Button>}
        </EmptyState>
      </Card>
    );
  }
  return <div class="ty-stack">{view.batches.map((batch) => <BatchCard key={batch.id} batch={batch} send={send} />)}</div>;
}

adoptDataStyle();
adoptDatasetStyle();

export default definePage(Dataset);
