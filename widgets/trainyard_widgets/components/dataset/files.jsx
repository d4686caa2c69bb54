// Files that are missing or broken, each with its line and why; and pictures that are there twice, side by side.
import { useState } from "preact/hooks";
import { Card } from "../card.jsx";
import { Button } from "../button.jsx";
import { number } from "../format.js";
import { api } from "../service.js";
import { EmptyState } from "../states.jsx";
import { Table } from "../table.jsx";
import { Tag } from "../badge.jsx";
import { N_, t } from "../words.js";
import { Thumbnail } from "./thumbnail.jsx";
import { saveTable } from "./save.js";

const GROUPS = 6;
const WORDS = { "picture-missing": N_("missing"), "picture-broken": N_("broken") };

export function Files({ examination, dataset, setQuery, actions }) {
  const { problems, duplicate_groups: groups } = examination;
  const open = (line) => setQuery({ tab: "pictures", line: String(line), set: "", class: "", page: "" });
  if (!problems.length && !groups.length) {
    return <Card><EmptyState icon="check" title={t("All pictures are well")} text={t("Each is there and whole, and none is there twice.")}>{actions}</EmptyState></Card>;
  }
  const columns = [
    { id: "line", label: t("Line"), numbers: true, sort: (row) => row.line, cell: (row) => <button class="ty-link" onClick={() => open(row.line)}>{number(row.line)}</button> },
    { id: "code", label: t("What"), sort: (row) => row.code, cell: (row) => <Tag tone="warn">{t(WORDS[row.code] ?? N_("broken"))}</Tag> },
    { id: "url", label: t("Picture"), wide: true, cell: (row) => <span class="ty-small ty-mono">{row.url}</span> },
    { id: "reason", label: t("Reason"), wide: true, cell: (row) => row.reason },
  ];
  const save = () => saveTable(`${dataset.id}-files.csv`, ["line", "url", "code", "reason"], problems);
  return (
    <>
      {problems.length > 0 && (
        <Card flush title={t("{count} files are missing or broken", { count: number(examination.missing + examination.broken) })} text={t("Formatting leaves them out and says so.")} actions={<><Button small icon="download" onClick={save}>{t("Download")}</Button>{actions}</>}>
          <Table label={t("Files")} columns={columns} rows={problems} rowKey={(row) => row.line} size={10} />
          {examination.problems_hidden > 0 && <p class="ty-muted ty-inset">{t("{count} more are not shown.", { count: number(examination.problems_hidden) })}</p>}
        </Card>
      )}
      {groups.length > 0 && <Duplicates examination={examination} dataset={dataset} open={open} actions={!problems.length && actions} />}
    </>
  );
}

function Duplicates({ examination, dataset, open, actions }) {
  const [all, setAll] = useState(false);
  const groups = all ? examination.duplicate_groups : examination.duplicate_groups.slice(0, GROUPS);
  return (
    <Card title={t("{count} pictures are there twice", { count: number(examination.duplicates) })} text={t("The same bytes on several lines. If they fall into different parts, validation looks better than it is.")} actions={actions}>
      <div class="ty-duplicates">
        {groups.map((lines) => (
          <div key={lines.join()} class="ty-duplicate">
            {lines.slice(0, 4).map((line) => (
              <button key={line} class="ty-picture" onClick={() => open(line)} aria-label={t("Line {line}", { line: number(line) })}>
                <Thumbnail picture={api(`/datasets/${dataset.id}/picture?line=${line}`)} name="" />
                <span class="ty-small ty-muted ty-numbers">{t("Line {line}", { line: number(line) })}</span>
              </button>
            ))}
            {lines.length > 4 && <span class="ty-muted ty-small">{t("and {count} more", { count: number(lines.length - 4) })}</span>}
          </div>
        ))}
      </div>
      {examination.duplicate_groups.length > GROUPS && <div class="ty-gap-top"><Button small onClick={() => setAll(!all)}>{all ? t("Show fewer") : t("Show all {count}", { count: number(examination.duplicate_groups.length) })}</Button></div>}
    </Card>
  );
}
