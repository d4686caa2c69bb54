// A new search over a training: what is varied, what is judged, how the next values are chosen. Every choice goes into the address.
import { useRef, useState } from "preact/hooks";
import {
  Button, Card, CheckField, ChoiceField, definePage, EmptyState, Facts, IconButton, LinkButton, N_, Note, PageHeader, SelectField, Skeleton, t, TextField,
} from "./components/index.js";
import { adoptSearchStyle } from "./components/search/style.js";
import { adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

const KINDS = [["float", N_("numbers in a range")], ["int", N_("whole numbers in a range")], ["choice", N_("one of these values")]];
const SAMPLERS = [
  ["tpe", "TPE", N_("Learns from the trials before; good for anything. The first ten are drawn by chance.")],
  ["random", N_("By chance"), N_("Draws every value independently; a fair start, and as many at once as you like.")],
  ["grid", N_("Grid"), N_("Every combination of steps and values, one after the other.")],
  ["cma-es", "CMA-ES", N_("Walks towards better values; for two and more ranges of numbers and many trials.")],
];

function SearchNew({ view, query, setQuery, send }) {
  return (
    <>
      <p class="ty-crumb"><a href="searches">{t("Hyper-parameter search")}</a></p>
      <PageHeader title={t("New search")} text={t("Every trial is a training like this one, with other hyper-parameters.")} />
      {!view ? <Card><Skeleton rows={8} height={28} /></Card> : view.groups.length === 0 ? <Card><EmptyState title={t("A search needs a group")} text={t("Training needs a group. Ask an administrator to add you to one.")} /></Card> : <SearchForm view={view} query={query} setQuery={setQuery} send={send} />}
    </>
  );
}

const plain = (row) => ({ name: "", kind: "float", low: "", high: "", step: "", log: false, ...row, values: Array.isArray(row.values) ? row.values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(", ") : row.values ?? "" });

function SearchForm({ view, query, setQuery, send }) {
  const [form, setForm] = useState(() => ({ name: view.draft.name, ...view.form, space: view.form.space.map(plain) }));
  const [refusal, setRefusal] = useState(null);
  const [busy, setBusy] = useState(false);
  const timer = useRef(0);
  const address = ({ space, ...fields }) => ({ ...fields, space: JSON.stringify(space) });
  const set = (change) => {
    const next = { ...form, ...change };
    setForm(next);
    setRefusal(null);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery(address(next), { replace: true }), 250);
  };
  const problem = (name) => (refusal?.field === name ? [refusal.message, refusal.hint].filter(Boolean).join(" ") : undefined);
  const begin = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    clearTimeout(timer.current);
    setQuery(address(form), { replace: true });
    try {
      visit(`searches?id=${await send("begin")}`);
    } catch (error) {
      setRefusal(error);
      requestAnimationFrame(() => document.querySelector('.ty [aria-invalid="true"], .ty .ty-field-error')?.scrollIntoView({ block: "center" }));
    } finally {
      setBusy(false);
    }
  };
  const shown = ["name", "tag", "trials", "parallel", "search_hours", "hours", "seed", "failures", "first", "factor", "sampler"];
  const placed = refusal?.field && (shown.includes(refusal.field) || refusal.field.startsWith("space"));
  const back = `training_new?${new URLSearchParams({ ...query, name: form.name, step: "sets" })}`;
  const { draft } = view;
  return (
    <form class="ty-stack" onSubmit={begin} noValidate>
      <Card title={t("What every trial runs")} actions={<LinkButton small href={back}>{t("Change")}</LinkButton>}>
        <div class="ty-form">
          <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => set({ name })} error={problem("name")} maxLength={63} hint={t("Its trials are called {name}-t1, {name}-t2 and so on.", { name: form.name || "…" })} />
          <Facts rows={[[t("Command"), <code>{draft.entry}</code>], [t("Image"), draft.image], [t("Resources"), draft.package], [t("Group"), draft.group], [t("Sets"), draft.train_set ? t("chosen") : t("none: the script brings its own data")], [t("Other parameters"), draft.parameters && <code>{draft.parameters}</code>], [t("Hours for a trial"), draft.hours]]} />
          {Object.values(view.missing).map((told) => <Note key={told} kind="warn">{told}</Note>)}
        </div>
      </Card>
      <Card title={t("What is varied")} text={t("Names as the script reads them; dots lead inside, as in optimizer.learning_rate.")}>
        <Rows rows={form.space} onChange={(space) => set({ space })} grid={form.sampler === "grid"} suggestions={view.suggestions} refusal={refusal} />
        {refusal?.field === "space" && <div class="ty-field-error" role="alert">{problem("space")}</div>}
      </Card>
      <Card title={t("What is judged")}>
        <div class="ty-form">
          <TextField name="tag" label={t("Scalar")} value={form.tag} onChange={(tag) => set({ tag })} error={problem("tag")} list="known-tags" spellcheck={false} hint={t("By its name on the monitor page, such as accuracy/validation.")} />
          <datalist id="known-tags">{view.tags.map((tag) => <option key={tag} value={tag} />)}</datalist>
          <div class="ty-pair-grid">
            <SelectField name="direction" label={t("Better is")} value={form.direction} onChange={(direction) => set({ direction })} options={[{ value: "maximize", label: t("more") }, { value: "minimize", label: t("less") }]} />
            <SelectField name="judge" label={t("Of a trial counts")} value={form.judge} onChange={(judge) => set({ judge })} options={[{ value: "best", label: t("its best point") }, { value: "last", label: t("its last point") }]} />
          </div>
        </div>
      </Card>
      <Card title={t("How it searches")}>
        <div class="ty-form">
          <ChoiceField name="sampler" label={t("How the next values are chosen")} value={form.sampler} onChange={(sampler) => set({ sampler })} error={problem("sampler")} options={SAMPLERS.map(([value, label, hint]) => ({ value, label: t(label), hint: t(hint) }))} />
          <CheckField name="prune" label={t("Stop trials early that are behind (ASHA)")} hint={t("They give their place to others; what they reached is kept.")} value={Boolean(form.prune)} onChange={(on) => set({ prune: on ? "1" : "" })} />
          {form.prune && (
            <div class="ty-pair-grid">
              <TextField name="first" label={t("First look after so many reports")} type="number" min="1" value={form.first} onChange={(first) => set({ first })} error={problem("first")} hint={t("A report is one point of the scalar, often an epoch.")} />
              <TextField name="factor" label={t("One in so many goes on")} type="number" min="2" value={form.factor} onChange={(factor) => set({ factor })} error={problem("factor")} />
            </div>
          )}
        </div>
      </Card>
      <Card title={t("How far it goes")}>
        <div class="ty-pair-grid">
          <TextField name="trials" label={t("Trials in all")} type="number" min="1" max="1000" value={form.trials} onChange={(trials) => set({ trials })} error={problem("trials")} hint={form.sampler === "grid" ? t("Never more than there are combinations.") : undefined} />
          <TextField name="parallel" label={t("At once")} type="number" min="1" max="64" value={form.parallel} onChange={(parallel) => set({ parallel })} error={problem("parallel")} hint={t("Each takes its own resources, as quota and queue allow.")} />
          <TextField name="search_hours" label={t("Hours for the whole search")} type="number" min="0.1" step="any" value={form.search_hours} onChange={(search_hours) => set({ search_hours })} error={problem("search_hours") ?? problem("hours")} />
          <TextField name="failures" label={t("Ends after failures in a row")} type="number" min="1" value={form.failures} onChange={(failures) => set({ failures })} error={problem("failures")} />
          <TextField name="seed" label={t("Seed")} type="number" min="0" value={form.seed} onChange={(seed) => set({ seed })} error={problem("seed")} hint={t("The same seed draws the same.")} />
        </div>
      </Card>
      {refusal && !placed && <div role="alert"><Note kind="bad" title={refusal.message}>{refusal.hint}</Note></div>}
      <div class="ty-row ty-between">
        <LinkButton href="searches">{t("Cancel")}</LinkButton>
        <Button kind="primary" icon="play" type="submit" busy={busy}>{t("Begin the search")}</Button>
      </div>
    </form>
  );
}

