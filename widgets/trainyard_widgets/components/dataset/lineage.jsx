// What a dataset was made from and what was made of it: three columns that read from left to right.
import { Card } from "../card.jsx";
import { Icon } from "../icons.jsx";
import { LinkButton } from "../button.jsx";
import { number } from "../format.js";
import { N_, t } from "../words.js";

const HOW = { graph: N_("by a preprocessing graph"), preprocess: N_("by a preprocessing graph"), fetch: N_("by fetching its pictures"), copy: N_("as a copy"), extract: N_("by unpacking a formatted set") };
const MOST = 6;

export function Lineage({ dataset }) {
  const from = dataset.made_from ?? [];
  const into = dataset.made_into ?? [];
  const drawn = from.find((one) => one.may_read && (one.how === "graph" || one.how === "preprocess"));
  if (!from.length && !into.length) return null;
  return (
    <Card title={t("Where it comes from, and what became of it")} actions={drawn && <LinkButton small icon="share" href={`graph?id=${drawn.id}&made=${dataset.id}`}>{t("Look at the graph")}</LinkButton>}>
      <div class="ty-lineage">
        {from.length > 0 && <><Side title={t("Made from")} items={from} /><span class="ty-lineage-arrow"><Icon name="chevron" /></span></>}
        <div class="ty-lineage-here"><strong>{dataset.name}</strong></div>
        {into.length > 0 && <><span class="ty-lineage-arrow"><Icon name="chevron" /></span><Side title={t("Made into")} items={into} /></>}
      </div>
    </Card>
  );
}

function Side({ title, items }) {
  return (
    <div>
      <div class="ty-muted ty-small">{title}</div>
      <ul class="ty-lineage-list">
        {items.slice(0, MOST).map((one) => (
          <li key={one.id}>{!one.may_read ? <span>{one.name || t("a dataset you may not see")}</span> : <a href={`dataset?id=${one.id}`}>{one.name}</a>}{HOW[one.how] && <span class="ty-muted ty-small"> {t(HOW[one.how])}</span>}</li>
        ))}
        {items.length > MOST && <li class="ty-muted ty-small">{t("and {count} more", { count: number(items.length - MOST) })}</li>}
      </ul>
    </div>
  );
}
