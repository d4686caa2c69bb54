// Who uses what now, who did what, and what the machine offers.
import {
  Button, bytes, Card, EmptyState, Icon, Meter, N_, number, Search, SelectField, StateBadge, t, Table, Tag, Tile, Tiles, Time,
} from "../index.js";
import { ACTIONS, actionWords, detailWords, resultWords } from "./audit_words.js";
import { Disk } from "./disk.jsx";
import { BookedHours } from "./hours.jsx";

const part = (used, limit, format) => (limit === null || limit === undefined ? format(used) : `${format(used)} / ${format(limit)}`);

// Every group and its members with what they use of their quota, on one page.
function ByGroup({ groups }) {
  const rows = groups.flatMap((group) => [{ key: `g${group.id}`, name: group.name, ...group }, ...group.members.map((member) => ({ key: `g${group.id}p${member.person.id}`, member: true, name: member.person.name, use: member.use, quota: member.quota }))]);
  const columns = [
    { id: "name", label: t("Group or person"), wide: true, cell: (row) => (row.member ? <span class="ty-indent">{row.name}</span> : <a href={`admin?tab=groups&group=${encodeURIComponent(row.name)}`}><strong>{row.name}</strong></a>) },
    { id: "cpu", label: t("Processor cores"), numbers: true, cell: (row) => part(row.use.cpu, row.quota.cpu, (value) => number(value, 1)) },
    { id: "memory", label: t("Memory"), numbers: true, cell: (row) => part(row.use.memory, row.quota.memory, bytes) },
    { id: "gpu", label: t("GPUs"), numbers: true, cell: (row) => part(row.use.gpu, row.quota.gpu, number) },
    { id: "jobs", label: t("Jobs"), numbers: true, cell: (row) => part(row.use.jobs, row.quota.jobs, number) },
    { id: "disk", label: t("Disk"), numbers: true, cell: (row) => part(row.use.disk, row.quota.disk, bytes) },
  ];
  return (
    <Card flush title={t("Groups and people")} text={t("What each uses now, of what it may use at once. Limits are set under “Groups and quotas”.")}>
      <Table label={t("Groups and people")} columns={columns} rows={rows} rowKey={(row) => row.key} empty={<EmptyState icon="people" title={t("No group yet")} text={t("Make one under “Groups and quotas”.")} />} />
    </Card>
  );
}

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

export function Usage({ view, query, setQuery, send }) {
  const { usage } = view;
  const kinds = { workspace: t("Workspace"), train: t("Training"), format: t("Formatting job"), prepare: t("Dataset"), examine: t("Examination of pictures"), fetch: t("Fetching pictures"), preprocess: t("Preprocessing") };
  const columns = [
    { id: "person", label: t("Person"), sort: (row) => row.person.name, cell: (row) => row.person.name },
    { id: "group", label: t("Group"), sort: (row) => row.group ?? "", cell: (row) => row.group ?? "–" },
    { id: "name", label: t("What"), wide: true, sort: (row) => row.name, cell: (row) => <span>{row.name} <Tag>{kinds[row.kind] ?? row.kind}</Tag></span> },
    { id: "cpu", label: t("Processor cores"), numbers: true, sort: (row) => row.use.cpu, cell: (row) => number(row.use.cpu, 1) },
    { id: "memory", label: t("Memory"), numbers: true, sort: (row) => row.use.memory, cell: (row) => bytes(row.use.memory) },
    { id: "gpu", label: t("GPUs"), numbers: true, sort: (row) => row.use.gpu, cell: (row) => number(row.use.gpu) },
    { id: "since", label: t("Since"), sort: (row) => Date.parse(row.since), cell: (row) => <Time value={row.since} /> },
  ];
  return (
    <div class="ty-stack">
      <ByGroup groups={view.groups} />
      <Card title={t("The whole machine")} text={t("Given out to workspaces and jobs, of what there is.")}><Capacity used={usage.used} capacity={usage.capacity} /></Card>
      <Card flush title={t("Who uses what now")}>
        <Table label={t("Who uses what now")} columns={columns} rows={usage.rows} rowKey={(row) => `${row.kind}-${row.name}-${row.person.id}-${row.since}`} empty={<EmptyState icon="chart" title={t("Nothing runs")} text={t("Workspaces and jobs appear here while they hold resources.")} />} />
      </Card>
      <BookedHours told={view.hours} query={query} setQuery={setQuery} />
      <Disk disk={view.disk} send={send} />
    </div>
  );
}

