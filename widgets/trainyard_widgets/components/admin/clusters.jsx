// Virtual clusters: named shares of the machine that nobody outside of them uses.
import { useState } from "preact/hooks";
import { Button, bytes, Card, CheckField, confirm, EmptyState, Meter, number, t } from "../index.js";
import { AmountDialog, amountNames, amountsFrom, DeviceTypeField, gib, GIB, numberFrom, textsOf } from "./amounts.jsx";

export function ClusterTiles({ view, send }) {
  const [editing, setEditing] = useState(null);
  const remove = (one) => confirm({ title: t("Delete the virtual cluster {name}?", { name: one.name }), text: t("Its share goes back to the rest of the machine."), button: t("Delete"), act: () => send("delete_cluster", { name: one.name }) });
  const make = <Button kind={view.clusters.length ? "plain" : "primary"} icon="plus" onClick={() => setEditing({})}>{t("New virtual cluster")}</Button>;
  return (
    <Card title={t("Virtual clusters")} text={t("Named shares of the machine, for some groups, with a longest time of their own.")} actions={view.clusters.length > 0 && make}>
      {view.clusters.length === 0 && <EmptyState icon="gear" title={t("No virtual cluster")} text={t("All of the machine is for everybody, by quota.")}>{make}</EmptyState>}
      <div class="ty-grid ty-grid-fill">{view.clusters.map((one) => <ClusterTile key={one.name} one={one} edit={() => setEditing(one)} remove={() => remove(one)} />)}</div>
      {editing && <ClusterDialog one={editing} view={view} send={send} onClose={() => setEditing(null)} />}
    </Card>
  );
}

function ClusterTile({ one, edit, remove }) {
  const { cpu, memory, gpu, jobs } = one.person;
  const each = [
    cpu !== null && t("{count} cores", { count: number(cpu, 1) }), memory !== null && bytes(memory),
    gpu !== null && t("{count} GPUs", { count: number(gpu) }), jobs !== null && t("{count} jobs", { count: number(jobs) }),
  ].filter(Boolean);
  const about = [one.groups.join(", ") || t("everybody"), t("{hours} h at most", { hours: number(one.hours, 1) }), one.device_type, each.length && t("each person {amounts}", { amounts: each.join(", ") })];
  return (
    <section class="ty-tile">
      <div class="ty-row ty-between ty-gap-small">
        <h3>{one.name}</h3>
        <span class="ty-row">
          <Button small icon="gear" onClick={edit} aria-label={t("Change {name}", { name: one.name })}>{t("Change")}</Button>
          <Button small kind="quiet" icon="trash" onClick={remove} aria-label={t("Delete {name}", { name: one.name })}>{t("Delete")}</Button>
        </span>
      </div>
      {one.description && <p class="ty-gap-small">{one.description}</p>}
      <p class="ty-muted ty-gap-small">{about.filter(Boolean).join(" · ")}</p>
      <Meter label={t("Processor cores")} used={one.use.cpu} limit={one.cpu} format={(value) => number(value, 1)} />
      <Meter label={t("Memory")} used={one.use.memory} limit={one.memory} format={bytes} />
      {one.gpu > 0 && <Meter label={t("GPUs")} used={one.use.gpu} limit={one.gpu} />}
    </section>
  );
}

function ClusterDialog({ one, view, send, onClose }) {
  const old = Boolean(one.name);
  const text = (value) => (value === null || value === undefined ? "" : String(value));
  const begin = old
    ? { ...textsOf(one), name: one.name, description: one.description, device_type: one.device_type ?? "", person_cpu: text(one.person.cpu), person_memory: one.person.memory === null ? "" : gib(one.person.memory), person_gpu: text(one.person.gpu), person_jobs: text(one.person.jobs), hours: text(one.hours), groups: one.groups }
    : { groups: [] };
  const names = [
    ["name", t("Name"), "", old], ["description", t("Description")], ...amountNames(),
    ["hours", t("Longest training in hours"), text(view.hours)],
    ["person_cpu", t("Most cores for a person"), t("no limit")], ["person_memory", t("Most memory in GiB for a person"), t("no limit")],
    ["person_gpu", t("Most GPUs for a person"), t("no limit")], ["person_jobs", t("Most jobs for a person"), t("no limit")],
  ];
  const memoryFrom = (texts) => {
    const most = numberFrom(texts, "person_memory");
    return most === null ? null : Math.round(most * GIB);
  };
  const save = (texts) => send("put_cluster", {
    name: texts.name ?? "",
    cluster: {
      ...amountsFrom(texts, ["cpu", "memory"]), description: texts.description ?? "", device_type: texts.device_type || null, hours: numberFrom(texts, "hours", view.hours),
      person: { cpu: numberFrom(texts, "person_cpu"), memory: memoryFrom(texts), gpu: numberFrom(texts, "person_gpu"), jobs: numberFrom(texts, "person_jobs") }, groups: texts.groups,
    },
  });
  const more = (texts, change) => (
    <>
      <DeviceTypeField name="device_type" types={view.device_types} texts={texts} change={change} />
      <fieldset class="ty-choices">
        <legend>{t("For which groups")}</legend>
        {view.groups.map(({ name }) => <CheckField key={name} name="groups" label={name} value={texts.groups.includes(name)} onChange={(yes) => change({ groups: yes ? [...texts.groups, name] : texts.groups.filter((other) => other !== name) })} />)}
        <div class="ty-field-hint">{texts.groups.length ? t("Only members of these groups use it.") : t("None is chosen: it is for everybody.")}</div>
      </fieldset>
    </>
  );
  return <AmountDialog title={old ? t("Virtual cluster {name}", { name: one.name }) : t("New virtual cluster")} names={names} begin={begin} more={more} onClose={onClose} save={save} />;
}
