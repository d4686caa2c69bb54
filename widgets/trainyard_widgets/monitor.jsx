// The monitor: how far a training is, its curves as they grow, what it was given, what it says, and how it ended.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import {
  Button, Card, Clock, dateTime, definePage, duration, EmptyState, Facts, failed, LinkButton, metric, N_, Note, number, PageHeader, SelectField, Skeleton, SliderField, StateBadge, t, Tile, Tiles, Time, useNow, useTrait,
} from "./components/index.js";
import { CurveChart, LineKey, runStroke } from "./components/curves.jsx";
import { formatName, PARTS } from "./components/dataset/formats.js";
import { layoutWords } from "./components/distributed.jsx";
import { ReplicaLog } from "./components/log_replicas.jsx";
import { Menu } from "./components/menu.jsx";
import { Replicas } from "./components/training/replicas.jsx";
import { save } from "./components/service.js";
import { Attempts, cloneAddress, EndingNote, isLive, RetryNote, StateButtons, stateOf, trainingMenu, WaitingNote } from "./components/training_parts.jsx";
import { WaitingPanel } from "./components/waiting.jsx";
import { adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

const TITLES = { accuracy: N_("Accuracy"), loss: N_("Loss"), learning_rate: N_("Learning rate"), throughput: N_("Speed (samples per second)") };
const AXES = [["step", N_("by step")], ["epoch", N_("by epoch")], ["time", N_("by time")]];

function Monitor({ view, query, setQuery, send }) {
  const heard = useRef(0);
  if (!view) return <><PageHeader title={t("Training")} /><Tiles>{Array.from({ length: 7 }, (_, place) => <Tile key={place} label=" " value="–" />)}</Tiles><Card><Skeleton rows={10} height={28} /></Card></>;
  if (view.comparison) return <Compare view={view} query={query} setQuery={setQuery} send={send} />;
  const { training } = view;
  return (
    <>
      <p class="ty-crumb"><a href="trainings">{t("Training")}</a></p>
      <PageHeader title={training.name} text={training.description}>
        <TensorBoardButton send={send} />
        {training.state === "running" && <LinkButton icon="terminal" href={`console?id=${training.id}`}>{t("Console")}</LinkButton>}
        <LinkButton icon="chart" href={`monitor?runs=${training.id}`}>{t("Compare")}</LinkButton>
        <LinkButton icon="copy" href={cloneAddress(training)}>{t("Clone")}</LinkButton>
        <StateButtons row={training} stop={() => send("stop")} start={() => send("start")} act={(name) => send(name)} />
        <Menu label={t("More for {name}", { name: training.name })} items={trainingMenu(training, { remove: () => send("delete"), deleted: () => visit("trainings") })} />
      </PageHeader>
      <div class="ty-stack">
        {view.waiting ? <WaitingPanel waiting={view.waiting} take={training.actions.includes("stop") ? (chosen) => send("take_package", { package: chosen }) : undefined} /> : <WaitingNote waiting={training.waiting} />}
        <RetryNote row={training} />
        <LateNote training={training} />
        <EndingNote ending={training.ending} unsaved={training.unsaved && !training.dry_run} onOffer={training.actions.includes("start") ? (chosen) => send("start", { package: chosen }) : undefined} />
        {training.dry_run && training.ending?.good && <Note kind="good" title={training.ending.text}><div class="ty-row"><span>{t("One batch went through. The training itself has not been started.")}</span><LinkButton small kind="primary" icon="play" href={`${cloneAddress(training)}&step=resources`}>{t("Go on to the training")}</LinkButton></div></Note>}
        <Numbers view={view} send={send} heard={heard} />
        <Curves view={view} query={query} setQuery={setQuery} send={send} />
        <ResourceCharts />
        <Replicas replicas={view.replicas} training={training} />
        <Attempts attempts={view.attempts} />
        <Card title={t("Output")} text={<span class="ty-small">{t("Kept on the group's share in {file}", { file: "" })}<code>{training.log}</code></span>}>
          <ReplicaLog training={training} onOutput={() => (heard.current = Date.now())} />
        </Card>
        <div class="ty-grid">
          <Parameters rows={view.parameters} />
          <Card title={t("Configuration")}>
            <Facts rows={[
              [t("Command"), <code>{training.entry}</code>, true],
              [t("Search"), training.search && <a href={`searches?id=${training.search.id}`}>{training.search.name} · {t("trial {number}", { number: number(training.search.trial) })}</a>],
              [t("Image"), training.image], [t("Resources"), training.package], [t("Group"), training.group], [t("By"), training.owner],
              ...training.sets.map((set) => [t("Set for {part}", { part: t(PARTS[set.part] ?? set.part) }), <a href={`dataset?id=${set.dataset}`}>{set.dataset_name} · {formatName(set.format)} · {number(set.samples)}</a>]),
              [t("Started"), training.started && <Time value={training.started} absolute />],
              [t("Ended"), training.ended && <Time value={training.ended} absolute />],
              [t("Processes"), layoutWords(training.distributed)],
              [t("Virtual cluster"), training.cluster], [t("Priority"), training.priority === 100 ? null : number(training.priority)],
              [t("Gives way"), training.preemptible ? t("yes, when somebody else wants its place") : null],
              [t("Curves from its output"), training.log_patterns.length ? training.log_patterns.map((one) => <div key={one}><code>{one}</code></div>) : null],
              [t("Started again by itself"), training.most_retries > 0 ? t("{number} of {most} times", { number: number(training.retries), most: number(training.most_retries) }) : null],
              [t("Time left"), training.state === "running" && training.deadline ? <Clock until={training.deadline} /> : null],
              [t("Ends at the latest"), isLive(training) && training.deadline ? <Time value={training.deadline} absolute /> : null],
            ]} />
          </Card>
        </div>
      </div>
    </>
  );
}

// The countdown where nobody can miss it, in the last tenth of its time, two hours at most.
function LateNote({ training }) {
  const now = useNow(10);
  const left = Date.parse(training.deadline) - now;
  if (training.state !== "running" || training.dry_run || !(left < Math.min(2, training.hours / 10) * 3600e3)) return null;
  return <Note kind="warn" title={<>{t("Time left")} <Clock until={training.deadline} /></>}>{t("Then it is asked to save and ended; it can be continued from its last checkpoint.")}</Note>;
}

function TensorBoardButton({ send }) {
  const open = async () => {
    // Opened at once, or the browser takes it for a pop-up.
    const tab = window.open("", "_blank");
    try {
      const address = await send("tensorboard");
      if (tab) tab.location = address;
      else location.assign(address);
    } catch (error) {
      tab?.close();
      failed(error);
    }
  };
  return <Button icon="chart" onClick={open}>TensorBoard</Button>;
}

// Neither lines of a log nor what a job uses send an event: where none came for so many seconds, a page that is seen asks,
// and waits for the answer before it asks again.
const LOOK = 10;

function useLook(view, send) {
  const asking = useRef(false);
  useEffect(() => {
    if (view.training.state !== "running") return undefined;
    const look = () => {
      if (document.hidden || asking.current) return;
      asking.current = true;
      send("reload_page").catch(() => {}).finally(() => (asking.current = false));
    };
    const timer = setInterval(look, LOOK * 1000);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [view, send]);
}

// ``heard``: when the log below brought something.
function Numbers({ view, send, heard }) {
  const { tiles, training, instance } = view;
  const now = useNow(1);
  useLook(view, send);
  const running = instance?.state === "running" && isLive(training);
  const spoken = Math.max(heard.current, tiles.last_output ? Date.parse(tiles.last_output) : 0);
  const quiet = spoken ? Math.max(0, (now - spoken) / 1000) : null;
  const stuck = training.state === "running" && view.quiet_after && quiet > view.quiet_after + LOOK;
  const epochs = tiles.epoch === null ? "–" : tiles.epochs ? `${number(tiles.epoch)} / ${number(tiles.epochs)}` : number(tiles.epoch);
  return (
    <>
      <Tiles>
        <Tile label={t("State")} value={<StateBadge state={stateOf(training)} />} />
        <Tile label={t("Epoch")} value={epochs} />
        <Tile label={t("Batch")} value={number(tiles.batch)} />
        <Tile label={t("Samples/s")} value={number(tiles.samples_per_second, tiles.samples_per_second < 10 ? 1 : 0)} />
        <Tile label={t("Elapsed")} value={tiles.since && isLive(training) ? <Clock since={tiles.since} /> : duration(tiles.elapsed)} />
        {training.ended ? <Tile label={t("Ended")} value={<Time value={training.ended} />} /> : (
          <>
            <Tile label={t("Remaining")} value={running ? duration(tiles.remaining) : "–"} />
            <Tile label={t("Last output")} value={quiet === null ? "–" : t("{time} ago", { time: duration(quiet) })} tone={stuck ? "warn" : undefined} />
          </>
        )}
      </Tiles>
      {instance?.done !== null && instance && running && <div class="ty-bar ty-bar-thin" role="progressbar" aria-label={t("Progress")} aria-valuenow={Math.round(instance.done * 100)} aria-valuemin="0" aria-valuemax="100"><div style={{ width: `${instance.done * 100}%` }} /></div>}
      {stuck && <Note kind="warn" title={t("No output for {time}", { time: duration(quiet) })}>{t("It may be stuck. Look at the log below, or enter it by the console.")}</Note>}
    </>
  );
}

// What is seen is drawn at once, and asked for in full detail.
const useZoom = (setRange, axis, send) => useCallback((next) => {
  setRange(next);
  send("zoom", next ? { first: next[0], last: next[1], axis } : {}).catch(() => {});
}, [axis, send]);

// The slider answers at once; the address is told when it rests.
function useSmoothing(query, setQuery) {
  const told = Number(query.smooth ?? 0);
  const [value, setValue] = useState(told);
  const timer = useRef(0);
  useEffect(() => {
    if (!timer.current) setValue(told);
  }, [told]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const change = (next) => {
    setValue(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = 0;
      setQuery({ smooth: next || "" }, { replace: true });
    }, 250);
  };
  return [value, change];
}

function Curves({ view, query, setQuery, send }) {
  const curves = useTrait("curves");
  const [range, setRange] = useState(null);
  const axis = query.x ?? "step";
  const [smoothing, smooth] = useSmoothing(query, setQuery);
  const logarithmic = query.log === "1";
  const zoom = useZoom(setRange, axis, send);
  const instances = view.training.instances;
  const instance = instances.some((one) => one.id === query.instance) ? query.instance : view.instance?.id;
  const charts = curves?.instance === view.instance?.id ? (curves?.charts ?? []).filter((chart) => chart.series.length) : [];
  const snapshots = curves?.instance === view.instance?.id ? (curves?.snapshots ?? []) : [];
  return (
    <Card title={t("Curves")} actions={
      <div class="ty-row ty-curve-tools">
        {instances.length > 1 && <SelectField name="instance" label={t("Instance")} value={instance} onChange={(instance) => setQuery({ instance }, { replace: true })} options={instances.map((one) => ({ value: one.id, label: `${one.id.slice(0, 6)} · ${dateTime(one.started)}` }))} />}
        {charts.length > 0 && (
          <>
            <SelectField name="x" label={t("Horizontal axis")} value={axis} onChange={(x) => (zoom(null), setQuery({ x: x === "step" ? "" : x }, { replace: true }))} options={AXES.map(([value, word]) => ({ value, label: t(word) }))} />
            <SliderField name="smooth" label={t("Smoothing")} min={0} max={0.95} step={0.05} value={smoothing} onChange={smooth} show={(value) => value.toFixed(2)} />
            <label class="ty-row ty-tool"><input type="checkbox" checked={logarithmic} onChange={(event) => setQuery({ log: event.target.checked ? "1" : "" }, { replace: true })} /> {t("Logarithmic loss")}</label>
            <Button small disabled={!range} onClick={() => zoom(null)}>{t("Whole run")}</Button>
            <Export instances={[view.instance.id]} look={{ smoothing, x: axis, logarithmic }} name={view.training.name} />
          </>
        )}
      </div>
    }>
      {(curves?.lost ?? []).length > 0 && <Note kind="bad" title={t("The loss is no number any more: {tags}", { tags: curves.lost.join(", ") })}>{t("It became NaN or infinite, so nothing is learnt from there on. A smaller learning rate or gradient clipping often helps; go on from a snapshot before it.")}</Note>}
      {(curves?.problems ?? []).length > 0 && <Note kind="warn" title={t("Not all of the event files could be read")}>{curves.problems[0]}</Note>}
      {charts.length === 0 ? <NoCurves view={view} /> : (
        <>
          <div class="ty-curves">
            {charts.map((chart) => <CurveChart key={chart.name} chart={chart} title={TITLES[chart.name] ? t(TITLES[chart.name]) : chart.name} axis={axis} smoothing={smoothing} logarithmic={logarithmic && chart.name === "loss"} marks={chart.name === "loss" ? snapshots : []} range={range} onRange={zoom} group="monitor" />)}
          </div>
          <p class="ty-muted ty-small">{t("Drag over a chart to zoom, double-click for the whole run; without a mouse + and − zoom a chosen chart, ← and → move it, 0 shows the whole run.")}{snapshots.length > 0 && <> ◆ {t("A snapshot was kept:")} {snapshots.map((mark) => <a key={mark.model} class="ty-snapshot" href={`models?search=${encodeURIComponent(view.training.name)}`}>{mark.whole ? t("epoch {epoch}", { epoch: mark.epoch }) : t("epoch {epoch}, step {step}", { epoch: mark.epoch, step: number(mark.step) })}</a>)}</>}</p>
        </>
      )}
    </Card>
  );
}

const FORMATS = [["png", "PNG"], ["svg", "SVG"], ["csv", "CSV"]];

function Export({ instances, look, name }) {
  const address = (format) => `/curves/file?${new URLSearchParams([...instances.map((one) => ["instance", one]), ["format", format], ["smoothing", look.smoothing], ["x", look.x], ["logarithmic", look.logarithmic]])}`;
  return <span class="ty-row">{FORMATS.map(([format, word]) => <Button key={format} small icon="download" onClick={() => save(address(format), `${name}.${format}`)}>{word}</Button>)}</span>;
}

const RESOURCES = { cpu: N_("Processor cores"), memory: N_("Memory"), gpu: N_("Cards"), gpu_memory: N_("Memory of the cards"), disk: N_("Disk"), network: N_("Network") };

function ResourceCharts() {
  const usage = useTrait("usage");
  const charts = usage?.charts ?? [];
  if (!charts.length) return null;
  return (
    <Card title={t("Resources")} text={t("What the job uses, sampled every few seconds.")}>
      <div class="ty-curves">
        {charts.map((chart) => <CurveChart key={chart.name} chart={chart} title={t(RESOURCES[chart.name])} axis="time" range={null} group="usage" />)}
      </div>
    </Card>
  );
}

function Compare({ view, query, setQuery, send }) {
  const { comparison, others } = view;
  const curves = useTrait("curves");
  const axis = query.x ?? "step";
  const [smoothing, smooth] = useSmoothing(query, setQuery);
  const logarithmic = query.log === "1";
  const [range, setRange] = useState(null);
  const zoom = useZoom(setRange, axis, send);
  const charts = curves?.instance === "runs" ? curves.charts : [];
  const show = (ids) => setQuery({ runs: ids.join(",") }, { replace: true });
  const ids = (query.runs ?? "").split(",").filter(Boolean); // the view knows of a choice a moment later
  const rest = others.filter((one) => !ids.includes(one.id));
  const instances = comparison.runs.map((run) => run.instance).filter(Boolean);
  return (
    <>
      <p class="ty-crumb"><a href="trainings">{t("Training")}</a></p>
      <PageHeader title={t("Compare trainings")} text={t("Hyper-parameters and numbers side by side, curves over one another.")}>
        {rest.length > 0 && <SelectField name="add" label={t("Add a training")} value="" onChange={(id) => id && show([...ids, id])} options={[{ value: "", label: "–" }, ...rest.map((one) => ({ value: one.id, label: one.name }))]} />}
        <TensorBoardButton send={send} />
      </PageHeader>
      <div class="ty-stack">
        <Card title={t("Side by side")}>
          <div class="ty-compare" role="region" aria-label={t("Side by side")} tabIndex={0}>
            <table>
              <thead><tr><th />{comparison.runs.map((run, place) => <th key={run.training} scope="col"><LineKey {...runStroke(place)} /><a title={run.name} href={`monitor?id=${run.training}`}>{run.name}</a>{ids.length > 1 && <> <Button small kind="quiet" aria-label={t("Leave out {name}", { name: run.name })} onClick={() => show(ids.filter((id) => id !== run.training))}>×</Button></>}</th>)}</tr></thead>
              <tbody>
                <tr><th scope="row">{t("State")}</th>{comparison.runs.map((run) => <td key={run.training}><StateBadge state={run.state} /></td>)}</tr>
                <tr><th scope="row">{t("Elapsed")}</th>{comparison.runs.map((run) => <td key={run.training} class="ty-numbers">{duration(run.elapsed)}</td>)}</tr>
                {comparison.parameters.map((row) => <tr key={`p ${row.name}`} class={row.differs ? "ty-differs" : undefined}><th scope="row"><code>{row.name}</code>{row.differs && ids.length > 1 && <span class="ty-muted ty-small"> {t("differs")}</span>}</th>{row.values.map((value, place) => <td key={place} class="ty-numbers"><div class="ty-compare-value">{value ?? "–"}</div></td>)}</tr>)}
                {comparison.metrics.map((row) => <tr key={`m ${row.tag}`}><th scope="row"><code>{row.tag}</code><span class="ty-muted ty-small"> {t("last")}</span></th>{row.last.map((value, place) => <td key={place} class="ty-numbers">{metric(row.tag, value)}{typeof row.best[place] === "number" && row.best[place] !== value && <span class="ty-muted"> ({t("best {value}", { value: metric(row.tag, row.best[place]) })})</span>}</td>)}</tr>)}
              </tbody>
            </table>
          </div>
        </Card>
        <Card title={t("Curves")} actions={
          <div class="ty-row ty-curve-tools">
            <SelectField name="x" label={t("Horizontal axis")} value={axis} onChange={(x) => (zoom(null), setQuery({ x: x === "step" ? "" : x }, { replace: true }))} options={AXES.map(([value, word]) => ({ value, label: t(word) }))} />
            <SliderField name="smooth" label={t("Smoothing")} min={0} max={0.95} step={0.05} value={smoothing} onChange={smooth} show={(value) => value.toFixed(2)} />
            <label class="ty-row ty-tool"><input type="checkbox" checked={logarithmic} onChange={(event) => setQuery({ log: event.target.checked ? "1" : "" }, { replace: true })} /> {t("Logarithmic loss")}</label>
            <Button small disabled={!range} onClick={() => zoom(null)}>{t("Whole run")}</Button>
            {charts.length > 0 && <Export instances={instances} look={{ smoothing, x: axis, logarithmic }} name="curves" />}
          </div>
        }>
          {charts.length === 0 ? <EmptyState icon="chart" title={t("No curves")} text={t("None of these trainings has reported a number.")} /> : (
            <div class="ty-curves">{charts.map((chart) => <CurveChart key={chart.name} chart={chart} title={chart.name} axis={axis} smoothing={smoothing} logarithmic={logarithmic && chart.name.startsWith("loss")} range={range} onRange={zoom} group="compare" />)}</div>
          )}
        </Card>
      </div>
    </>
  );
}

function NoCurves({ view }) {
  const { training } = view;
  if (training.state === "queued" || training.state === "created") return <EmptyState icon="clock" title={t("It has not started yet")} text={t("Curves appear here with the first numbers the script reports.")} />;
  if (isLive(training)) return <EmptyState icon="chart" title={t("Waiting for the first numbers")} text={t("A script reports them through trainyard.training; the examples do. The log below shows what it does meanwhile.")} />;
  return <EmptyState icon="chart" title={t("No curves")} text={t("The script ended without reporting a number. Report them with trainyard.training, as the examples do.")} />;
}

function Parameters({ rows }) {
  return (
    <Card title={t("Hyper-parameters")}>
      {rows.length === 0 ? <p class="ty-muted">{t("None: the script wrote no /workspace/params/default.json and was given nothing.")}</p> : (
        <dl class="ty-parameters">{rows.map((row) => <div key={row.name}><dt><code>{row.name}</code></dt><dd class="ty-numbers">{row.value}</dd></div>)}</dl>
      )}
    </Card>
  );
}

adoptDataStyle();

export default definePage(Monitor);
