// Lines that could not be taken, each with its place and the rule it breaks.
import { Button } from "../button.jsx";
import { Card } from "../card.jsx";
import { number } from "../format.js";
import { Icon } from "../icons.jsx";
import { EmptyState } from "../states.jsx";
import { Table } from "../table.jsx";
import { t } from "../words.js";
import { Failures } from "./failures.jsx";
import { saveTable } from "./save.js";

const PLACES = 5;

export function Problems({ dataset, statistics }) {
  const remarks = statistics?.remarks ?? [];
  return (
    <div class="ty-stack">
      {dataset.fetched?.failed > 0 && <Failures dataset={dataset} />}
      {(statistics?.problems.length > 0 || !dataset.fetched?.failed) && <Broken dataset={dataset} statistics={statistics} />}
      {remarks.length > 0 && <Remarks remarks={remarks} />}
    </div>
  );
}

// What hinders nothing and is worth a word, such as an address that comes twice.
function Remarks({ remarks }) {
  return (
    <Card title={t("Worth knowing")} text={t("This hinders nothing; what it concerns is in the dataset.")}>
      <ul class="ty-findings">
        {remarks.map((remark) => (
          <li key={remark.code} class="ty-finding">
            <span class="ty-finding-sign ty-finding-warn"><Icon name="info" size={18} /></span>
            <div>
              <h3>{remark.text}</h3>
              <p class="ty-muted ty-small">{t("{count} times", { count: number(remark.count) })}{remark.places.length > 0 && `: ${remark.places.slice(0, PLACES).join(", ")}${remark.count > PLACES ? " …" : ""}`}</p>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Broken({ dataset, statistics }) {
  const rows = statistics?.problems ?? [];
  if (!rows.length) return <Card><EmptyState icon="check" title={t("No problems")} text={statistics ? t("Every line of the list could be read.") : t("They appear when the list has been read.")} /></Card>;
  const columns = [
    { id: "line", label: t("Line"), numbers: true, sort: (row) => row.line, cell: (row) => (row.line ? number(row.line) : "–") },
    { id: "column", label: t("Column"), numbers: true, cell: (row) => (row.column ? number(row.column) : "–") },
    { id: "field", label: t("Field"), sort: (row) => row.field, cell: (row) => <code>{row.field || "–"}</code> },
    { id: "reason", label: t("Reason"), wide: true, sort: (row) => row.reason, cell: (row) => row.reason },
  ];
  const save = () => saveTable(`${dataset.id}-problems.csv`, ["line", "column", "field", "reason"], rows);
  return (
    <Card flush title={t("What was left out")} text={t("Everything else is in the dataset. Mend these lines in the list and make a new dataset to have them too.")} actions={<Button small icon="download" onClick={save}>{t("Download")}</Button>}>
      <Table label={t("Problems")} columns={columns} rows={rows} rowKey={(row) => `${row.line}-${row.column}-${row.field}-${row.reason}`} size={50} />
      {statistics.problems_hidden > 0 && <p class="ty-muted ty-inset">{t("{count} more are not shown.", { count: number(statistics.problems_hidden) })}</p>}
    </Card>
  );
}