function Rows({ rows, onChange, grid, suggestions, refusal }) {
  const edit = (at, part) => onChange(rows.map((row, place) => (place === at ? { ...row, ...part } : row)));
  const fresh = suggestions.filter((one) => !rows.some((row) => row.name === one.name)).slice(0, 8);
  return (
    <>
      {rows.map((row, at) => <Row key={at} row={row} grid={grid} edit={(part) => edit(at, part)} remove={() => onChange(rows.filter((_, place) => place !== at))} error={refusal?.field === `space.${row.name.trim()}` ? [refusal.message, refusal.hint].filter(Boolean).join(" ") : undefined} />)}
      <div class="ty-row ty-gap-top">
        <Button small icon="plus" onClick={() => onChange([...rows, plain({})])}>{t("Add a parameter")}</Button>
        {fresh.map((one) => <Button key={one.name} small kind="quiet" icon="plus" onClick={() => onChange([...rows, plain(one)])}>{one.name}</Button>)}
      </div>
    </>
  );
}

function Row({ row, grid, edit, remove, error }) {
  const input = (part, label, more) => <input class="ty-input" value={row[part]} aria-label={label} placeholder={label} aria-invalid={error ? "true" : undefined} onInput={(event) => edit({ [part]: event.target.value })} {...more} />;
  return (
    <div class="ty-vary" role="group" aria-label={row.name || t("A parameter")}>
      {input("name", t("Name of the parameter"), { spellcheck: false, class: "ty-input ty-mono" })}
      <select class="ty-input" value={row.kind} aria-label={t("What it may be")} onChange={(event) => edit({ kind: event.target.value })}>{KINDS.map(([kind, words]) => <option key={kind} value={kind}>{t(words)}</option>)}</select>
      <div class="ty-vary-values">
        {row.kind === "choice" ? input("values", t("Values, with commas"), { class: "ty-input ty-mono", style: "flex-basis: 100%" }) : (
          <>
            {input("low", t("from"), { inputMode: "decimal" })}
            {input("high", t("to"), { inputMode: "decimal" })}
            {(!row.log || grid) && input("step", t("step"), { inputMode: "decimal" })}
            <label class="ty-row ty-nowrap"><input type="checkbox" checked={Boolean(row.log)} onChange={(event) => edit({ log: event.target.checked, step: "" })} /> {t("logarithmic")}</label>
          </>
        )}
      </div>
      <IconButton icon="cross" label={t("Remove")} onClick={remove} />
      {error && <div class="ty-field-error" role="alert">{error}</div>}
    </div>
  );
}

adoptDataStyle();
adoptSearchStyle();

export default definePage(SearchNew);
