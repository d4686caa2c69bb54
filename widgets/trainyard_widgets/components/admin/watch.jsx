// Who uses what now, who did what, and what the machine offers.
import { bytes, Card, EmptyState, Facts, Meter, N_, number, Search, StateBadge, t, Table, Tag, Time } from "../index.js";

function Capacity({ used, capacity }) {
  return (
    <>
      <Meter label={t("Processor cores")} used={used.cpu} limit={capacity.cpu} format={(value) => number(value, 1)} />
      <Meter label={t("Memory")} used={used.memory} limit={capacity.memory} format={bytes} />
      {(capacity.gpu > 0 || used.gpu > 0) && <Meter label={t("GPUs")} used={used.gpu} limit={capacity.gpu} />}
      {capacity.disk !== null && <Meter label={t("Disk")} used={used.disk} limit={capacity.disk} format={bytes} />}
    </>
  );
}

export function Usage({ view }) {
  const { usage } = view;
  const kinds = { workspace: t("Workspace"), train: t("Training"), format: t("Formatting job"), prepare: t("Dataset") };
  const columns = [
    { id: "person", label: t("Person"), sort: (row) => row.person.name, cell: (row) => row.person.name },
    { id: "group", label: t("Group"), sort: (row) => row.group ?? "", cell: (row) => row.group ?? "–" },
    { id: "name", label: t("What"), wide: true, sort: (row) => row.name, cell: (row) => <>{row.name} <Tag>{kinds[row.kind] ?? row.kind}</Tag></> },
    { id: "cpu", label: t("Processor cores"), numbers: true, sort: (row) => row.use.cpu, cell: (row) => number(row.use.cpu, 1) },
    { id: "memory", label: t("Memory"), numbers: true, sort: (row) => row.use.memory, cell: (row) => bytes(row.use.memory) },
    { id: "gpu", label: t("GPUs"), numbers: true, sort: (row) => row.use.gpu, cell: (row) => number(row.use.gpu) },
    { id: "since", label: t("Since"), sort: (row) => Date.parse(row.since), cell: (row) => <Time value={row.since} /> },
  ];
  return (
    <div class="ty-stack">
      <Card title={t("The whole machine")} text={t("Given out to workspaces and jobs, of what there is.")}><Capacity used={usage.used} capacity={usage.capacity} /></Card>
      <Card flush title={t("Who uses what now")}>
        <Table label={t("Who uses what now")} columns={columns} rows={usage.rows} rowKey={(row) => `${row.kind}-${row.name}-${row.person.id}-${row.since}`} empty={<EmptyState icon="chart" title={t("Nothing runs")} text={t("Workspaces and jobs appear here while they hold resources.")} />} />
      </Card>
    </div>
  );
}

export function Audit({ view, query, setQuery }) {
  const { audit } = view;
  const columns = [
    { id: "at", label: t("When"), cell: (entry) => <Time value={entry.at} absolute /> },
    { id: "who", label: t("Who"), cell: (entry) => entry.who },
    { id: "action", label: t("Did"), cell: (entry) => <code>{entry.action}</code> },
    { id: "target", label: t("To what"), wide: true, cell: (entry) => <>{entry.target}{Object.keys(entry.detail).length > 0 && <div class="ty-muted ty-small">{Object.entries(entry.detail).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(" · ")}</div>}</> },
    { id: "result", label: t("Result"), cell: (entry) => (entry.result === "ok" ? <StateBadge state="ok" /> : <Tag tone="bad">{entry.result}</Tag>) },
  ];
  const filters = (
    <>
      <Search value={query.who} onSearch={(who) => setQuery({ who, offset: null }, { replace: true })} label={t("Who")} />
      <Search value={query.action} onSearch={(action) => setQuery({ action, offset: null }, { replace: true })} label={t("Action")} />
    </>
  );
  return (
    <Card flush title={t("Audit")} text={t("Every change, also the refused ones.")} actions={filters}>
      <Table
        label={t("Audit")} columns={columns} rows={audit.items}
        page={{ offset: audit.offset, limit: view.page, total: audit.total, onOffset: (offset) => setQuery({ offset: offset || null }) }}
        empty={<EmptyState icon="search" title={t("Nothing matches")} text={t("Try another name or action.")} />}
      />
    </Card>
  );
}

const FOUND = {
  cores: N_("Processor cores"), load: N_("Load"), memory_total: N_("Memory"), memory_available: N_("Memory available"), volume_total: N_("Disk"), volume_free: N_("Disk free"),
  running: N_("Jobs and workspaces running"), gpus: N_("GPUs"),
};

function found(key, value) {
  if (typeof value === "object") return <pre class="ty-pre">{JSON.stringify(value, null, 1)}</pre>;
  if (/memory|volume|disk/.test(key) && typeof value === "number") return bytes(value);
  return typeof value === "number" ? number(value, 2) : String(value);
}

export function Machine({ view }) {
  const rows = Object.entries(view.machine).map(([key, value]) => [FOUND[key] ? t(FOUND[key]) : key.replaceAll("_", " "), found(key, value)]);
  return (
    <div class="ty-grid">
      <Card title={t("What the machine offers")}><Capacity used={view.used} capacity={view.capacity} /></Card>
      <Card title={t("What was found")} text={<>{t("The same in a terminal:")} <code>trainyard doctor</code></>}>
        {rows.length ? <Facts rows={rows} /> : <p class="ty-muted">{t("The service has told nothing about its machine.")}</p>}
      </Card>
    </div>
  );
}
