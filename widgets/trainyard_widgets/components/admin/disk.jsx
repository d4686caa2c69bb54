// Who has how much on the disk: each group with what it is, and below it its people; with the time of the measurement.
import { Button, bytes, Card, EmptyState, Meter, t, Table, Time, toast } from "../index.js";
import { partsText } from "../disk_parts.js";

export function Disk({ disk, send }) {
  const measure = async () => {
    await send("measure_disk");
    toast(t("Shares and homes are being measured; this page changes when it is done."));
  };
  const rows = disk.groups.flatMap((group) => [group, ...disk.people.filter((person) => person.group === group.group)]).filter((row) => row.group !== null || row.used > 0);
  const columns = [
    { id: "who", label: t("Group or person"), wide: true, cell: (row) => (row.person ? <span class="ty-indent">{row.person.name}</span> : <strong>{row.group ?? t("People without a group")}</strong>) },
    { id: "used", label: t("Used and limit"), cell: (row) => <span class="ty-numbers">{row.limit === null ? t("{used}, no limit", { used: bytes(row.used) }) : `${bytes(row.used)} / ${bytes(row.limit)}`}{row.limit !== null && row.used >= row.limit && <span class="ty-bad"> {t("used up")}</span>}</span> },
    { id: "what", label: t("What it is"), wide: true, cell: (row) => <span class="ty-muted">{partsText(row.parts) || "–"}</span> },
  ];
  const total = disk.volume_total !== null && <div class="ty-meter-pad"><Meter label={t("The platform's volume")} used={disk.volume_total - disk.volume_free} limit={disk.volume_total} format={bytes} /></div>;
  return (
    <Card flush title={t("Disk by group and person")} text={<>{t("Sets and models count at once; shares, homes and run folders as measured:")} {disk.measured ? <Time value={disk.measured} /> : t("not yet")}</>} actions={<Button small icon="refresh" onClick={measure}>{t("Measure now")}</Button>}>
      {total}
      <Table label={t("Disk by group and person")} columns={columns} rows={rows} rowKey={(row) => `${row.group}-${row.person?.id}`} empty={<EmptyState icon="chart" title={t("Nothing is stored")} text={t("What groups and people store appears here.")} />} />
    </Card>
  );
}
