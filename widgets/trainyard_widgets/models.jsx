// The list of models: snapshots with the training they come from, and own files.
import { useState } from "preact/hooks";
import {
  api, BucketCopy, bytes, Button, Card, confirm, definePage, Dialog, EmptyState, Form, LinkButton, metric, N_, PageHeader, Search, SelectField, Skeleton, t, Table, Tabs, Tag, TextArea, TextField, Time, toast, Upload,
} from "./components/index.js";
import { Icon } from "./components/icons.jsx";
import { Menu } from "./components/menu.jsx";
import { adoptDataStyle } from "./components/style.js";

const METRICS = { accuracy: N_("Accuracy"), loss: N_("Loss") };
const PARTS = { train: N_("training"), validation: N_("validation") };
const TABS = [["snapshot", N_("From trainings")], ["custom", N_("My own")]];

function Models({ view, query, setQuery, send }) {
  const tab = query.tab ?? "snapshot";
  return (
    <>
      <PageHeader title={t("Models")} text={t("What trainings kept, and models you bring yourself.")}>
        <Button kind="primary" icon="upload" onClick={() => setQuery({ new: "1" })}>{t("Upload a model")}</Button>
      </PageHeader>
      <div class="ty-row ty-between ty-tabline">
        <Tabs label={t("Kinds of models")} tabs={TABS.map(([id, word]) => ({ id, label: t(word) }))} chosen={tab} onChoose={(chosen) => setQuery({ tab: chosen === "snapshot" ? "" : chosen, page: "" })} />
        <Search key={tab} value={query.search} label={t("Search models")} onSearch={(search) => setQuery({ search, page: "" }, { replace: true })} />
      </div>
      <Card flush>
        {!view || view.tab !== tab ? <div class="ty-inset"><Skeleton rows={6} height={32} /></div> : view.empty ? <Empty view={view} setQuery={setQuery} /> : <List view={view} setQuery={setQuery} send={send} />}
      </Card>
      {query.new && view && <UploadDialog groups={view.groups} send={send} onClose={() => setQuery({ new: "" }, { replace: true })} onDone={() => setQuery({ new: "", tab: "custom" })} />}
    </>
  );
}

function Empty({ view, setQuery }) {
  if (view.empty === "nothing-found") return <EmptyState icon="search" title={t("Nothing found")} text={t("No model has this in its name or its training's name.")}><Button onClick={() => setQuery({ search: "" })}>{t("Clear the search")}</Button></EmptyState>;
  if (view.empty === "custom") return <EmptyState icon="upload" title={t("No model of your own")} text={t("Upload one packed file, such as a tar.gz with the network and its parameters, to keep it beside your trainings' models.")}><Button kind="primary" icon="upload" onClick={() => setQuery({ new: "1" })}>{t("Upload a model")}</Button></EmptyState>;
  return <EmptyState icon="box" title={t("No model yet")} text={t("A training keeps a snapshot after every epoch it is told to; each appears here at once.")}><LinkButton kind="primary" icon="play" href="training_new">{t("New training")}</LinkButton></EmptyState>;
}

