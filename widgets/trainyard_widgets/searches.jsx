// Searches for hyper-parameters: the list, and one of them with its trials, its plots and what becomes of the best.
import { useState } from "preact/hooks";
import {
  api, Button, Card, CheckField, confirm, definePage, Dialog, EmptyState, Facts, Form, LinkButton, measure, metric, N_, Note, number, PageHeader, Search, SelectField, Skeleton, StateBadge, t, Table, Tag, TextArea, TextField, Tile, Tiles, Time, toast,
} from "./components/index.js";
import { Menu } from "./components/menu.jsx";
import { HistoryPlot, Importances, ParallelPlot, told } from "./components/search/plots.jsx";
import { adoptSearchStyle } from "./components/search/style.js";
import { adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

const TRIAL = { complete: ["finished", N_("complete")], pruned: ["stopped", N_("stopped early")], failed: ["failed", N_("failed")], stopped: ["stopped", N_("stopped")], running: ["running", N_("running")] };
const SAMPLERS = { grid: N_("grid"), random: N_("by chance"), tpe: "TPE", "cma-es": "CMA-ES" };
const SEARCH = { paused: ["cancelled", N_("paused")] };

// A parameter's value as its script knows it, words without quotation marks.
const plain = (value) => (typeof value === "number" ? measure(value) : typeof value === "string" ? value : JSON.stringify(value));

function Searches(props) {
  return props.query.id ? <One {...props} /> : <List {...props} />;
}

function SearchState({ state }) {
  const [shown, word] = SEARCH[state] ?? [state, null];
  return <StateBadge state={shown} text={word ? t(word) : undefined} />;
}

function List({ view, query, setQuery }) {
  const rows = view?.rows;
  return (
    <>
      <PageHeader title={t("Hyper-parameter search")} text={t("A search makes trainings with different hyper-parameters and finds out which are best.")}>
        <LinkButton kind="primary" icon="plus" href="search_new">{t("New search")}</LinkButton>
      </PageHeader>
      <div class="ty-row ty-filters"><Search value={query.search} label={t("Search by name")} onSearch={(search) => setQuery({ search, page: "" }, { replace: true })} /></div>
      <Card flush>
        {!rows ? <div class="ty-inset"><Skeleton rows={6} height={36} /></div> : view.empty ? <Empty view={view} setQuery={setQuery} /> : (
          <Table label={t("Searches")} columns={COLUMNS()} rows={rows} page={{ offset: (view.page - 1) * view.page_size, limit: view.page_size, total: view.total, onOffset: (offset, how) => setQuery({ page: String(offset / view.page_size + 1) }, how) }} sorting={{ by: "", onSort: () => {} }} />
        )}
      </Card>
    </>
  );
}

const COLUMNS = () => [
  { id: "name", label: t("Name"), wide: true, cell: (row) => <div><a class="ty-strong" href={`searches?id=${row.id}`}>{row.name}</a>{row.description && <div class="ty-muted ty-small ty-clamp">{row.description}</div>}</div> },
  { id: "state", label: t("State"), cell: (row) => <SearchState state={row.state} /> },
  { id: "trials", label: t("Trials"), numbers: true, cell: (row) => t("{made} of {total}", { made: number(row.ended_trials), total: number(row.total) }) },
  { id: "best", label: t("Best"), cell: (row) => <div><span class="ty-numbers">{row.best ? metric(row.asked.objective.tag, row.best.value) : "–"}</span><div class="ty-muted ty-small">{row.asked.objective.tag}</div></div> },
  { id: "how", label: t("How"), cell: (row) => <div>{t(SAMPLERS[row.asked.sampler])}{row.asked.pruning && <div class="ty-muted ty-small">{t("stops early")}</div>}</div> },
  { id: "created", label: t("Created"), cell: (row) => <div><Time value={row.created} /><div class="ty-muted ty-small">{row.owner.name}</div></div> },
];

function Empty({ view, setQuery }) {
  if (view.empty === "nothing-found") return <EmptyState icon="search" title={t("Nothing found")} text={t("No search has this in its name.")}><Button onClick={() => setQuery({ search: "" })}>{t("Clear the search")}</Button></EmptyState>;
  return (
    <EmptyState icon="chart" title={t("No search yet")} text={t("Say which hyper-parameters may be what, and which number tells good from bad: every trial is a training in the queue.")}>
      <LinkButton kind="primary" icon="plus" href="search_new">{t("New search")}</LinkButton>
    </EmptyState>
  );
}

function One({ view, query, setQuery, send }) {
  const one = view?.one;
  const [chosen, setChosen] = useState(null);
  if (!one || one.id !== query.id) return <><p class="ty-crumb"><a href="searches">{t("Hyper-parameter search")}</a></p><PageHeader title="…" tab={t("Hyper-parameter search")} /><Card><Skeleton rows={8} height={28} /></Card></>;
  const { objective, space } = one.asked;
  const maximize = objective.direction === "maximize";
  const drawn = told(view.trials);
  const plot = { trials: view.trials, tag: objective.tag, maximize, chosen };
  return (
    <>
      <p class="ty-crumb"><a href="searches">{t("Hyper-parameter search")}</a></p>
      <PageHeader title={one.name} text={one.description}><Actions one={one} view={view} send={send} setQuery={setQuery} /></PageHeader>
      <div class="ty-stack">
        {one.why && <Note kind={one.state === "failed" ? "bad" : "info"} title={one.why} />}
        {one.refused && <Note kind="info">{one.refused}</Note>}
        <Tiles>
          <Tile label={t("State")} value={<SearchState state={one.state} />} note={one.deadline && <>{t("at the latest until")} <Time value={one.deadline} absolute /></>} />
          <Tile label={t("Trials")} value={t("{made} of {total}", { made: number(one.ended_trials), total: number(one.total) })} note={countWords(one.counts)} />
          <Tile label={maximize ? t("Best (highest) {tag}", { tag: objective.tag }) : t("Best (lowest) {tag}", { tag: objective.tag })} value={one.best ? metric(objective.tag, one.best.value) : "–"} note={one.best && t("trial {number}", { number: one.best.number })} />
        </Tiles>
        {one.best && <Best one={one} groups={view.groups} send={send} />}
        <Card title={t("Trials as they came")} text={t("Each mark is a trial; the dashed line is the best so far.")}>
          {drawn.length ? <HistoryPlot {...plot} /> : <EmptyState icon="chart" title={t("Nothing reported yet")} text={t("A mark appears as soon as a trial reports {tag}.", { tag: objective.tag })} />}
        </Card>
        {drawn.length > 1 && (
          <div class="ty-grid">
            <Card title={t("Parameters side by side")} text={t("A line is a trial. Press one, or a row of the table, to follow it.")}><ParallelPlot {...plot} space={space} onChoose={(at) => setChosen(at === chosen ? null : at)} /></Card>
            <Card title={t("Which parameters decide")} text={t("How much of what makes a trial good is due to each (PED-ANOVA).")}>
              {view.importances.parameters.length ? <Importances parts={view.importances.parameters} /> : <EmptyState icon="chart" title={t("Not known yet")} text={view.importances.why_not} />}
            </Card>
          </div>
        )}
        <Card flush title={t("Trials")} actions={<Files id={one.id} any={drawn.length > 0} />}>
          <TrialTable trials={view.trials} names={Object.keys(space)} tag={objective.tag} chosen={chosen} setChosen={setChosen} />
        </Card>
        <Card title={t("What was asked for")}><Facts rows={askedRows(one)} /></Card>
      </div>
    </>
  );
}

const countWords = (counts) => ["running", "pruned", "failed", "stopped"].filter((state) => counts[state]).map((state) => `${t(TRIAL[state][1])} ${number(counts[state])}`).join(" · ");

function askedRows(one) {
  const { asked } = one;
  const said = ([name, dimension]) => <div key={name}><code>{name}</code> {dimension.kind === "choice" ? dimension.values.map(plain).join(", ") : `${measure(dimension.low)} – ${measure(dimension.high)}`}{dimension.log && <> · {t("logarithmic")}</>}{dimension.step && dimension.step !== 1 && <> · {t("step {step}", { step: measure(dimension.step) })}</>}</div>;
  return [
    [t("Varied"), <div>{Object.entries(asked.space).map(said)}</div>],
    [t("Judged by"), `${asked.objective.tag} · ${asked.objective.direction === "maximize" ? t("more is better") : t("less is better")} · ${asked.objective.value === "best" ? t("the best point") : t("the last point")}`],
    [t("Chosen"), t(SAMPLERS[asked.sampler])],
    [t("Stopped early"), asked.pruning ? t("looked at after {first} reports, then after {factor} times as many; one in {factor} goes on", { first: asked.pruning.first, factor: asked.pruning.factor }) : t("no")],
    [t("At once"), number(asked.parallel)], [t("Seed"), number(asked.seed)], [t("Ends after failures in a row"), number(asked.failures)],
    [t("Command"), <code>{one.entry}</code>], [t("Image"), one.image], [t("Resources"), one.package], [t("Group"), one.group], [t("Owner"), one.owner.name],
  ];
}

function Best({ one, groups, send }) {
  const [open, setOpen] = useState(false);
  return (
    <Card title={t("The best: trial {number}", { number: one.best.number })} actions={<>
      {one.best.training && <LinkButton small icon="chart" href={`monitor?id=${one.best.training}`}>{t("Watch")}</LinkButton>}
      {one.again && <LinkButton small icon="play" kind="primary" href={`training_new?${new URLSearchParams({ ...one.again, step: "resources" })}`}>{t("Train again with it")}</LinkButton>}
      {one.may_change && one.best.training && <Button small icon="box" onClick={() => setOpen(true)}>{t("Keep its model")}</Button>}
    </>}>
      <Facts rows={Object.entries(one.best.parameters).map(([name, value]) => [name, <span class="ty-mono">{plain(value)}</span>])} />
      {open && <RegisterDialog one={one} groups={groups} send={send} onClose={() => setOpen(false)} />}
    </Card>
  );
}

function RegisterDialog({ one, groups, send, onClose }) {
  const [form, setForm] = useState({ name: one.name, description: "", group: one.group });
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const submit = async () => {
    await send("register", { search: one.id, form: { ...form, group: form.group || null } });
    toast(t("The model is kept."));
    visit("models?tab=custom");
  };
  return (
    <Dialog title={t("Keep the best trial's model")} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Keep the model")} cancel={onClose}>
        <TextField name="name" label={t("Name")} value={form.name} onChange={(name) => set({ name })} maxLength={63} />
        <TextArea name="description" label={t("Description")} optional rows={2} maxLength={500} value={form.description} onChange={(description) => set({ description })} />
        <SelectField name="group" label={t("Who may use it")} value={form.group} onChange={(group) => set({ group })} options={[{ value: "", label: t("only you") }, ...groups.map((name) => ({ value: name, label: t("group {group}", { group: name }) }))]} />
      </Form>
    </Dialog>
  );
}

function TrialTable({ trials, names, tag, chosen, setChosen }) {
  if (!trials.length) return <EmptyState icon="clock" title={t("No trial yet")} text={t("The first begins as soon as the search is looked at, within seconds.")} />;
  const shown = (value) => (value === undefined ? "–" : plain(value));
  const columns = [
    { id: "number", label: t("Trial"), numbers: true, sort: (row) => row.number, cell: (row) => <button class="ty-link" aria-pressed={row.number === chosen} onClick={() => setChosen(row.number === chosen ? null : row.number)}>{number(row.number)}</button> },
    { id: "state", label: t("State"), sort: (row) => row.state, cell: (row) => <div><TrialState row={row} />{row.best && <div class="ty-gap-small"><Tag tone="good">{t("best")}</Tag></div>}{row.why && <div class="ty-muted ty-small ty-clamp" title={row.why}>{row.why}</div>}</div> },
    ...names.map((name) => ({ id: `p.${name}`, label: name, sort: (row) => row.parameters[name], cell: (row) => <span class={row.number === chosen ? "ty-numbers ty-strong" : "ty-numbers"}>{shown(row.parameters[name])}</span> })),
    { id: "value", label: tag, numbers: true, sort: (row) => row.value, cell: (row) => <span class={row.best || row.number === chosen ? "ty-strong" : undefined}>{metric(tag, row.value)}</span> },
    { id: "training", label: t("Training"), cell: (row) => (row.training ? <a href={`monitor?id=${row.training}`}>{row.name}</a> : <span class="ty-muted">{row.name} ({t("deleted")})</span>) },
  ];
  return <Table label={t("Trials")} columns={columns} rows={trials} rowKey={(row) => row.number} />;
}

function TrialState({ row }) {
  if (row.state === "running" && row.job && row.job !== "running") return <StateBadge state={row.job} />;
  const [shown, word] = TRIAL[row.state];
  return <StateBadge state={shown} text={t(word)} />;
}

function Files({ id, any }) {
  const link = (format) => <a class="ty-button ty-button-small ty-button-plain" href={api(`/searches/${id}/file?format=${format}`)} download={`search.${format}`}>{format.toUpperCase()}</a>;
  return <>{link("csv")}{any && link("png")}{any && link("svg")}</>;
}

function Actions({ one, view, send, setQuery }) {
  const [open, setOpen] = useState("");
  const has = (name) => one.actions.includes(name);
  const stop = () => confirm({ title: t("Stop {name}?", { name: one.name }), text: t("Trials that are under way are stopped; what was found so far stays, and the search may go on later."), button: t("Stop"), act: () => send("stop", { search: one.id }) });
  const copy = `search_new?${new URLSearchParams(one.copy)}`;
  return (
    <div class="ty-row">
      {has("pause") && <Button icon="clock" title={t("No more trials begin; those under way run to their end.")} onClick={() => send("pause", { search: one.id })}>{t("Pause")}</Button>}
      {has("resume") && <Button kind="primary" icon="play" onClick={() => setOpen("resume")}>{t("Go on")}</Button>}
      {has("more") && <Button icon="plus" onClick={() => setOpen("resume")}>{t("More trials")}</Button>}
      {has("stop") && <Button icon="stop" onClick={stop}>{t("Stop")}</Button>}
      <Menu label={t("More for {name}", { name: one.name })} items={[
        { label: t("Copy"), icon: "copy", onChoose: () => visit(copy) },
        { label: t("Delete"), icon: "trash", danger: true, refused: has("delete") ? undefined : one.refused || t("Stop it first; then it can be deleted."), onChoose: () => setOpen("delete") },
      ]} />
      {open === "resume" && <ResumeDialog one={one} made={view.trials.length} send={send} onClose={() => setOpen("")} />}
      {open === "delete" && <DeleteDialog one={one} made={view.trials.length} send={send} onClose={() => setOpen("")} onDone={() => setQuery({ id: "" })} />}
    </div>
  );
}

function ResumeDialog({ one, made, send, onClose }) {
  const { asked } = one;
  const complete = made >= one.total;
  const [form, setForm] = useState({ trials: String(complete ? made + 10 : asked.trials), parallel: String(asked.parallel), hours: String(asked.hours) });
  const set = (change) => setForm((old) => ({ ...old, ...change }));
  const submit = async () => (await send("resume", { search: one.id, form }), onClose());
  return (
    <Dialog title={t("Go on with {name}", { name: one.name })} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Go on")} cancel={onClose}>
        <TextField name="trials" label={t("Trials in all")} type="number" min={made + (complete ? 1 : 0)} max="1000" value={form.trials} onChange={(trials) => set({ trials })} hint={t("{count} were made already.", { count: number(made) })} />
        <TextField name="parallel" label={t("At once")} type="number" min="1" max="64" value={form.parallel} onChange={(parallel) => set({ parallel })} />
        <TextField name="hours" label={t("Hours for the whole search")} type="number" min="0.1" step="any" value={form.hours} onChange={(hours) => set({ hours })} hint={t("Counted anew from now.")} />
      </Form>
    </Dialog>
  );
}

function DeleteDialog({ one, made, send, onClose, onDone }) {
  const [trials, setTrials] = useState(false);
  const submit = async () => (await send("delete", { search: one.id, trials }), toast(t("Deleted.")), onDone());
  return (
    <Dialog title={t("Delete {name}?", { name: one.name })} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Delete")} cancel={onClose} kind="danger">
        <p>{t("The list of trials with their values is deleted for good. Models that were kept stay.")}</p>
        <CheckField name="trials" label={t("Delete its {count} trainings as well", { count: number(made) })} hint={t("Otherwise they stay as ordinary trainings.")} value={trials} onChange={setTrials} />
      </Form>
    </Dialog>
  );
}

adoptDataStyle();
adoptSearchStyle();

export default definePage(Searches);
