// What the list of trainings and the monitor share: buttons, why one waits, how one ended.
import { Button, LinkButton } from "./button.jsx";
import { confirm } from "./dialog.jsx";
import { Card } from "./card.jsx";
import { bytes, duration, number, percent } from "./format.js";
import { Note } from "./states.jsx";
import { Clock, Time } from "./time.jsx";
import { t } from "./words.js";
import { visit } from "./places.js";

export const isLive = (row) => ["created", "queued", "starting", "running"].includes(row.state);
export const stateOf = (row) => (row.stopping ? "stopping" : row.state);
export const editAddress = (row) => `training_new?${new URLSearchParams({ ...row.clone, name: row.name, edit: row.id, step: "resources" })}`;
export const cloneAddress = (row) => `training_new?${new URLSearchParams(row.clone)}`;

export function stopTraining(row, act) {
  confirm({ title: t("Stop {name}?", { name: row.name }), text: t("The process ends and its resources are given back. Files on the group's share, the log and saved snapshots stay; what was computed since the last snapshot is lost."), button: t("Stop"), act });
}

// Nothing to ask where there is a checkpoint, or where none was looked for.
function pauseTraining(row, act) {
  if (!row.unsaved) return act("pause");
  return confirm({ danger: false, title: t("Pause {name}?", { name: row.name }), text: t("It has saved no checkpoint yet. It is asked to save now; a script that does not do so begins anew."), button: t("Pause"), act: () => act("pause") });
}

export function deleteTraining(row, act) {
  confirm({ title: t("Delete {name}?", { name: row.name }), text: t("Its curves and its entry in the list are deleted for good. Models and files on the group's share stay."), button: t("Delete"), act });
}

// The few actions that fit the state; `act` sends one by its name.
export function StateButtons({ row, stop, start, act, small }) {
  const from = row.checkpoint && t("From epoch {epoch}, batch {step}", { epoch: number(row.checkpoint.epoch), step: number(row.checkpoint.step) });
  return (
    <>
      {row.actions.includes("pause") && <Button small={small} icon="clock" title={t("It saves and ends; its resources are given back.")} onClick={() => pauseTraining(row, act)}>{t("Pause")}</Button>}
      {row.actions.includes("resume") && <Button small={small} kind="primary" icon="play" title={from || undefined} onClick={() => act("resume")}>{t("Continue from the last checkpoint")}</Button>}
      {row.actions.includes("stop") && <Button small={small} icon="stop" onClick={() => stopTraining(row, stop)}>{t("Stop")}</Button>}
      {row.actions.includes("start") && <Button small={small} icon="play" onClick={start}>{t("Start again")}</Button>}
    </>
  );
}

// What the platform does by itself after a failure.
export function RetryNote({ row }) {
  if (!row.retry_at) return null;
  return <Note kind="info" title={t("Starts again by itself: try {number} of {most}", { number: number(row.retries), most: number(row.most_retries) })}>{t("Not before")} <Time value={row.retry_at} absolute /></Note>;
}

export function WaitingNote({ waiting }) {
  if (!waiting) return null;
  return (
    <Note kind="info" title={waiting.place ? t("Waits for its turn: place {place}", { place: number(waiting.place) }) : t("Waits for its turn")}>
      <p>{waiting.text}</p>
      {waiting.limit > 0 && (
        <div class="ty-wait" aria-hidden="true">
          <span class="ty-wait-used" style={{ width: `${waiting.used_part * 100}%` }} />
          <span class="ty-wait-asked" style={{ width: `${Math.min(waiting.asked_part, 1 - waiting.used_part) * 100}%` }} />
        </div>
      )}
    </Note>
  );
}

const CALM = new Set(["stopped", "idle", "time-limit", "evicted"]); // the platform or a person ended it: nothing broke
const RESUMED = new Set(["stopped", "time-limit", "evicted", "supervisor-lost", "node-lost"]);

// The death certificate: what ended it, what to do, the numbers, the last words.
export function EndingNote({ ending, onOffer, unsaved = false }) {
  if (!ending || ending.good) return null;
  const facts = factsOf(ending);
  return (
    <Note kind={CALM.has(ending.cause) ? "info" : "bad"} title={ending.text}>
      {ending.next && <p>{ending.next}</p>}
      {unsaved && RESUMED.has(ending.cause) && <p>{t("It has saved no checkpoint: started again it begins anew.")}</p>}
      {ending.offer && onOffer && <div class="ty-row ty-gap-small"><Button small kind="primary" icon="play" onClick={() => onOffer(ending.offer.package)}>{t("Start again with twice the memory ({package})", { package: ending.offer.package })}</Button></div>}
      {facts.length > 0 && <p class="ty-small ty-numbers">{facts.join(" · ")}</p>}
      <LastLines ending={ending} />
    </Note>
  );
}

