// The head of a dataset's page: what it is, where it came from, who has it.
import { StateBadge } from "../badge.jsx";
import { BucketCopy } from "../bucket_copy.jsx";
import { Card, Facts } from "../card.jsx";
import { bytes, number } from "../format.js";
import { Progress } from "../progress.jsx";
import { api } from "../service.js";
import { Note } from "../states.jsx";
import { Time } from "../time.jsx";
import { t } from "../words.js";
import { LabelBadges } from "./label_badges.jsx";

export function Summary({ dataset, statistics }) {
  const totals = statistics?.totals;
  const ready = dataset.state === "ready";
  const shares = dataset.shares.map((share) => share.group ?? t("everybody")).join(", ");
  return (
    <Card>
      {dataset.state === "creating" && <div class="ty-gap"><Progress progress={dataset.progress} label={t("Reading and checking the list")} /></div>}
      {dataset.state === "failed" && <div class="ty-gap"><Note kind="bad" title={t("The dataset could not be made.")}>{dataset.error}</Note></div>}
      <Facts rows={[
        [t("State"), <StateBadge state={dataset.state} />],
        [t("Kind"), ready ? <LabelBadges labelSets={dataset.label_sets} /> : null],
        [t("Pictures"), number(dataset.images)],
        [t("Videos"), totals?.videos ? number(totals.videos) : null],
        [t("Objects in boxes"), totals?.objects ? number(totals.objects) : null],
        [t("Size of the list"), totals?.bytes ? bytes(totals.bytes) : null],
        [t("On disk"), dataset.disk ? `${bytes(dataset.disk)}${dataset.group ? ` · ${t("charged to {group}", { group: dataset.group })}` : ""}` : null],
        [t("Owner"), dataset.owner.name],
        [t("Shared with"), shares || t("only you")],
        [t("Source"), dataset.source ? <span class="ty-breaks">{dataset.source}</span> : null],
        [t("Fetched"), dataset.fetched ? <Fetched fetched={dataset.fetched} /> : null],
        [t("Created"), <Time value={dataset.created} />],
        [t("Bucket copy"), dataset.in_bucket ? <BucketCopy copy={dataset.in_bucket} /> : null],
        [t("Used by"), dataset.used_by.length ? <UsedBy users={dataset.used_by} /> : null],
        [t("List"), ready ? <a href={api(`/datasets/${dataset.id}/list`)} download>{t("Download the list")}</a> : null],
      ]} />
    </Card>
  );
}

function UsedBy({ users }) {
  const more = users.length - 3;
  return <>{users.slice(0, 3).map((user) => <div key={user} class="ty-breaks ty-small">{user}</div>)}{more > 0 && <div class="ty-muted ty-small" title={users.slice(3).join("\n")}>{t("and {count} more", { count: number(more) })}</div>}</>;
}

function Fetched({ fetched }) {
  return (
    <span>
      {t("{count} pictures", { count: number(fetched.fetched) })} · {bytes(fetched.bytes)}
      {fetched.failed > 0 && <span class="ty-warn"> · {t("{count} failed", { count: number(fetched.failed) })}</span>}
    </span>
  );
}
