// A few lines that read a set, by part and framework, to copy.
import { useEffect, useState } from "preact/hooks";
import { CopyButton } from "../button.jsx";
import { Dialog } from "../dialog.jsx";
import { SelectField } from "../form.jsx";
import { Note, Skeleton } from "../states.jsx";
import { Tabs } from "../tabs.jsx";
import { t } from "../words.js";
import { formatName, PARTS } from "./formats.js";

const FRAMEWORKS = { mxnet: "MXNet", pytorch: "PyTorch", tensorflow: "TensorFlow", caffe: "Caffe", python: "Python" };

// ``row``: one format of a batch with its ``sets``.
export function LoaderDialog({ row, send, onClose }) {
  const sets = row.sets.filter((set) => set.ready);
  const [part, setPart] = useState(sets[0].split);
  const [snippets, setSnippets] = useState(null);
  const [error, setError] = useState(null);
  const [chosen, setChosen] = useState("");
  const set = sets.find((one) => one.split === part);
  useEffect(() => {
    let ended = false;
    send("loader", { formatted: set.id }).then((found) => !ended && setSnippets(found), (refusal) => !ended && setError(refusal));
    return () => void (ended = true);
  }, [set.id]);
  const names = Object.keys(snippets ?? {});
  const name = names.includes(chosen) ? chosen : names[0];
  return (
    <Dialog title={t("Read {format} in your code", { format: formatName(row.format) })} wide onClose={onClose}>
      {sets.length > 1 && <div class="ty-gap ty-narrow"><SelectField name="part" label={t("Part")} value={part} onChange={setPart} options={sets.map((one) => ({ value: one.split, label: t(PARTS[one.split]) }))} /></div>}
      {error && <Note kind="bad" title={error.message}>{error.hint}</Note>}
      {!snippets && !error && <Skeleton rows={6} />}
      {snippets && (
        <>
          <Tabs label={t("Framework")} tabs={names.map((id) => ({ id, label: FRAMEWORKS[id] ?? id }))} chosen={name} onChoose={setChosen} />
          <pre class="ty-code" tabIndex={0}>{snippets[name]}</pre>
          <div class="ty-row ty-between"><span class="ty-muted ty-small">{t("The paths are those that a workspace and a training see.")}</span><CopyButton text={snippets[name]} /></div>
        </>
      )}
    </Dialog>
  );
}
