// Hyper-parameters as rows of a name and a value, or as the JSON they become.
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { TextArea } from "./form.jsx";
import { membersOf, objectOf, shownValue, typedValue } from "./json_text.js";
import { N_, t } from "./words.js";

const PAUSE = 200; // milliseconds without a key after which the address is told
const KINDS = { integer: N_("whole number"), number: N_("number"), text: N_("text"), boolean: N_("yes or no"), null: N_("nothing"), list: N_("list"), object: N_("object") };

const rowsOf = (json) => membersOf(json || "{}")?.map(([name, raw]) => ({ name, value: shownValue(raw) })) ?? null;

// What is begun and wrong goes along, so that the service refuses it; a row nobody has filled in does not.
const membersIn = (rows) => rows.filter((row) => row.name.trim() || row.value.trim()).map((row) => [row.name.trim(), typedValue(row.value).raw]);

export function ParameterForm({ value, onChange, error }) {
  const [rows, setRows] = useState(() => rowsOf(value) ?? []);
  const [asJson, setAsJson] = useState(() => rowsOf(value) === null);
  const [text, setText] = useState(value);
  const [refused, setRefused] = useState(false);
  const told = useRef(value);
  const waiting = useRef(0);
  const fill = (json) => {
    const found = rowsOf(json);
    setRows(found ?? []);
    setText(json);
    setAsJson((now) => now || found === null);
  };
  // Parameters that were taken from elsewhere; one's own come back from the address as they were typed.
  useEffect(() => {
    if (value === told.current || waiting.current) return;
    told.current = value;
    fill(value);
  }, [value]);
  useEffect(() => () => clearTimeout(waiting.current), []);

  const pending = useRef("");
  const tell = () => {
    if (!waiting.current) return;
    clearTimeout(waiting.current);
    waiting.current = 0;
    told.current = pending.current;
    onChange(pending.current);
  };
  const soon = (json) => {
    pending.current = json;
    clearTimeout(waiting.current);
    waiting.current = setTimeout(tell, PAUSE);
  };
  const change = (next) => {
    setRows(next);
    soon(objectOf(membersIn(next)));
  };
  const write = (typed) => {
    setText(typed);
    setRefused(false);
    soon(typed);
  };
  const edit = (place, part) => change(rows.map((row, index) => (index === place ? { ...row, ...part } : row)));
  const swap = () => {
    const next = asJson ? rowsOf(text) : null;
    if (asJson && next === null) return setRefused(true);
    if (asJson) setRows(next);
    else setText(objectOf(membersIn(rows), true));
    return setAsJson(!asJson);
  };
  const wrong = refused ? t("This is not an object of JSON; the table can show it when it is.") : error;
  return (
    <div onFocusOut={tell}>
      <div class="ty-row ty-between"><span class="ty-label">{t("Hyper-parameters")} <span class="ty-muted">{t("(optional)")}</span></span><Button small kind="quiet" onClick={swap}>{asJson ? t("Edit as a table") : t("Edit as JSON")}</Button></div>
      {asJson ? (
        <TextArea name="parameters" label={t("An object of names and values")} value={text} error={wrong} rows={6} spellcheck={false} class="ty-input ty-mono" onChange={write} />
      ) : (
        <>
          {rows.map((row, place) => <Row key={place} row={row} twice={rows.some((other, at) => at < place && other.name.trim() === row.name.trim())} edit={(part) => edit(place, part)} remove={() => (change(rows.filter((_, index) => index !== place)), tell())} />)}
          <Button small icon="plus" onClick={() => setRows([...rows, { name: "", value: "" }])}>{t("Add a parameter")}</Button>
          <div class="ty-field-hint">{t("Written to /workspace/params/default.json; a script reads them with trainyard.training. What you leave out keeps the script's own value.")}</div>
          {error && <div class="ty-field-error" role="alert">{error}</div>}
        </>
      )}
    </div>
  );
}

function Row({ row, twice, edit, remove }) {
  const begun = row.name.trim() || row.value.trim();
  const value = typedValue(row.value);
  const ofName = begun && !row.name.trim() ? t("Write its name.") : begun && twice ? t("This name is there twice.") : "";
  const ofValue = PROBLEMS[value.problem] ? t(PROBLEMS[value.problem]) : "";
  const note = value.instead ? t("A text. JSON writes {instead}.", { instead: value.instead }) : value.instead === "" ? t("A text: JSON has no such number.") : "";
  return (
    <div class="ty-parameter">
      <input class="ty-input" value={row.name} aria-label={t("Name")} placeholder="epochs" aria-invalid={ofName ? "true" : undefined} onInput={(event) => edit({ name: event.target.value })} />
      <span class="ty-parameter-value">
        <input class="ty-input ty-mono" value={row.value} aria-label={t("Value of {name}", { name: row.name })} placeholder="10" spellcheck={false} aria-invalid={ofValue ? "true" : undefined} onInput={(event) => edit({ value: event.target.value })} />
        <span class="ty-parameter-kind" aria-live="polite">{begun ? t(KINDS[value.kind]) : ""}</span>
      </span>
      <IconButton icon="cross" label={t("Remove")} onClick={remove} />
      {(ofName || ofValue) && <div class="ty-field-error" role="alert">{[ofName, ofValue].filter(Boolean).join(" ")}</div>}
      {note && <div class="ty-field-hint">{note}</div>}
    </div>
  );
}

const PROBLEMS = { "not-json": N_("This begins like JSON and is none. A text that begins so stands in quotation marks."), "too-large": N_("This number is too large.") };
