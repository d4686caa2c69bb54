// Where and how soon a training gets its turn: virtual cluster, time limit, priority, and whether it gives way.
import { CheckField, SelectField, TextField } from "../form.jsx";
import { number } from "../format.js";
import { t } from "../words.js";
import { Typed } from "./typed.jsx";

// Shown where there are any: what is offered below depends on it.
export function ClusterField({ view, onChoose, problem }) {
  const { draft, clusters, problems } = view;
  const chosen = clusters.find((one) => one.name === draft.cluster);
  const gone = draft.cluster && !chosen ? [{ value: draft.cluster, label: draft.cluster }] : [];
  if (!clusters.length && !gone.length) return null;
  const options = [{ value: "", label: t("outside, by quota") }, ...clusters.map((one) => ({ value: one.name, label: one.name })), ...gone];
  return (
    <div class="ty-narrow ty-gap">
      <SelectField name="cluster" label={t("Virtual cluster")} value={draft.cluster} onChange={onChoose} error={problem("cluster") ?? (gone.length ? problems.cluster : undefined)} options={options} hint={chosen ? aboutCluster(chosen) : t("Its share of the machine is used by nobody else.")} />
    </div>
  );
}

export function TurnFields({ view, type, problem }) {
  const { draft, most_hours: most, priorities: [low, high] } = view;
  return (
    <div class="ty-form ty-gap-top">
      <div class="ty-fields">
        <Typed Field={TextField} name="hours" label={t("Time limit in hours")} type="number" min="0.1" max={most} step="any" value={draft.hours} onChange={type("hours")} error={problem("hours")} hint={t("At most {most}, counted from its start. Snapshots are kept.", { most: number(most, 1) })} />
        <Typed Field={TextField} name="priority" label={t("Priority")} type="number" min={low} max={high} step="1" value={draft.priority} onChange={type("priority")} error={problem("priority")} hint={t("100 is usual; up to {high}, higher goes first.", { high: number(high) })} />
      </div>
      <CheckField name="preemptible" label={t("Use what is idle, and give way")} hint={t("It comes after all others, and may use what clusters and guarantees of others leave idle. When they want it, it is stopped, queued again, and goes on from its last checkpoint.")} value={Boolean(draft.preemptible)} onChange={(yes) => type("preemptible")(yes ? "1" : "")} />
    </div>
  );
}

function aboutCluster(one) {
  const free = t("{free} of {all} cores free", { free: number(Math.max(0, one.cpu - one.use.cpu), 1), all: number(one.cpu, 1) });
  const cards = one.gpu > 0 && t("{free} of {all} GPUs free", { free: number(Math.max(0, one.gpu - one.use.gpu)), all: number(one.gpu) });
  return [one.description, free, cards].filter(Boolean).join(" · ");
}
