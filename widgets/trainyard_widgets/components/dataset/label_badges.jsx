// What kind of labels a dataset has, as badges: the types, how many label sets, or that there are none.
import { Tag } from "../badge.jsx";
import { number } from "../format.js";
import { N_, t } from "../words.js";

N_("classification");
N_("detection");
N_("face");
const TONES = { classification: "busy", detection: "good", face: "warn" };

// ``counted``: say how many label sets there are, where nothing else does.
export function LabelBadges({ labelSets, counted = true }) {
  if (!labelSets.length) return <Tag>{t("unlabelled")}</Tag>;
  const types = [...new Set(labelSets.map((labels) => labels.type))];
  return (
    <span class="ty-row ty-badges">
      {types.map((type) => <Tag key={type} tone={TONES[type]}>{t(type)}</Tag>)}
      {counted && labelSets.length > 1 && <Tag>{t("{count} label sets", { count: number(labelSets.length) })}</Tag>}
    </span>
  );
}