function List({ view, setQuery, send }) {
  const snapshots = view.tab === "snapshot";
  const columns = [
    { id: "name", label: t("Name"), wide: true, cell: (row) => <div><span class="ty-strong">{snapshots && row.epoch !== null ? t("{name}, epoch {epoch}", { name: row.training_name ?? row.name, epoch: row.epoch }) : row.name}</span><div class="ty-muted ty-small ty-clamp">{snapshots ? row.name : row.description}</div></div> },
    snapshots
      ? { id: "training", label: t("Training"), cell: (row) => (row.training ? <a href={`monitor?id=${row.training}${row.instance ? `&instance=${row.instance}` : ""}`}>{row.training_name}</a> : <span class="ty-muted">{t("deleted")}</span>) }
      : { id: "group", label: t("Group"), cell: (row) => row.group ?? <span class="ty-muted">{t("only you")}</span> },
    ...(snapshots ? [{ id: "metrics", label: t("Measured"), cell: (row) => <Metrics metrics={row.metrics} /> }] : []),
    { id: "size", label: t("Size"), numbers: true, cell: (row) => <span title={`SHA-256 ${row.sha256}`}>{bytes(row.size)}</span> },
    { id: "created", label: t("Created"), cell: (row) => <div><Time value={row.created} /><div class="ty-muted ty-small">{row.owner.name}</div><BucketCopy copy={row.in_bucket} /></div> },
    { id: "actions", label: "", cell: (row) => <Actions row={row} send={send} /> },
  ];
  const page = { offset: (view.page - 1) * view.page_size, limit: view.page_size, total: view.total, onOffset: (offset, how) => setQuery({ page: String(offset / view.page_size + 1) }, how) };
  return <Table label={t("Models")} columns={columns} rows={view.rows} page={page} sorting={{ by: "", onSort: () => {} }} />;
}

function Metrics({ metrics }) {
  if (!metrics.length) return <span class="ty-muted">–</span>;
  const order = ({ name }) => (name === "accuracy/validation" ? 0 : name.startsWith("accuracy/") ? 1 : name === "loss/validation" ? 2 : 3);
  return <div>{[...metrics].sort((one, other) => order(one) - order(other)).slice(0, 3).map((one) => <div key={one.name} class="ty-small ty-numbers"><span class="ty-muted">{metricName(one.name)}</span> {metric(one.name, one.value)}</div>)}</div>;
}

// A tag as people say it; one we do not know stays what it is.
function metricName(tag) {
  const [what, part] = tag.split("/");
  return METRICS[what] && PARTS[part] ? t("{metric}, {part}", { metric: t(METRICS[what]), part: t(PARTS[part]) }) : tag;
}

function Actions({ row, send }) {
  const remove = () => confirm({ title: t("Delete {name}?", { name: row.name }), text: t("The model's file is deleted for good."), button: t("Delete"), act: () => send("delete", { model: row.id }) });
  return (
    <div class="ty-row ty-nowrap ty-end">
      <a class="ty-button ty-button-small ty-button-plain" href={api(`/models/${row.id}/file`)} download><Icon name="download" size={16} />{t("Download")}</a>
      <Menu label={t("More for {name}", { name: row.name })} items={[{ label: t("Delete"), icon: "trash", danger: true, refused: row.refused, onChoose: remove }]} />
    </div>
  );
}

function UploadDialog({ groups, send, onClose, onDone }) {
  const [form, setForm] = useState({ name: "", description: "", upload: "", group: "" });
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  // a large file takes long enough to type a name
  const keep = (upload, file) => setForm((old) => ({ ...old, upload: upload.id, name: old.name || file.name.replace(/\.(tar\.gz|[^.]+)$/, "").slice(0, 63) }));
  const submit = async () => {
    if (!form.upload) throw { field: null, message: t("Choose a file first."), hint: "" };
    await send("create", { form: { ...form, group: form.group || null } });
    toast(t("The model is kept."));
    onDone();
  };
  return (
    <Dialog title={t("Upload a model")} wide onClose={onClose}>
      <Form onSubmit={submit} submit={t("Keep the model")} cancel={onClose} disabled={!form.upload}>
        <Upload purpose="model" label={t("Choose the file")} hint={t("One packed file; tar.gz is usual.")} onDone={keep} />
        <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => set({ name })} maxLength={63} />
        <TextArea name="description" label={t("Description")} optional value={form.description} onChange={(description) => set({ description })} rows={2} maxLength={500} />
        <SelectField name="group" label={t("Who may use it")} value={form.group} onChange={(group) => set({ group })} options={[{ value: "", label: t("only you") }, ...groups.map((name) => ({ value: name, label: t("group {group}", { group: name }) }))]} />
      </Form>
    </Dialog>
  );
}

adoptDataStyle();

export default definePage(Models);
