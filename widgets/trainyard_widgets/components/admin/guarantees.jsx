// How the machine is shared out, and what each group gets before anybody borrows.
import { useState } from "preact/hooks";
import { Button, bytes, Card, EmptyState, LinkButton, Meter, number, t } from "../index.js";
import { AmountDialog, amountNames, amountsFrom, textsOf } from "./amounts.jsx";

const cores = (value) => number(value, 1);
const kinds = () => [["cpu", t("Processor cores"), cores], ["memory", t("Memory"), bytes], ["gpu", t("GPUs"), number]];

// What of the machine is in virtual clusters, what is guaranteed, and what is left for everybody.
export function MachineShares({ view }) {
  const { capacity, clusters, groups } = view;
  const sum = (list, pick) => list.reduce((total, one) => total + pick(one), 0);
  const rows = kinds().filter(([field]) => capacity[field] > 0).map(([field, label, format]) => {
    const inClusters = sum(clusters, (one) => one[field]);
    const sure = sum(groups, (one) => one.guaranteed[field]);
    return { field, label, format, all: capacity[field], parts: [["cluster", inClusters, t("in clusters")], ["sure", sure, t("guaranteed")], ["rest", Math.max(0, capacity[field] - inClusters - sure), t("for everybody, by quota")]] };
  });
  return (
    <Card title={t("This machine")} text={t("What there is, and how it is shared out.")}>
      <div class="ty-share-rows">
        {rows.map((row) => (
          <div key={row.field}>
            <div class="ty-meter-text"><span>{row.label}</span><strong class="ty-numbers">{row.format(row.all)}</strong></div>
            <div class="ty-share-bar" aria-hidden="true">{row.parts.map(([kind, value]) => value > 0 && <span key={kind} class={`ty-share-${kind}`} style={{ flexGrow: value / row.all }} />)}</div>
            <ul class="ty-share-legend">{row.parts.filter(([kind, value]) => value > 0 || kind === "rest").map(([kind, value, word]) => <li key={kind}><i class={`ty-share-key ty-share-${kind}`} aria-hidden="true" />{row.format(value)} {word}</li>)}</ul>
          </div>
        ))}
      </div>
    </Card>
  );
}

export function GuaranteeTiles({ view, send }) {
  const [editing, setEditing] = useState(null);
  return (
    <Card title={t("Guarantees")} text={t("What a group gets before anybody borrows. Above it, up to its quota, it borrows what is idle.")}>
      {view.groups.length === 0 && <EmptyState icon="people" title={t("No group yet")} text={t("Guarantees are given to groups.")}><LinkButton href="admin?tab=groups">{t("Make a group")}</LinkButton></EmptyState>}
      <div class="ty-grid ty-grid-fill">
        {view.groups.map((group) => (
          <section class="ty-tile" key={group.name}>
            <div class="ty-row ty-between ty-gap-small"><h3>{group.name}</h3><Button small icon="gear" onClick={() => setEditing(group)} aria-label={t("Guarantee of {group}", { group: group.name })}>{t("Change")}</Button></div>
            <GuaranteeOf group={group} />
          </section>
        ))}
      </div>
      {editing && <AmountDialog title={t("Guarantee of {group}", { group: editing.name })} text={t("An empty field guarantees nothing.")} names={amountNames()} begin={textsOf(editing.guaranteed)} onClose={() => setEditing(null)} save={(texts) => send("set_guarantee", { group: editing.name, guarantee: amountsFrom(texts) })} />}
    </Card>
  );
}

// What is used of the guarantee, and what is borrowed beyond it.
function GuaranteeOf({ group }) {
  const { use, guaranteed } = group;
  const shown = kinds().filter(([field]) => guaranteed[field] > 0);
  const borrowed = kinds().filter(([field]) => use[field] > guaranteed[field]).map(([field, label, format]) => `${label} ${format(use[field] - guaranteed[field])}`);
  return (
    <>
      {shown.length === 0 && <p class="ty-muted">{t("Nothing is guaranteed.")}</p>}
      {shown.map(([field, label, format]) => <Meter key={field} label={label} used={Math.min(use[field], guaranteed[field])} limit={guaranteed[field]} format={format} />)}
      {borrowed.length > 0 && <p class="ty-muted ty-small">{t("Borrowed now: {amounts}", { amounts: borrowed.join(" · ") })}</p>}
    </>
  );
}
