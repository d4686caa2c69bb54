// A table that sorts, searches and pages, by mouse and by keyboard; on a phone each row becomes a small card.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button } from "./button.jsx";
import { number } from "./format.js";
import { Icon } from "./icons.jsx";
import { useSteady } from "./steady.js";
import { t } from "./words.js";

// columns: [{id, label, cell(row), sort?(row), numbers?, wide?}]
// Give ``page`` = {offset, limit, total, onOffset} and ``sorting`` = {by, onSort} to let the server sort and page; without them the
// rows at hand are sorted and paged here.
export function Table({ columns, rows, rowKey = (row) => row.id, onRow, page, sorting, size = 50, empty, label }) {
  const [own, setOwn] = useState("");
  const [first, setFirst] = useState(0);
  const by = sorting ? sorting.by : own;
  const sorted = useMemo(() => (sorting ? rows : sortRows(rows, columns, own)), [rows, columns, own, sorting]);
  const visible = page ? sorted : sorted.slice(first, first + size);
  const paging = page ?? { offset: first, limit: size, total: sorted.length, onOffset: setFirst };
  const [steady, pointed] = useSteady(visible, rowKey, `${by} ${paging.offset} ${paging.limit}`);
  if (rows.length === 0 && empty) return empty;
  const choose = (id) => (sorting ? sorting.onSort : setOwn)(by === id ? `-${id}` : id);
  return (
    <div class="ty-table-box">
      <table class="ty-table" aria-label={label}>
        <thead>
          <tr>{columns.map((column) => <Heading key={column.id} column={column} by={by} choose={choose} server={Boolean(sorting)} />)}</tr>
        </thead>
        <tbody {...pointed}>
          {steady.map((row) => (
            <tr key={rowKey(row)} class={onRow ? "ty-clickable" : undefined} onClick={onRow && ((event) => !event.target.closest("a,button,input,label") && onRow(row))}>
              {columns.map((column) => <td key={column.id} data-label={column.label} class={column.numbers ? "ty-numbers ty-right" : column.wide ? "ty-wide" : undefined}>{column.cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      <Pager {...paging} />
    </div>
  );
}

function Heading({ column, by, choose, server }) {
  const sortable = column.sort !== undefined;
  const direction = by === column.id ? "ascending" : by === `-${column.id}` ? "descending" : "none";
  if (!sortable) return <th scope="col" class={column.numbers ? "ty-right" : undefined}>{column.label}</th>;
  return (
    <th scope="col" aria-sort={direction} class={column.numbers ? "ty-right" : undefined}>
      <button class="ty-sort" onClick={() => choose(column.id)} data-server={server}>{column.label}<span aria-hidden="true">{direction === "ascending" ? "↑" : direction === "descending" ? "↓" : ""}</span></button>
    </th>
  );
}

function sortRows(rows, columns, by) {
  const column = columns.find((candidate) => candidate.id === by.replace(/^-/, ""));
  if (!by || typeof column?.sort !== "function") return rows;
  const sign = by.startsWith("-") ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [column.sort(one), column.sort(other)];
    return sign * (typeof a === "string" ? a.localeCompare(b) : (a ?? -Infinity) - (b ?? -Infinity));
  });
}

// Leads back to the last page who stands behind it: its rows were deleted, or an old address was opened.
export function Pager({ offset, limit, total, onOffset }) {
  const behind = total > 0 && offset >= total;
  useEffect(() => void (behind && onOffset(Math.floor((total - 1) / limit) * limit, { replace: true })), [behind, total]);
  if (total <= limit) return null;
  const last = Math.min(offset + limit, total);
  return (
    <nav class="ty-pager" aria-label={t("Pages")}>
      <span class="ty-muted ty-numbers">{t("{first}–{last} of {total}", { first: number(offset + 1), last: number(last), total: number(total) })}</span>
      <Button small disabled={offset === 0} onClick={() => onOffset(Math.max(0, offset - limit))}>{t("Previous")}</Button>
      <Button small disabled={last >= total} onClick={() => onOffset(offset + limit)}>{t("Next")}</Button>
    </nav>
  );
}

// Calls ``onSearch`` when the typing pauses.
export function Search({ value = "", onSearch, label }) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  const sent = useRef(value);
  useEffect(() => {
    if (value === sent.current) return; // cleared by a button, or by going back
    sent.current = value;
    clearTimeout(timer.current);
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (event) => {
    const typed = event.target.value;
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = typed;
      onSearch(typed);
    }, 250);
  };
  return (
    <label class="ty-search">
      <Icon name="search" />
      <input class="ty-input" type="search" value={text} onInput={type} placeholder={label ?? t("Search")} aria-label={label ?? t("Search")} />
    </label>
  );
}
