// Booked and idle hours of a month: a bar for each group, a row for each group and person, all of it as a CSV file.
import { Button, Card, currentLanguage, EmptyState, number, percent, SelectField, t, Table, Time } from "../index.js";
import { saveTable } from "../dataset/save.js";

const CORES = "cpu";
const FIELDS = ["month", "group", "person", "device", "holds", "booked_hours", "measured_hours", "idle_hours"];

const SHORT = 0.01;
const hours = (value) => t("{count} h", { count: value > 0 && value < SHORT ? `< ${number(SHORT, 2)}` : number(value, value < 10 ? 2 : 0) });
const deviceWords = (device) => (device === CORES ? t("processor cores (core hours)") : t("{device} (card hours)", { device: device || "GPU" }));
const idleShare = (row) => (row.measured > 0 ? percent(row.idle / row.measured) : "–");
const notMeasured = (row) => Math.max(0, row.booked - row.measured);

function monthWords(month) {
  const [year, number] = month.split("-").map(Number);
  return new Intl.DateTimeFormat(currentLanguage() === "zh" ? "zh-CN" : "en-GB", { month: "long", year: "numeric", timeZone: "UTC" }).format(Date.UTC(year, number - 1));
}

// The months since hours are kept, the newest first; the one that is looked at is always among them.
export function monthsSince(keptSince, chosen, now = new Date()) {
  const first = (keptSince ?? now.toISOString()).slice(0, 7);
  const before = (back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back)).toISOString().slice(0, 7);
  const months = [];
  for (let back = 0; before(back) >= first; back += 1) months.push(before(back));
  return [...new Set([...months, chosen])].sort().reverse();
}

function Bars({ rows }) {
  const most = Math.max(...rows.map((row) => row.booked));
  const width = (value) => ({ width: `${(value / most) * 100}%` });
  return (
    <div class="ty-meter-pad">
      <div class="ty-bars" role="list" aria-label={t("Booked hours by group")}>
        {rows.map((row) => (
          <div key={row.group} role="listitem" class="ty-bars-row" title={`${nameOf(row)}: ${hours(row.booked)}`}>
            <span class="ty-bars-label">{nameOf(row)}</span>
            <span class="ty-bars-track ty-bars-parts" aria-hidden="true">
              <span style={width(row.measured - row.idle)} /><span class="ty-bars-idle" style={width(row.idle)} /><span class="ty-bars-unknown" style={width(notMeasured(row))} />
            </span>
            <span class="ty-numbers">{hours(row.booked)}</span>
          </div>
        ))}
      </div>
      <ul class="ty-bars-legend">
        <li><i /> {t("in use")}</li>
        <li><i class="ty-bars-idle" /> {t("idle")}</li>
        <li><i class="ty-bars-unknown" /> {t("not measured")}</li>
      </ul>
    </div>
  );
}

const nameOf = (row) => row.person?.name ?? row.group ?? t("People without a group");

export function BookedHours({ told, query, setQuery }) {
  const all = [...told.groups, ...told.people];
  const devices = [...new Set(told.groups.map((row) => row.device))].sort((one, other) => (one === CORES) - (other === CORES) || one.localeCompare(other));
  const device = devices.includes(query.device) ? query.device : devices[0];
  const groups = told.groups.filter((row) => row.device === device);
  const people = told.people.filter((row) => row.device === device);
  const rows = groups.flatMap((group) => [group, ...people.filter((person) => person.group === group.group)]);
  const columns = [
    { id: "who", label: t("Group or person"), wide: true, cell: (row) => (row.person ? <span class="ty-indent">{row.person.name}</span> : <strong>{nameOf(row)}</strong>) },
    { id: "holds", label: t("Held now"), numbers: true, cell: (row) => number(row.holds, 1) },
    { id: "booked", label: t("Booked"), numbers: true, cell: (row) => hours(row.booked) },
    { id: "idle", label: t("Idle"), numbers: true, cell: (row) => (row.measured > 0 ? hours(row.idle) : "–") },
    { id: "share", label: t("Idle share"), numbers: true, cell: idleShare },
    { id: "unknown", label: t("Not measured"), numbers: true, cell: (row) => hours(notMeasured(row)) },
  ];
  const save = () => saveTable(`hours-${told.month}.csv`, FIELDS, all.map((row) => ({ ...row, month: told.month, group: row.group ?? "", person: row.person?.name ?? "", booked_hours: row.booked, measured_hours: row.measured, idle_hours: row.idle })));
  const months = monthsSince(told.kept_since, told.month).map((value) => ({ value, label: monthWords(value) }));
  const choices = (
    <span class="ty-row ty-filters">
      <SelectField name="month" label={t("Month")} value={told.month} onChange={(month) => setQuery({ month })} options={months} />
      {devices.length > 1 && <SelectField name="device" label={t("Device")} value={device} onChange={(value) => setQuery({ device: value })} options={devices.map((value) => ({ value, label: deviceWords(value) }))} />}
      <Button icon="download" disabled={all.length === 0} onClick={save}>CSV</Button>
    </span>
  );
  return (
    <Card flush title={t("Booked and idle hours")} actions={choices} text={<>{t("Booked is what was held, whether a program ran or not; idle is when next to nothing was computed. Months are those of UTC.")}{told.kept_since > told.begin && <> {t("Kept since:")} <Time value={told.kept_since} absolute /></>}</>}>
      {rows.length > 0 && <Bars rows={groups} />}
      <Table label={t("Booked and idle hours")} columns={columns} rows={rows} rowKey={(row) => `${row.group}-${row.person?.id}`} empty={<EmptyState icon="chart" title={t("Nothing was booked in {month}", { month: monthWords(told.month) })} text={t("Hours of workspaces and jobs appear here.")} />} />
    </Card>
  );
}
