// The processes of a distributed training: how each stands, what it may use, and which of them was the first to die.
import { StateBadge, Tag } from "../badge.jsx";
import { Card } from "../card.jsx";
import { bytes, duration } from "../format.js";
import { Clock } from "../time.jsx";
import { isLive } from "../training_parts.jsx";
import { N_, t } from "../words.js";

const ROLES = { worker: N_("trains"), server: N_("keeps the parameters"), scheduler: N_("brings them together") };

export function Replicas({ replicas, training }) {
  if (!replicas?.length) return null;
  return (
    <Card flush title={t("Processes")} text={t("They start together and end together; the first worker writes the curves.")}>
      <div class="ty-table-box">
        <table class="ty-table" aria-label={t("Processes")}>
          <thead><tr><th scope="col">{t("Process")}</th><th scope="col">{t("State")}</th><th scope="col">{t("Ran")}</th><th scope="col">{t("Resources")}</th><th scope="col">{t("Most memory")}</th></tr></thead>
          <tbody>{replicas.map((one) => <Replica key={one.name} one={one} training={training} />)}</tbody>
        </table>
      </div>
    </Card>
  );
}

function Replica({ one, training }) {
  const ran = one.started && (one.ended ? duration((Date.parse(one.ended) - Date.parse(one.started)) / 1000) : one.state === "running" ? <Clock since={one.started} /> : null);
  const limit = one.memory_limit ? ` / ${bytes(one.memory_limit)}` : "";
  return (
    <tr>
      <td><div><strong>{one.name}</strong><div class="ty-muted ty-small">{t(ROLES[one.role] ?? one.role)}</div></div></td>
      <td data-label={t("State")}><div><ReplicaState one={one} training={training} />{one.first && training.ending && !training.ending.good && <div class="ty-gap-small"><Tag tone="bad">{t("ended first")}</Tag></div>}</div></td>
      <td data-label={t("Ran")} class="ty-numbers">{ran ?? "–"}</td>
      <td data-label={t("Resources")}>{one.package}</td>
      <td data-label={t("Most memory")} class="ty-numbers">{one.peak_memory ? `${bytes(one.peak_memory)}${limit}` : "–"}</td>
    </tr>
  );
}

// A process that ended by itself with 0 is done; the others say how they ended.
function ReplicaState({ one, training }) {
  if (one.state === "waiting" && !isLive(training)) return "–";
  if (one.state !== "ended") return <StateBadge state={one.state === "waiting" ? "queued" : one.state} />;
  if (one.exit_code === 0) return <StateBadge state="finished" />;
  const how = one.signal ? t("signal {signal}", { signal: one.signal }) : one.exit_code !== null ? t("exit code {code}", { code: one.exit_code }) : undefined;
  return <StateBadge state={one.first ? "failed" : "stopped"} text={how} />;
}
