// What there is to be given out: how the machine is shared, resource packages, virtual clusters and guarantees.
import { useState } from "preact/hooks";
import { Button, bytes, Card, confirm, number, t, Table, Tag } from "../index.js";
import { AmountDialog, amountNames, amountsFrom, DeviceTypeField, gib, numberFrom, textsOf } from "./amounts.jsx";
import { ClusterTiles } from "./clusters.jsx";
import { GuaranteeTiles, MachineShares } from "./guarantees.jsx";

export function ResourcesTab({ view, send }) {
  return (
    <div class="ty-stack">
      <MachineShares view={view} />
      <PackageTable view={view} send={send} />
      <ClusterTiles view={view} send={send} />
      <GuaranteeTiles view={view} send={send} />
    </div>
  );
}

function tooLarge(one, { capacity, device_types: types }) {
  const ofType = one.gpu_type ? types.find((type) => type.name === one.gpu_type)?.count ?? 0 : capacity.gpu;
  const there = { ...capacity, gpu: one.gpu ? ofType : null };
  return ["cpu", "memory", "gpu"].some((field) => there[field] !== null && one[field] > there[field]);
}

function PackageTable({ view, send }) {
  const [editing, setEditing] = useState(null);
  const remove = (one) => confirm({ title: t("Offer {name} no more?", { name: one.name }), text: t("What has ended and is started again with it is refused; nothing may be running or waiting with it."), button: t("Delete"), act: () => send("delete_package", { name: one.name }) });
  const columns = [
    { id: "name", label: t("Name"), wide: true, cell: (one) => <span class="ty-row">{one.name}{tooLarge(one, view) && <Tag tone="warn">{t("more than this machine has")}</Tag>}</span> },
    { id: "cpu", label: t("Processor cores"), numbers: true, cell: (one) => number(one.cpu, 1) },
    { id: "memory", label: t("Memory"), numbers: true, cell: (one) => bytes(one.memory) },
    { id: "gpu", label: t("GPUs"), numbers: true, cell: (one) => (one.gpu ? `${number(one.gpu)}${one.gpu_type ? ` × ${one.gpu_type}` : ""}` : "–") },
    { id: "actions", label: "", cell: (one) => (
      <span class="ty-row ty-actions">
        <Button small kind="quiet" icon="gear" onClick={() => setEditing(one)} aria-label={t("Change {name}", { name: one.name })}>{t("Change")}</Button>
        <Button small kind="quiet" icon="trash" onClick={() => remove(one)} aria-label={t("Delete {name}", { name: one.name })}>{t("Delete")}</Button>
      </span>
    ) },
  ];
  return (
    <Card flush title={t("Resource packages")} text={t("What one start takes. People choose among these.")} actions={<Button kind="primary" icon="plus" onClick={() => setEditing({})}>{t("New package")}</Button>}>
      {view.device_types.length > 0 && <p class="ty-row ty-gap ty-inset-line">{t("GPUs of this machine:")} {view.device_types.map((one) => <Tag key={one.name}>{t("{count} × {type}, {free} free", { count: number(one.count), type: one.name || "GPU", free: number(one.free) })}</Tag>)}</p>}
      <Table columns={columns} rows={view.packages} rowKey={(one) => one.name} label={t("Resource packages")} />
      {editing && <PackageDialog one={editing} types={view.device_types} send={send} onClose={() => setEditing(null)} />}
    </Card>
  );
}

// What a package of these amounts is called where nobody says otherwise.
function usualName(texts) {
  try {
    const { cpu, memory, gpu } = amountsFrom(texts);
    return cpu && memory ? `${gpu ? `${gpu}GPU` : ""}${cpu}Core${gib(memory)}G` : "";
  } catch {
    return "";
  }
}

function PackageDialog({ one, types, send, onClose }) {
  const old = Boolean(one.name);
  const begin = old ? { ...textsOf(one), name: one.name, gpu_type: one.gpu_type ?? "" } : {};
  const save = (texts) => send("put_package", { name: texts.name?.trim() || usualName(texts), package: { ...amountsFrom(texts, ["cpu", "memory"]), gpu_type: (numberFrom(texts, "gpu", 0) && texts.gpu_type) || null } });
  const more = (texts, change) => <DeviceTypeField name="gpu_type" types={types} texts={texts} change={change} />;
  return <AmountDialog title={old ? t("Package {name}", { name: one.name }) : t("New package")} text={old ? t("What has ended finds the new size when it is started again.") : t("Without a name it is called after its size.")} names={[...amountNames(), ["name", t("Name"), "4Core24G", old]]} begin={begin} more={more} onClose={onClose} save={save} />;
}
