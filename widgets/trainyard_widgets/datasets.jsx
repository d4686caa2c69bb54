// The dataset list: three tabs, search, sort, pages, and everything one may do with a dataset.
import {
  Button, Card, definePage, EmptyState, LinkButton, N_, number, PageHeader, Progress, Search, Skeleton, StateBadge, t, Table, Tabs, Tag, Time,
} from "./components/index.js";
import { CopyDialog, deleteDataset, DescribeDialog, ShareDialog } from "./components/dataset_dialogs.jsx";
import { NewDatasetDialog } from "./components/dataset/new_dataset.jsx";
import { adoptDatasetStyle } from "./components/dataset/style.js";
import { LabelBadges } from "./components/dataset/label_badges.jsx";
import { Menu } from "./components/menu.jsx";
import { publishItems } from "./components/publish.jsx";
import { useState } from "preact/hooks";
import { adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

const TABS = [["mine", N_("My datasets")], ["group", N_("Shared with my groups")], ["public", N_("Public")]];

const EMPTY = {
  mine: [N_("No dataset yet"), N_("Bring a list of labelled pictures, an archive, a folder of your bucket or of your group's share, or a set that is formatted already. Or look at the public datasets first.")],
  group: [N_("Nothing is shared with your groups"), N_("When somebody shares a dataset with a group of yours, it appears here and you can train on it at once.")],
  public: [N_("No public dataset"), N_("Public datasets are prepared when the platform starts for the first time. They appear here as soon as they are ready.")],
  "nothing-found": [N_("Nothing found"), N_("No dataset in this tab has this in its name, its description, a label set or a class.")],
};

function Datasets({ view, query, setQuery, send }) {
  const [dialog, setDialog] = useState(null);
  const close = () => setDialog(null);
  const tab = query.tab ?? "mine";
  return (
    <>
      <PageHeader title={t("Datasets")} text={t("Labelled pictures to train on: counted, checked line by line, and formatted when you need them.")}>
        <Button kind="primary" icon="plus" onClick={() => setQuery({ new: "1" })}>{t("New dataset")}</Button>
      </PageHeader>
      <div class="ty-row ty-between ty-tabline">
        <Tabs label={t("Whose datasets")} tabs={TABS.map(([id, word]) => ({ id, label: t(word), count: view?.counts[id] ?? 0 }))} chosen={tab} onChoose={(chosen) => setQuery({ tab: chosen === "mine" ? "" : chosen, page: "" })} />
        <Search key={tab} value={query.search} label={t("Search datasets")} onSearch={(search) => setQuery({ search, page: "" }, { replace: true })} />
      </div>
      <Card flush>
        {!view || view.tab !== tab ? <div class="ty-inset"><Skeleton rows={6} height={32} /></div> : view.empty ? <Empty view={view} setQuery={setQuery} /> : <List view={view} setQuery={setQuery} send={send} open={setDialog} />}
      </Card>
      {query.new && view && <NewDatasetDialog groups={view.groups} storage={view.storage} step={query.new} goTo={(step) => setQuery({ new: step })} send={send} onClose={() => setQuery({ new: "" }, { replace: true })} onMade={(made) => visit(`dataset?id=${made.id}`)} />}
      {dialog?.kind === "describe" && <DescribeDialog dataset={dialog.row} onSave={(change) => send("change", { dataset: dialog.row.id, ...change })} onClose={close} />}
      {dialog?.kind === "copy" && <CopyDialog dataset={dialog.row} onCopy={(name) => send("copy", { dataset: dialog.row.id, name })} onClose={close} />}
      {dialog?.kind === "share" && <ShareDialog dataset={view.rows.find((row) => row.id === dialog.row.id) ?? dialog.row} groups={view.groups} send={send} onClose={close} />}
    </>
  );
}

function Empty({ view, setQuery }) {
  const [title, text] = EMPTY[view.empty];
  return (
    <EmptyState icon={view.empty === "nothing-found" ? "search" : "image"} title={t(title)} text={t(text)}>
      {view.empty === "mine" && <Button kind="primary" icon="plus" onClick={() => setQuery({ new: "1" })}>{t("New dataset")}</Button>}
      {view.empty === "mine" && <Button onClick={() => setQuery({ tab: "public" })}>{t("Look at public datasets")}</Button>}
      {view.empty === "nothing-found" && <Button onClick={() => setQuery({ search: "" })}>{t("Clear the search")}</Button>}
    </EmptyState>
  );
}

function List({ view, setQuery, send, open }) {
  const columns = [
    { id: "name", label: t("Name"), sort: null, wide: true, cell: (row) => <Name row={row} /> },
    { id: "state", label: t("State"), sort: null, cell: (row) => (row.state === "creating" && row.progress ? <Progress progress={row.progress} /> : <span class="ty-row"><StateBadge state={row.state} /></span>) },
    { id: "images", label: t("Pictures"), sort: null, numbers: true, cell: (row) => <div>{number(row.images)}{row.objects > 0 && <div class="ty-muted ty-small">{t("{count} objects", { count: number(row.objects) })}</div>}</div> },
    { id: "labels", label: t("Labels"), cell: (row) => <Labels row={row} /> },
    view.tab === "mine"
      ? { id: "shared", label: t("Shared with"), sort: null, cell: (row) => (row.shares.length ? row.shares.map((share) => <Tag key={share.group}>{share.group ?? t("everybody")}</Tag>) : <span class="ty-muted">–</span>) }
      : { id: "owner", label: t("From"), sort: null, cell: (row) => <span>{row.owner.name}</span> },
    { id: "created", label: t("Created"), sort: null, cell: (row) => <Time value={row.created} /> },
    { id: "actions", label: "", cell: (row) => <Actions row={row} administrator={view.administrator} send={send} open={open} /> },
  ];
  const page = { offset: (view.page - 1) * view.page_size, limit: view.page_size, total: view.total, onOffset: (offset, how) => setQuery({ page: String(offset / view.page_size + 1) }, how) };
  return <Table label={t("Datasets")} columns={columns} rows={view.rows} page={page} sorting={{ by: view.sort, onSort: (sort) => setQuery({ sort, page: "" }) }} />;
}

function Name({ row }) {
  return (
    <div>
      <a class="ty-strong" href={`dataset?id=${row.id}`}>{row.name}</a>
      {row.description && <div class="ty-muted ty-small ty-clamp">{row.description}</div>}
      {row.state === "failed" && <div class="ty-bad ty-small">{row.error}</div>}
    </div>
  );
}

function Labels({ row }) {
  if (row.state !== "ready") return <span class="ty-muted">–</span>;
  return (
    <div>
      <LabelBadges labelSets={row.label_sets} counted={false} />
      {row.label_sets.slice(0, 2).map((labels) => <div key={labels.type + labels.name} class="ty-small ty-label-line ty-muted">{labels.name} · {t("{count} classes", { count: number(labels.classes) })}</div>)}
      {row.label_sets.length > 2 && <div class="ty-muted ty-small">{t("and {count} more", { count: row.label_sets.length - 2 })}</div>}
    </div>
  );
}

function Actions({ row, administrator, send, open }) {
  return (
    <div class="ty-row ty-nowrap ty-end">
      {!row.refused.format && <LinkButton small icon="box" href={`dataset?id=${row.id}&format=1`}>{t("Format")}</LinkButton>}
      <Menu label={t("More for {name}", { name: row.name })} items={[
        { label: t("Rename and describe"), icon: "pencil", refused: row.refused.change, onChoose: () => open({ kind: "describe", row }) },
        { label: t("Preprocess"), icon: "link", refused: row.refused.format, onChoose: () => visit(`graph?id=${row.id}`) },
        { label: t("Copy"), icon: "copy", refused: row.refused.copy, onChoose: () => open({ kind: "copy", row }) },
        { label: t("Share with a group"), icon: "share", refused: row.refused.share, onChoose: () => open({ kind: "share", row }) },
        ...publishItems({ dataset: row, administrator, send }),
        { label: t("Delete"), icon: "trash", danger: true, refused: row.refused.delete, onChoose: () => deleteDataset(row, () => send("delete", { dataset: row.id })) },
      ]} />
    </div>
  );
}

adoptDataStyle();
adoptDatasetStyle();

export default definePage(Datasets);
