// Classes with their counts: only the rows in view are drawn, so that a hundred thousand scroll as ten do; a search above them.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { number } from "../format.js";
import { Icon } from "../icons.jsx";
import { t } from "../words.js";

const ROW = 34;
const MARGIN = 8;

// ``rows``: [{name, …}]; ``children(row)`` draws one; ``tools(found)`` stands between search and list.
export function ClassList({ rows, label, tools, children, most = 9, empty }) {
  const [search, setSearch] = useState("");
  const found = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return wanted ? rows.filter((row) => row.name.toLowerCase().includes(wanted)) : rows;
  }, [rows, search]);
  return (
    <div class="ty-classes">
      {rows.length > 7 && (
        <label class="ty-search ty-classes-search">
          <Icon name="search" size={16} />
          <input class="ty-input" type="search" value={search} onInput={(event) => setSearch(event.target.value)} placeholder={t("Search {count} classes", { count: number(rows.length) })} aria-label={t("Search {count} classes", { count: number(rows.length) })} />
        </label>
      )}
      {tools?.(found)}
      {found.length === 0 ? <p class="ty-muted ty-small ty-classes-none">{rows.length ? t("No class is called so.") : empty}</p> : <Rows rows={found} label={label} most={most}>{children}</Rows>}
    </div>
  );
}

function Rows({ rows, label, most, children }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(most * ROW);
  useEffect(() => {
    const observer = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 0));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.min(Math.floor(top / ROW) - MARGIN, rows.length - 1));
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + MARGIN);
  const scrolls = rows.length > most;
  return (
    <div class="ty-classes-box" ref={box} onScroll={(event) => setTop(event.currentTarget.scrollTop)} style={{ maxHeight: `${most * ROW + 2}px` }} tabIndex={scrolls ? 0 : undefined} role="group" aria-label={label}>
      <div class="ty-classes-rows" style={{ height: `${rows.length * ROW}px` }}>
        {rows.slice(first, last).map((row, place) => (
          <div key={row.name} class="ty-class" style={{ transform: `translateY(${(first + place) * ROW}px)` }}>{children(row)}</div>
        ))}
      </div>
    </div>
  );
}
