// The list of trainings: states, a filter, a search, each one's instances, and what may be done with it.
import { useState } from "preact/hooks";
import {
  Card, Clock, definePage, duration, EmptyState, IconButton, LinkButton, N_, Note, number, Pager, PageHeader, percent, Search, SelectField, Skeleton, StateBadge, t, Button, Time,
} from "./components/index.js";
import { Menu } from "./components/menu.jsx";
import { useSteady } from "./components/steady.js";
import { EndingNote, MonitorLink, RetryNote, StateButtons, stateOf, trainingMenu, WaitingNote } from "./components/training_parts.jsx";
import { adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

const STATES = ["created", "queued", "starting", "running", "finished", "failed", "stopped"];
const WORDS = { created: N_("created"), queued: N_("queued"), starting: N_("starting"), running: N_("running"), finished: N_("finished"), failed: N_("failed"), stopped: N_("stopped") };

const MOST = 20; // trainings side by side

function Trainings({ view, query, setQuery, send }) {
  const [chosen, setChosen] = useState([]);
  const choose = (id) => setChosen((old) => (old.includes(id) ? old.filter((one) => one !== id) : [...old, id]));
  return (
    <>
      <PageHeader title={t("Training")} text={t("A training runs a script on formatted sets, until it ends or its time limit does; its snapshots are kept.")}>
        <LinkButton kind="primary" icon="plus" href="training_new">{t("New training")}</LinkButton>
      </PageHeader>
      <div class="ty-row ty-filters">
        <Search value={query.search} label={t("Search trainings")} onSearch={(search) => setQuery({ search, page: "" }, { replace: true })} />
        <SelectField name="state" label={t("State")} value={query.state ?? ""} onChange={(state) => setQuery({ state, page: "" }, { replace: true })} options={[{ value: "", label: t("all states") }, ...STATES.map((state) => ({ value: state, label: t(WORDS[state]) }))]} />
        <SelectField name="trials" label={t("Trials of searches")} value={query.trials ?? ""} onChange={(trials) => setQuery({ trials, page: "" }, { replace: true })} options={[{ value: "", label: t("without trials") }, { value: "shown", label: t("with trials") }]} />
        {view && !view.empty && <Side chosen={chosen} clear={() => setChosen([])} />}
      </div>
      <Card flush>
        {!view ? <div class="ty-inset"><Skeleton rows={6} height={36} /></div> : view.empty ? <Empty view={view} setQuery={setQuery} /> : <List view={view} query={query} setQuery={setQuery} send={send} chosen={chosen} choose={choose} />}
      </Card>
    </>
  );
}

// What was ticked, side by side; kept while one leafs through the pages.
function Side({ chosen, clear }) {
  const why = chosen.length < 2 ? t("Tick two or more trainings") : chosen.length > MOST ? t("At most {count} side by side", { count: number(MOST) }) : "";
  return (
    <div class="ty-row ty-comparing">
      <Button icon="chart" disabled={Boolean(why)} title={why || undefined} onClick={() => visit(`monitor?runs=${chosen.join(",")}`)}>{chosen.length ? t("Compare {count}", { count: number(chosen.length) }) : t("Compare")}</Button>
      {chosen.length > 0 && <Button kind="quiet" onClick={clear}>{t("Untick all")}</Button>}
    </div>
  );
}

function Empty({ view, setQuery }) {
  if (view.empty === "nothing-found") {
    return <EmptyState icon="search" title={t("Nothing found")} text={t("No training has this name and state.")}><Button onClick={() => setQuery({ search: "", state: "" })}>{t("Show all trainings")}</Button></EmptyState>;
  }
  return (
    <EmptyState icon="chart" title={t("No training yet")} text={t("A training runs a script of yours, or one of the image's examples, on formatted sets. The example trains a convolutional network in about a minute.")}>
      <LinkButton kind="primary" icon="plus" href="training_new">{t("New training")}</LinkButton>
    </EmptyState>
  );
}

function List({ view, query, setQuery, send, chosen, choose }) {
  const [open, setOpen] = useState({});
  const [rows, pointed] = useSteady(view.rows, (row) => row.id, JSON.stringify(query));
  return (
    <div class="ty-table-box">
      <table class="ty-table" aria-label={t("Trainings")}>
        <thead><tr><th scope="col">{t("Name")}</th><th scope="col">{t("State")}</th><th scope="col">{t("Image")}</th><th scope="col">{t("Resources")}</th><th scope="col">{t("Created")}</th><th scope="col" /></tr></thead>
        <tbody {...pointed}>{rows.map((row) => <Row key={row.id} row={row} open={open[row.id] ?? false} toggle={() => setOpen((old) => ({ ...old, [row.id]: !old[row.id] }))} chosen={chosen.includes(row.id)} choose={() => choose(row.id)} send={send} />)}</tbody>
      </table>
      <Pager offset={(view.page - 1) * view.page_size} limit={view.page_size} total={view.total} onOffset={(offset, how) => setQuery({ page: String(offset / view.page_size + 1) }, how)} />
    </div>
  );
}

function Row({ row, open, toggle, chosen, choose, send }) {
  return (
    <>
      <tr>
        <td class="ty-wide">
          <div class="ty-row ty-nowrap">
            <input type="checkbox" class="ty-tick" checked={chosen} aria-label={t("Tick {name} to compare it", { name: row.name })} onChange={choose} />
            <button class={`ty-expand${open ? " ty-open" : ""}`} aria-expanded={open} aria-label={t("Instances of {name}", { name: row.name })} onClick={toggle}><IconChevron /></button>
            <div><a class="ty-strong" href={`monitor?id=${row.id}`}>{row.name}</a>{row.search && <div class="ty-small"><a href={`searches?id=${row.search.id}`}>{t("trial {trial} of {search}", { trial: row.search.trial, search: row.search.name })}</a></div>}{row.description && <div class="ty-muted ty-small ty-clamp">{row.description}</div>}</div>
          </div>
        </td>
        <td data-label={t("State")}><State row={row} /></td>
        <td data-label={t("Image")}>{row.image}</td>
        <td data-label={t("Resources")}><div><div>{row.package}</div><div class="ty-muted ty-small">{row.group}</div></div></td>
        <td data-label={t("Created")}><div class="ty-one-line"><Time value={row.created} /><div class="ty-muted ty-small">{row.owner}</div></div></td>
        <td>
          <div class="ty-row ty-nowrap ty-end">
            <MonitorLink id={row.id}>{t("Watch")}</MonitorLink>
            <Menu label={t("More for {name}", { name: row.name })} items={trainingMenu(row, { start: () => send("start", { training: row.id }), remove: () => send("delete", { training: row.id }) })} />
          </div>
        </td>
      </tr>
      {open && <tr class="ty-detail"><td colSpan={6}><Instances row={row} send={send} /></td></tr>}
    </>
  );
}

function State({ row }) {
  const running = row.instances.find((instance) => instance.state === "running");
  return (
    <div>
      <StateBadge state={stateOf(row)} />
      {row.state === "running" && row.started && <div class="ty-muted ty-small"><Clock since={row.started} />{running?.epochs ? ` · ${t("epoch {epoch} of {epochs}", { epoch: running.epoch ?? 1, epochs: running.epochs })}` : ""}</div>}
      {row.state === "running" && row.deadline && <div class="ty-muted ty-small">{t("time left")} <Clock until={row.deadline} /></div>}
      {row.waiting && <div class="ty-muted ty-small ty-clamp">{row.waiting.text}</div>}
      {row.ending && !row.ending.good && <div class={`ty-small ty-clamp ${row.state === "failed" ? "ty-bad" : "ty-muted"}`}>{row.ending.text}</div>}
    </div>
  );
}

function Instances({ row, send }) {
  return (
    <div class="ty-inset ty-stack-small">
      <WaitingNote waiting={row.waiting} />
      <RetryNote row={row} />
      <EndingNote ending={row.ending} onOffer={row.actions.includes("start") ? (chosen) => send("start", { training: row.id, package: chosen }) : undefined} />
      <div class="ty-row">
        <StateButtons row={row} small stop={() => send("stop", { training: row.id })} start={() => send("start", { training: row.id })} act={(name) => send(name, { training: row.id })} />
        {row.state === "running" && <LinkButton small icon="terminal" href={`console?id=${row.id}`}>{t("Console")}</LinkButton>}
        <code class="ty-ellipsis ty-muted" title={row.entry}>{row.entry}</code>
      </div>
      {row.instances.length === 0 ? <p class="ty-muted">{t("No instance yet: one appears when the script starts to report.")}</p> : (
        <ul class="ty-instances">
          {row.instances.map((instance) => (
            <li key={instance.id}>
              <code>{instance.id}</code>
              <StateBadge state={instance.state} />
              <span class="ty-muted ty-numbers">{instance.epoch === null ? "" : t("epoch {epoch}", { epoch: instance.epoch })}</span>
              <span class="ty-muted"><Time value={instance.started} /> · {duration(instance.elapsed)}</span>
              <MonitorLink id={row.id} instance={instance.id}>{t("Watch")}</MonitorLink>
              {instance.error && <span class="ty-bad ty-small">{instance.error}</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const IconChevron = () => <svg width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" aria-hidden="true"><path d="M9 6l6 6-6 6" /></svg>;

adoptDataStyle();

export default definePage(Trainings);