function LastLines({ ending }) {
  if (!ending.last_lines.length || ending.cause === "stopped") return null;
  return <details><summary>{t("Last lines of the output")}</summary><pre class="ty-code" tabIndex={0}>{ending.last_lines.join("\n")}</pre></details>;
}

// The numbers of an end: exit code or signal, and what it used at most against its limits.
function factsOf(ending) {
  return [
    ending.exit_code !== null && t("exit code {code}", { code: ending.exit_code }),
    ending.signal !== null && t("signal {signal}", { signal: ending.signal }),
    ending.stopped_by && t("stopped by {name}", { name: ending.stopped_by }),
    ending.peak_memory && (ending.memory_limit ? t("most memory {used} of {limit} ({part})", { used: bytes(ending.peak_memory), limit: bytes(ending.memory_limit), part: percent(ending.memory_part) }) : t("most memory {used}", { used: bytes(ending.peak_memory) })),
    ending.peak_cpu && ending.cpu_limit && t("most cores {used} of {limit}", { used: number(ending.peak_cpu, 1), limit: number(ending.cpu_limit, 1) }),
    ending.peak_gpu_memory && (ending.gpu_memory_limit ? t("most GPU memory {used} of {limit}", { used: bytes(ending.peak_gpu_memory), limit: bytes(ending.gpu_memory_limit) }) : t("most GPU memory {used}", { used: bytes(ending.peak_gpu_memory) })),
  ].filter(Boolean);
}

// Every start of a training, the newest first: when, how long, how it ended.
export function Attempts({ attempts }) {
  if (!attempts.length) return null;
  return (
    <Card flush title={t("Attempts")} text={t("Each start of it, the newest first. The log below goes through all of them.")}>
      <div class="ty-table-box">
        <table class="ty-table" aria-label={t("Attempts")}>
          <thead><tr><th scope="col">{t("Attempt")}</th><th scope="col">{t("Begun")}</th><th scope="col">{t("Took")}</th><th scope="col">{t("How it ended")}</th></tr></thead>
          <tbody>{attempts.map((one) => <AttemptRow key={one.number} attempt={one} />)}</tbody>
        </table>
      </div>
    </Card>
  );
}

function AttemptRow({ attempt }) {
  const { ending, created, ended } = attempt;
  return (
    <tr>
      <td data-label={t("Attempt")} class="ty-numbers">{number(attempt.number)}</td>
      <td data-label={t("Begun")}><Time value={created} absolute /></td>
      <td data-label={t("Took")} class="ty-numbers">{ended ? duration((Date.parse(ended) - Date.parse(created)) / 1000) : <Clock since={created} />}</td>
      <td data-label={t("How it ended")} class="ty-wide">
        {!ending ? <span class="ty-muted">{t("It has not ended.")}</span> : (
          <div>
            <div class={ending.good || ending.cause === "stopped" ? undefined : "ty-bad"}>{ending.text}</div>
            {factsOf(ending).length > 0 && <div class="ty-muted ty-small ty-numbers">{factsOf(ending).join(" · ")}</div>}
            <LastLines ending={ending} />
          </div>
        )}
      </td>
    </tr>
  );
}

// What of a training is behind three dots: edit it, copy it, delete it; ``deleted`` is called after.
export function trainingMenu(row, { start, remove, deleted = () => {} }) {
  const why = row.refused.start ?? (isLive(row) ? t("It runs already.") : "");
  return [
    ...(start ? [{ label: t("Start again"), icon: "play", refused: why, onChoose: start }] : []),
    { label: t("Edit and run"), icon: "gear", refused: why, onChoose: () => visit(editAddress(row)) },
    { label: t("Copy into a new training"), icon: "copy", onChoose: () => visit(cloneAddress(row)) },
    { label: t("Delete"), icon: "trash", danger: true, refused: row.refused.delete, onChoose: () => deleteTraining(row, async () => (await remove(), deleted())) },
  ];
}

export function MonitorLink({ id, instance, children, kind = "plain" }) {
  return <LinkButton small kind={kind} icon="chart" href={`monitor?id=${id}${instance ? `&instance=${instance}` : ""}`}>{children}</LinkButton>;
}
