// Groups: what each may use at once, and who belongs to it.
import { useState } from "preact/hooks";
import {
  Button, bytes, Card, confirm, Dialog, EmptyState, Form, Meter, number, SelectField, t, Table, TextField, Time, toast,
} from "../index.js";

const GIB = 2 ** 30;
const FIELDS = ["cpu", "memory", "gpu", "jobs", "disk"];
const SIZES = new Set(["memory", "disk"]);
const labels = () => ({ cpu: t("Processor cores"), memory: t("Memory in GiB"), gpu: t("GPUs"), jobs: t("Jobs"), disk: t("Disk in GiB") });

export function Groups({ view, query, setQuery, send }) {
  const [making, setMaking] = useState(false);
  const [defaulting, setDefaulting] = useState(false);
  const make = <Button kind="primary" icon="plus" onClick={() => setMaking(true)}>{t("New group")}</Button>;
  const form = making && <NewGroup quota={view.default_quota} send={send} onClose={() => setMaking(false)} />;
  if (!view.groups.length) {
    return <Card><EmptyState icon="people" title={t("No group yet")} text={t("People train in groups: a group has a quota and a shared folder. Make one, then approve people into it.")}>{make}</EmptyState>{form}</Card>;
  }
  return (
    <div class="ty-stack">
      <Card title={t("Groups and quotas")} text={t("A quota is what may be used at once. Over it, jobs wait and say why.")} actions={make}>
        <p class="ty-muted ty-gap">{t("A new group begins with:")} {quotaText(view.default_quota)} <Button small kind="quiet" onClick={() => setDefaulting(true)}>{t("Change")}</Button></p>
        <div class="ty-grid ty-grid-fill">{view.groups.map((group) => <GroupCard key={group.id} group={group} send={send} chosen={query.group === group.name} open={() => setQuery({ group: query.group === group.name ? null : group.name }, { replace: true })} />)}</div>
      </Card>
      {view.group && <Members group={view.group} people={view.people} send={send} />}
      {form}
      {defaulting && <QuotaDialog title={t("Quota of new groups")} text={t("An empty field is no limit. Groups that are there already keep theirs.")} quota={view.default_quota} save={(quota) => send("set_default_quota", { quota })} onClose={() => setDefaulting(false)} />}
    </div>
  );
}

// A quota in one line, for people.
function quotaText(quota) {
  const texts = [
    quota.cpu !== null && t("{count} cores", { count: number(quota.cpu, 1) }), quota.memory !== null && t("{size} of memory", { size: bytes(quota.memory) }), quota.gpu !== null && t("{count} GPUs", { count: number(quota.gpu) }),
    quota.jobs !== null && t("{count} jobs", { count: number(quota.jobs) }), quota.disk !== null && t("{size} on disk", { size: bytes(quota.disk) }),
  ].filter(Boolean);
  return texts.length ? texts.join(" · ") : t("no limit");
}

function GroupCard({ group, send, open, chosen }) {
  const [editing, setEditing] = useState(false);
  return (
    <section class={`ty-tile${chosen ? " ty-chosen" : ""}`}>
      <div class="ty-row ty-between ty-gap-small"><h3>{group.name}</h3><span class="ty-row"><Button small icon="gear" aria-label={t("Quota of {group}", { group: group.name })} onClick={() => setEditing(true)}>{t("Quota")}</Button><Button small icon="people" aria-label={t("Members of {group}", { group: group.name })} onClick={open} aria-expanded={chosen}>{t("Members")}</Button></span></div>
      {group.description && <p class="ty-muted ty-gap-small">{group.description}</p>}
      <Use use={group.use} quota={group.quota} measured={group.measured} />
      {editing && <QuotaDialog title={t("Quota of {group}", { group: group.name })} quota={group.quota} save={(quota) => send("set_quota", { group: group.name, quota })} onClose={() => setEditing(false)} />}
    </section>
  );
}

function Use({ use, quota, measured }) {
  return (
    <>
      <Meter label={t("Processor cores")} used={use.cpu} limit={quota.cpu} format={(value) => number(value, 1)} />
      <Meter label={t("Memory")} used={use.memory} limit={quota.memory} format={bytes} />
      <Meter label={t("GPUs")} used={use.gpu} limit={quota.gpu} />
      <Meter label={t("Jobs")} used={use.jobs} limit={quota.jobs} />
      <Meter label={t("Disk")} used={use.disk} limit={quota.disk} format={bytes} />
      {measured && <p class="ty-muted ty-small">{t("Disk as of")} <Time value={measured} /></p>}
    </>
  );
}

const shown = (field, value) => (value === null || value === undefined ? "" : String(SIZES.has(field) ? Math.round((value / GIB) * 100) / 100 : value));

