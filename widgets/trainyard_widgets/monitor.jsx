// The monitor: how far a training is, its curves as they grow, what it was given, what it says, and how it ended.
import { useCallback, useState } from "preact/hooks";
import {
  Button, Card, Clock, dateTime, definePage, duration, EmptyState, Facts, failed, LinkButton, N_, Note, number, PageHeader, SelectField, Skeleton, SliderField, StateBadge, t, Tile, Tiles, Time, useNow, useTrait,
} from "./components/index.js";
import { CurveChart } from "./components/curves.jsx";
import { FORMATS, PARTS } from "./components/batches.jsx";
import { LogView } from "./components/log.jsx";
import { cloneAddress, EndingNote, isLive, StateButtons, stateOf, WaitingNote } from "./components/training_parts.jsx";
import { adoptDataStyle } from "./components/style.js";

const TITLES = { accuracy: N_("Accuracy"), loss: N_("Loss"), learning_rate: N_("Learning rate"), throughput: N_("Speed (samples per second)") };
const AXES = [["step", N_("by step")], ["epoch", N_("by epoch")], ["time", N_("by time")]];

function Monitor({ view, query, setQuery, send }) {
  if (!view) return <><PageHeader title={t("Training")} /><Tiles>{Array.from({ length: 7 }, (_, place) => <Tile key={place} label=" " value="–" />)}</Tiles><Card><Skeleton rows={10} height={28} /></Card></>;
  const { training } = view;
  return (
    <>
      <p class="ty-crumb"><a href="trainings">{t("Training")}</a></p>
      <PageHeader title={training.name} text={training.description}>
        <TensorBoardButton send={send} />
        {training.state === "running" && <LinkButton icon="terminal" href={`console?id=${training.id}`}>{t("Console")}</LinkButton>}
        <LinkButton icon="copy" href={cloneAddress(training)}>{t("Clone")}</LinkButton>
        <StateButtons row={training} stop={() => send("stop")} start={() => send("start")} />
      </PageHeader>
      <div class="ty-stack">
        <WaitingNote waiting={training.waiting} />
        <EndingNote ending={training.ending} />
        <Numbers view={view} />
        <Curves view={view} query={query} setQuery={setQuery} send={send} />
        <Card title={t("Output")} text={<span class="ty-small">{t("Kept on the group's share in {file}", { file: "" })}<code>{training.log}</code></span>}>
          <LogView job={training.job} running={isLive(training)} key={`${training.job}-${training.attempt}`} />
        </Card>
        <div class="ty-grid">
          <Parameters rows={view.parameters} />
          <Card title={t("Configuration")}>
            <Facts rows={[
              [t("Command"), <code>{training.entry}</code>],
              [t("Image"), training.image], [t("Resources"), training.package], [t("Group"), training.group], [t("By"), training.owner],
              ...training.sets.map((set) => [t("Set for {part}", { part: t(PARTS[set.part] ?? set.part) }), <a href={`dataset?id=${set.dataset}`}>{set.dataset_name} · {FORMATS[set.format]} · {number(set.samples)}</a>]),
              [t("Started"), training.started && <Time value={training.started} absolute />],
              [t("Ended"), training.ended && <Time value={training.ended} absolute />],
              [t("Attempt"), training.attempt > 1 ? number(training.attempt) : null],
              [t("Ends at the latest"), isLive(training) && training.deadline ? <Time value={training.deadline} absolute /> : null],
            ]} />
          </Card>
        </div>
      </div>
    </>
  );
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

function Numbers({ view }) {
  const { tiles, training, instance } = view;
  const now = useNow(1);
  const running = instance?.state === "running" && isLive(training);
  const quiet = tiles.last_output ? (now - new Date(tiles.last_output).getTime()) / 1000 : null;
  const stuck = running && quiet !== null && quiet > view.quiet_after;
  const epochs = tiles.epoch === null ? "–" : tiles.epochs ? `${number(tiles.epoch)} / ${number(tiles.epochs)}` : number(tiles.epoch);
  return (
    <>
      <Tiles>
        <Tile label={t("State")} value={<StateBadge state={stateOf(training)} />} />
        <Tile label={t("Epoch")} value={epochs} />
        <Tile label={t("Batch")} value={number(tiles.batch)} />
        <Tile label={t("Samples/s")} value={number(tiles.samples_per_second, tiles.samples_per_second < 10 ? 1 : 0)} />
        <Tile label={t("Elapsed")} value={running ? <Clock since={instance.started} /> : duration(tiles.elapsed)} />
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

function Curves({ view, query, setQuery, send }) {
  const curves = useTrait("curves");
  const [range, setRange] = useState(null);
  const axis = query.x ?? "step";
  const smoothing = Number(query.smooth ?? 0);
  const logarithmic = query.log === "1";
  const zoom = useCallback((next) => {
    setRange(next);
    if (axis === "step") send("zoom", next ? { first: next[0], last: next[1] } : {}).catch(() => {});
  }, [axis, send]);
  const instances = view.training.instances;
  const charts = curves?.instance === view.instance?.id ? (curves?.charts ?? []).filter((chart) => chart.series.length) : [];
  const snapshots = curves?.instance === view.instance?.id ? (curves?.snapshots ?? []) : [];
  return (
    <Card title={t("Curves")} actions={
      <div class="ty-row ty-curve-tools">
        {instances.length > 1 && <SelectField name="instance" label={t("Instance")} value={view.instance?.id} onChange={(instance) => setQuery({ instance }, { replace: true })} options={instances.map((one) => ({ value: one.id, label: `${one.id.slice(0, 6)} · ${dateTime(one.started)}` }))} />}
        <SelectField name="x" label={t("Horizontal axis")} value={axis} onChange={(x) => (zoom(null), setQuery({ x: x === "step" ? "" : x }, { replace: true }))} options={AXES.map(([value, word]) => ({ value, label: t(word) }))} />
        <SliderField name="smooth" label={t("Smoothing")} min={0} max={0.95} step={0.05} value={smoothing} onChange={(smooth) => setQuery({ smooth: smooth || "" }, { replace: true })} show={(value) => value.toFixed(2)} />
        <label class="ty-row ty-tool"><input type="checkbox" checked={logarithmic} onChange={(event) => setQuery({ log: event.target.checked ? "1" : "" }, { replace: true })} /> {t("Logarithmic loss")}</label>
        <Button small disabled={!range} onClick={() => zoom(null)}>{t("Whole run")}</Button>
      </div>
    }>
      {charts.length === 0 ? <NoCurves view={view} /> : (
        <>
          <div class="ty-curves">
            {charts.map((chart) => <CurveChart key={chart.name} chart={chart} title={TITLES[chart.name] ? t(TITLES[chart.name]) : chart.name} axis={axis} smoothing={smoothing} logarithmic={logarithmic && chart.name === "loss"} marks={chart.name === "loss" ? snapshots : []} range={range} onRange={zoom} group="monitor" />)}
          </div>
          <p class="ty-muted ty-small">{t("Drag over a chart to zoom, double-click for the whole run.")}{snapshots.length > 0 && <> ◆ {t("A snapshot was kept:")} {snapshots.map((mark) => <a key={mark.model} class="ty-snapshot" href={`models?search=${encodeURIComponent(view.training.name)}`}>{t("epoch {epoch}", { epoch: mark.epoch })}</a>)}</>}</p>
        </>
      )}
    </Card>
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
