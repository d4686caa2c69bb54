// The lines whose picture a fetch could not bring: the first ones to read, all of them as a file.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../button.jsx";
import { Card } from "../card.jsx";
import { number } from "../format.js";
import { call, download } from "../service.js";
import { ErrorState, Skeleton } from "../states.jsx";
import { Table } from "../table.jsx";
import { t } from "../words.js";

const SHOWN = 200;

// The first lines of a stream that may hold a million; the rest is not loaded.
async function firstLines(path) {
  const reader = (await call("GET", path)).body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let lines = [];
  while (lines.length <= SHOWN) {
    const { done, value } = await reader.read();
    if (done) return text.split("\n").filter(Boolean);
    text += value;
    lines = text.split("\n");
  }
  await reader.cancel();
  return lines.slice(0, SHOWN);
}

export function Failures({ dataset }) {
  const [rows, setRows] = useState(null);
  const [error, setError] = useState(null);
  const path = `/datasets/${dataset.id}/failures`;
  useEffect(() => {
    let ended = false;
    const shown = (lines) => !ended && setRows(lines.map((line) => JSON.parse(line)));
    firstLines(path).then(shown).catch((refusal) => !ended && setError(refusal));
    return () => void (ended = true);
  }, [path]);
  const columns = [
    { id: "line", label: t("Line"), numbers: true, sort: (row) => row.line, cell: (row) => number(row.line) },
    { id: "url", label: t("Picture"), wide: true, cell: (row) => <span class="ty-small ty-mono">{row.url}</span> },
    { id: "reason", label: t("Reason"), wide: true, sort: (row) => row.reason, cell: (row) => row.reason },
  ];
  return (
    <Card flush title={t("{count} pictures could not be fetched", { count: number(dataset.fetched.failed) })} text={t("The lines count in the list that was fetched. Fetching it once more takes only what is missing.")} actions={<Button small icon="download" onClick={() => download(path)}>{t("Download")}</Button>}>
      {error ? <div class="ty-inset"><ErrorState error={error} small /></div> : !rows ? <div class="ty-inset"><Skeleton rows={5} /></div> : <Table label={t("Pictures that could not be fetched")} columns={columns} rows={rows} rowKey={(row) => row.line} size={20} />}
      {rows && dataset.fetched.failed > rows.length && <p class="ty-muted ty-inset">{t("{count} more are not shown.", { count: number(dataset.fetched.failed - rows.length) })}</p>}
    </Card>
  );
}