export function Audit({ view, query, setQuery }) {
  const { audit } = view;
  const columns = [
    { id: "at", label: t("When"), cell: (entry) => <span class="ty-one-line"><Time value={entry.at} absolute seconds /></span> },
    { id: "who", label: t("Who"), cell: (entry) => entry.who },
    { id: "action", label: t("Action"), cell: (entry) => <span class="ty-one-line" title={entry.action}>{actionWords(entry.action)}</span> },
    { id: "target", label: t("To what"), wide: true, cell: (entry) => <div>{entry.target || (detailWords(entry.detail) ? "" : "–")}{detailWords(entry.detail) && <div class="ty-muted ty-small">{detailWords(entry.detail)}</div>}</div> },
    { id: "result", label: t("Result"), cell: (entry) => (entry.result === "ok" ? <StateBadge state="done" /> : <span title={entry.result}><StateBadge state="failed" text={resultWords(entry.result)} /></span>) },
  ];
  const known = Object.keys(ACTIONS).map((value) => ({ value, label: actionWords(value) })).sort((one, other) => one.label.localeCompare(other.label));
  const actions = query.action && !ACTIONS[query.action] ? [{ value: query.action, label: query.action }, ...known] : known;
  const filters = (
    <span class="ty-row ty-filters">
      <Search value={query.who} onSearch={(who) => setQuery({ who, offset: null }, { replace: true })} label={t("Who")} />
      <SelectField name="action" label={t("Action")} value={query.action ?? ""} onChange={(action) => setQuery({ action, offset: null }, { replace: true })} options={[{ value: "", label: t("all actions") }, ...actions]} />
    </span>
  );
  return (
    <Card flush title={t("Audit")} text={t("Every change, also the refused ones.")} actions={filters}>
      <Table
        label={t("Audit")} columns={columns} rows={audit.items}
        page={{ offset: audit.offset, limit: view.page, total: audit.total, onOffset: (offset, how) => setQuery({ offset: offset || null }, how) }}
        empty={<EmptyState icon="search" title={t("Nothing matches")} text={t("Try another name or action.")}><Button onClick={() => setQuery({ who: null, action: null, offset: null }, { replace: true })}>{t("Show everything")}</Button></EmptyState>}
      />
    </Card>
  );
}

// What the doctor speaks of, in the order in which it does; a topic this page does not know keeps its own name.
const TOPICS = {
  user: N_("User"), sandbox: N_("Sandboxes"), limits: N_("Limits"), network: N_("Network"), names: N_("Host names"), fuse: N_("Buckets as files"), gpu: N_("GPUs"), disk: N_("Disk space"),
};
const SIGNS = { good: ["good", "check", N_("works")], note: ["warn", "info", N_("works, with less")], bad: ["bad", "warning", N_("does not work")] };

function FindingRow({ finding }) {
  const [tone, icon, word] = SIGNS[finding.state] ?? SIGNS.note;
  return (
    <li class="ty-finding">
      <span class={`ty-finding-sign ty-finding-${tone}`} title={t(word)}><Icon name={icon} size={16} /><span class="ty-visually-hidden">{t(word)}</span></span>
      <div>
        <h3>{TOPICS[finding.topic] ? t(TOPICS[finding.topic]) : finding.topic}</h3>
        <p>{finding.means}</p>
        {finding.next_step && <p class="ty-muted">{t("To have more:")} {finding.next_step}</p>}
      </div>
    </li>
  );
}

export function Machine({ view, send }) {
  const { machine, capacity, findings } = view;
  return (
    <div class="ty-stack">
      <Tiles>
        <Tile label={t("Load of {cores} cores", { cores: number(machine.cores) })} value={number(machine.load, 1)} note={t("1 minute's average")} />
        <Tile label={t("Memory available")} value={bytes(machine.memory_available)} note={t("of {all}", { all: bytes(machine.memory_total) })} />
        <Tile label={t("Disk free")} value={bytes(machine.volume_free)} note={t("of {all}", { all: bytes(machine.volume_total) })} />
        <Tile label={t("Jobs and workspaces running")} value={number(machine.running)} />
      </Tiles>
      <div class="ty-grid">
        <Card title={t("What the machine offers")} text={t("Examined just now; the same in a terminal: {command}", { command: "trainyard doctor" })} actions={<Button small icon="refresh" onClick={() => send("examine")}>{t("Examine again")}</Button>}>
          <ul class="ty-findings">{findings.map((finding) => <FindingRow key={finding.topic} finding={finding} />)}</ul>
        </Card>
        <Card title={t("Given out to workspaces and jobs")} text={t("Of what there is to be given out.")}><Capacity used={view.used} capacity={capacity} /></Card>
      </div>
    </div>
  );
}
