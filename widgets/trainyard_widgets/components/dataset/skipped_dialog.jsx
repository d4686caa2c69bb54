// The pictures that a batch left out, each with its line and the reason; the whole list as a file.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../button.jsx";
import { Dialog } from "../dialog.jsx";
import { number } from "../format.js";
import { ErrorState, Skeleton } from "../states.jsx";
import { Table } from "../table.jsx";
import { t } from "../words.js";
import { saveTable } from "./save.js";

const PAGE = 50;

export function SkippedDialog({ batch, send, onClose }) {
  const [page, setPage] = useState(null);
  const [error, setError] = useState(null);
  const load = (offset) => send("skipped", { batch: batch.id, offset, limit: PAGE }).then(setPage, setError);
  useEffect(() => void load(0), [batch.id]);
  const save = async () => {
    const rows = [];
    for (let total = Infinity; rows.length < total;) {
      const next = await send("skipped", { batch: batch.id, offset: rows.length, limit: 500 });
      if (!next.items.length) break;
      rows.push(...next.items);
      total = next.total;
    }
    saveTable(`skipped-${batch.id}.csv`, ["line", "url", "code", "reason"], rows);
  };
  const columns = [
    { id: "line", label: t("Line"), numbers: true, cell: (row) => number(row.line) },
    { id: "url", label: t("Picture"), wide: true, cell: (row) => <span class="ty-small ty-mono">{row.url}</span> },
    { id: "reason", label: t("Reason"), wide: true, cell: (row) => row.reason },
  ];
  return (
    <Dialog title={t("{count} pictures were left out", { count: number(batch.skipped) })} wide onClose={onClose} footer={<><Button icon="download" onClick={save}>{t("Download the list")}</Button><Button onClick={onClose}>{t("Close")}</Button></>}>
      {error ? <ErrorState error={error} small /> : !page ? <Skeleton rows={6} /> : <Table label={t("Pictures left out")} columns={columns} rows={page.items} rowKey={(row) => row.line} page={{ offset: page.offset, limit: PAGE, total: page.total, onOffset: load }} />}
    </Dialog>
  );
}
