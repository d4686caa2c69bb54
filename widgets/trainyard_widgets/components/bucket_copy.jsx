// The copy of a list, a batch or a model in its owner's bucket: there, on its way, or why not; nothing for who bound no bucket.
import { Icon } from "./icons.jsx";
import { percent } from "./format.js";
import { Time } from "./time.jsx";
import { t } from "./words.js";

export function BucketCopy({ copy }) {
  if (!copy) return null;
  if (copy.state === "copied") return <span class="ty-small ty-muted" title={copy.place} data-copy="copied"><Icon name="check" size={14} /> {t("also in your bucket")}</span>;
  if (copy.state === "copying") return <span class="ty-small ty-muted" title={copy.place} data-copy="copying"><Icon name="refresh" size={14} /> {copy.bytes > 0 ? t("on its way to your bucket: {done}", { done: percent(copy.done / copy.bytes) }) : t("on its way to your bucket")}</span>;
  return <span class="ty-small ty-warn" title={copy.place} data-copy="failed"><Icon name="warning" size={14} /> {t("not in your bucket yet: {reason}", { reason: copy.error })} {copy.again && <>{t("Next try:")} <Time value={copy.again} /></>}</span>;
}