// The form's texts as a quota: an empty field is no limit.
export function quotaFrom(texts) {
  const entries = FIELDS.map((field) => {
    const text = texts[field].trim().replace(",", ".");
    if (!text) return [field, null];
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0) throw { field, message: t("“{text}” is not a number of zero or more.", { text }) };
    return [field, SIZES.has(field) ? Math.round(value * GIB) : value];
  });
  return Object.fromEntries(entries);
}

function QuotaFields({ texts, change }) {
  return <div class="ty-fields">{FIELDS.map((field) => <TextField key={field} name={field} label={labels()[field]} placeholder={t("no limit")} inputMode="decimal" value={texts[field]} onChange={(value) => change({ ...texts, [field]: value })} />)}</div>;
}

const textsOf = (quota) => Object.fromEntries(FIELDS.map((field) => [field, shown(field, quota?.[field])]));

function QuotaDialog({ title, text, quota, save, onClose }) {
  const [texts, setTexts] = useState(textsOf(quota));
  const submit = async () => {
    await save(quotaFrom(texts));
    toast(t("The quota is changed."));
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Save")} cancel={onClose}>
        <p class="ty-muted">{text ?? t("An empty field is no limit. What already runs goes on.")}</p>
        <QuotaFields texts={texts} change={setTexts} />
      </Form>
    </Dialog>
  );
}

function NewGroup({ quota, send, onClose }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [texts, setTexts] = useState(textsOf(quota));
  const submit = async () => {
    await send("make_group", { name, description, quota: quotaFrom(texts) });
    onClose();
  };
  return (
    <Dialog title={t("New group")} onClose={onClose}>
      <Form onSubmit={submit} submit={t("Make group")} cancel={onClose}>
        <TextField name="name" label={t("Name")} value={name} onChange={setName} autofocus maxLength={63} />
        <TextField name="description" label={t("Description")} optional value={description} onChange={setDescription} />
        <QuotaFields texts={texts} change={setTexts} />
      </Form>
    </Dialog>
  );
}

function Members({ group, people, send }) {
  const [adding, setAdding] = useState("");
  const [editing, setEditing] = useState(null);
  const inside = new Set(group.members.map((member) => member.person.id));
  const outside = people.filter((person) => !inside.has(person.id));
  const leave = (member) => confirm({
    title: t("Take {name} out of {group}?", { name: member.person.name, group: group.name }), text: t("What they run with this group ends after ten minutes' notice."), button: t("Take out"),
    act: () => send("remove_member", { group: group.name, account: member.person.id }),
  });
  const columns = [
    { id: "name", label: t("Name"), wide: true, sort: (member) => member.person.name, cell: (member) => member.person.name },
    { id: "cpu", label: t("Processor cores"), numbers: true, cell: (member) => part(member.use.cpu, member.quota.cpu, number) },
    { id: "memory", label: t("Memory"), numbers: true, cell: (member) => part(member.use.memory, member.quota.memory, bytes) },
    { id: "gpu", label: t("GPUs"), numbers: true, cell: (member) => part(member.use.gpu, member.quota.gpu, number) },
    { id: "jobs", label: t("Jobs"), numbers: true, cell: (member) => part(member.use.jobs, member.quota.jobs, number) },
    { id: "disk", label: t("Disk"), numbers: true, cell: (member) => part(member.use.disk, member.quota.disk, bytes) },
    { id: "act", label: "", cell: (member) => <span class="ty-row ty-actions"><Button small kind="quiet" aria-label={t("Limit of {name}", { name: member.person.name })} onClick={() => setEditing(member)}>{t("Limit")}</Button><Button small kind="quiet" aria-label={t("Take out {name}", { name: member.person.name })} onClick={() => leave(member)}>{t("Take out")}</Button></span> },
  ];
  const add = outside.length > 0 && (
    <>
      <SelectField name="member" label={<span class="ty-visually-hidden">{t("Add a person")}</span>} value={adding} onChange={setAdding} options={[{ value: "", label: t("Add a person") }, ...outside.map((person) => ({ value: String(person.id), label: person.name }))]} />
      <Button disabled={!adding} onClick={async () => (await send("set_member", { group: group.name, account: Number(adding) }), setAdding((chosen) => (chosen === adding ? "" : chosen)))}>{t("Add")}</Button>
    </>
  );
  return (
    <Card flush title={t("Members of {group}", { group: group.name })} actions={add}>
      <Table label={t("Members of {group}", { group: group.name })} columns={columns} rows={group.members} rowKey={(member) => member.person.id} empty={<EmptyState icon="people" title={t("Nobody yet")} text={t("Add somebody, or approve an application into this group.")} />} />
      {editing && <QuotaDialog title={t("What {name} may use of {group}", { name: editing.person.name, group: group.name })} quota={editing.quota} save={(quota) => send("set_member", { group: group.name, account: editing.person.id, quota })} onClose={() => setEditing(null)} />}
    </Card>
  );
}

const part = (used, limit, format) => (limit === null || limit === undefined ? format(used) : `${format(used)} / ${format(limit)}`);
