// What the list of trainings and the monitor share: buttons, why one waits, how one ended.
import { Button, LinkButton } from "./button.jsx";
import { confirm } from "./dialog.jsx";
import { bytes, number, percent } from "./format.js";
import { Note } from "./states.jsx";
import { t } from "./words.js";

export const isLive = (row) => ["created", "queued", "starting", "running"].includes(row.state);
export const stateOf = (row) => (row.stopping ? "stopping" : row.state);
export const cloneAddress = (row) => `training_new?${new URLSearchParams(row.clone)}`;

export function stopTraining(row, act) {
  confirm({ title: t("Stop {name}?", { name: row.name }), text: t("The process ends and its resources are given back. Files on the group's share, the log and saved snapshots stay; what was computed since the last snapshot is lost."), button: t("Stop"), act });
}

export function deleteTraining(row, act) {
  confirm({ title: t("Delete {name}?", { name: row.name }), text: t("Its curves and its entry in the list are deleted for good. Models and files on the group's share stay."), button: t("Delete"), act });
}

// The one or two actions that fit the state.
export function StateButtons({ row, stop, start, small }) {
  return (
    <>
      {row.actions.includes("stop") && <Button small={small} icon="stop" onClick={() => stopTraining(row, stop)}>{t("Stop")}</Button>}
      {row.actions.includes("start") && <Button small={small} icon="play" onClick={start}>{t("Start again")}</Button>}
    </>
  );
}

export function WaitingNote({ waiting }) {
  if (!waiting) return null;
  return (
    <Note kind="info" title={waiting.place ? t("Waits for its turn: place {place}", { place: number(waiting.place) }) : t("Waits for its turn")}>
      <p>{waiting.text}</p>
      {waiting.limit > 0 && (
        <div class="ty-wait" aria-hidden="true">
          <span class="ty-wait-used" style={{ width: `${waiting.used_part * 100}%` }} />
          <span class="ty-wait-asked" style={{ width: `${waiting.asked_part * 100}%` }} />
        </div>
      )}
    </Note>
  );
}

// The death certificate: what ended it, what to do, the numbers, the last words.
export function EndingNote({ ending }) {
  if (!ending || ending.good) return null;
  const facts = [
    ending.exit_code !== null && t("exit code {code}", { code: ending.exit_code }),
    ending.signal !== null && t("signal {signal}", { signal: ending.signal }),
    ending.stopped_by && t("stopped by {name}", { name: ending.stopped_by }),
    ending.peak_memory && (ending.memory_limit ? t("most memory {used} of {limit} ({part})", { used: bytes(ending.peak_memory), limit: bytes(ending.memory_limit), part: percent(ending.memory_part) }) : t("most memory {used}", { used: bytes(ending.peak_memory) })),
  ].filter(Boolean);
  return (
    <Note kind={ending.cause === "stopped" ? "info" : "bad"} title={ending.text}>
      {ending.next && <p>{ending.next}</p>}
      {facts.length > 0 && <p class="ty-small ty-numbers">{facts.join(" · ")}</p>}
      {ending.last_lines.length > 0 && ending.cause !== "stopped" && <details><summary>{t("Last lines of the output")}</summary><pre class="ty-code">{ending.last_lines.join("\n")}</pre></details>}
    </Note>
  );
}

export function MonitorLink({ id, instance, children, kind = "plain" }) {
  return <LinkButton small kind={kind} icon="chart" href={`monitor?id=${id}${instance ? `&instance=${instance}` : ""}`}>{children}</LinkButton>;
}
