// Hyper-parameters as rows of a name and a value, or as the JSON they become.
import { useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { TextArea } from "./form.jsx";
import { t } from "./words.js";

// A number, true, false, null or JSON keeps its kind; anything else is a text.
function kindOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function rowsOf(json) {
  try {
    return Object.entries(JSON.parse(json || "{}")).map(([name, value]) => ({ name, value: typeof value === "string" ? value : JSON.stringify(value) }));
  } catch {
    return null;
  }
}

const jsonOf = (rows) => {
  const named = rows.filter((row) => row.name.trim());
  return named.length ? JSON.stringify(Object.fromEntries(named.map((row) => [row.name.trim(), kindOf(row.value)]))) : "";
};

export function ParameterForm({ value, onChange, error }) {
  const [rows, setRows] = useState(() => rowsOf(value) ?? []);
  const [asJson, setAsJson] = useState(() => rowsOf(value) === null);
  const [text, setText] = useState(value);
  const change = (next) => {
    setRows(next);
    onChange(jsonOf(next));
  };
  const edit = (place, part) => change(rows.map((row, index) => (index === place ? { ...row, ...part } : row)));
  const swap = () => {
    if (asJson) {
      const next = rowsOf(text);
      if (next === null) return;
      setRows(next);
    } else {
      setText(jsonOf(rows) && JSON.stringify(JSON.parse(jsonOf(rows)), null, 2));
    }
    setAsJson(!asJson);
  };
  return (
    <div>
      <div class="ty-row ty-between"><span class="ty-label">{t("Hyper-parameters")} <span class="ty-muted">{t("(optional)")}</span></span><Button small kind="quiet" onClick={swap}>{asJson ? t("Edit as a table") : t("Edit as JSON")}</Button></div>
      {asJson ? (
        <TextArea name="parameters" label={t("An object of names and values")} value={text} error={error} rows={6} spellcheck={false} class="ty-input ty-mono" onChange={(typed) => (setText(typed), onChange(typed))} />
      ) : (
        <>
          {rows.map((row, place) => (
            <div key={place} class="ty-parameter">
              <input class="ty-input" value={row.name} aria-label={t("Name")} placeholder="epochs" onInput={(event) => edit(place, { name: event.target.value })} />
              <input class="ty-input ty-mono" value={row.value} aria-label={t("Value of {name}", { name: row.name })} placeholder="10" onInput={(event) => edit(place, { value: event.target.value })} />
              <IconButton icon="cross" label={t("Remove")} onClick={() => change(rows.filter((_, index) => index !== place))} />
            </div>
          ))}
          <Button small icon="plus" onClick={() => setRows([...rows, { name: "", value: "" }])}>{t("Add a parameter")}</Button>
          <div class="ty-field-hint">{t("Written to /workspace/params/default.json; a script reads them with trainyard.training. What you leave out keeps the script's own value.")}</div>
          {error && <div class="ty-field-error">{error}</div>}
        </>
      )}
    </div>
  );
}
