// What is searched for in a log, how often it was found, and the way from one to the next.
import { Button } from "./button.jsx";
import { number } from "./format.js";
import { Icon } from "./icons.jsx";
import { t } from "./words.js";

// ``search``: of useSearch; ``go``: shows what was found.
export function SearchBar({ search, go }) {
  const choose = (place) => {
    const hit = search.choose(place);
    if (hit) go(hit);
  };
  return (
    <form class="ty-row" onSubmit={(event) => (event.preventDefault(), search.found ? choose(search.chosen + 1) : search.begin(go))}>
      <label class="ty-search">
        <Icon name="search" />
        <input class="ty-input" type="search" value={search.text} placeholder={t("Search the whole log")} aria-label={t("Search the whole log")} maxLength={500} onInput={(event) => search.setText(event.target.value)} />
      </label>
      {search.text && !search.found && <Button small onClick={() => search.begin(go)} disabled={search.busy}>{search.busy ? t("Searching…") : t("Find")}</Button>}
      <span class="ty-muted ty-numbers ty-log-found" aria-live="polite">{search.found && (search.hits.length ? t("{place} of {count}", { place: number(search.chosen + 1), count: number(search.hits.length) + (search.more ? "+" : "") }) : t("not found"))}</span>
      {search.found && search.hits.length > 0 && <><Button small onClick={() => choose(search.chosen - 1)}>{t("Previous")}</Button><Button small onClick={() => choose(search.chosen + 1)}>{t("Next")}</Button></>}
    </form>
  );
}
