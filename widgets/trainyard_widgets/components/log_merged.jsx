// The output of all processes of a distributed training as one: whole lines with their names in front, as they were written.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button.jsx";
import { timeOfDay } from "./format.js";
import { Line } from "./log.jsx";
import { useSearch } from "./log_search.js";
import { SearchBar } from "./log_search_bar.jsx";
import { api, call, download, ensureSession } from "./service.js";
import { t } from "./words.js";

const ROW = 20;
const PAGE = 256 * 1024; // bytes
const MOST_ROWS = 14_000;
const AGAIN = 3000; // milliseconds after which a lost connection is tried again
const WRITTEN = "2026-11-22T09:35:14Z ".length; // when stands in front of every line
const COLOURS = ["#79b8ff", "#e3b341", "#7ee787", "#d2a8ff", "#76e3ea", "#ff9b94"];

// Pages in a row, each between two cursors of the service; what is followed has none behind it.
function useMerged(job, running, following, onOutput) {
  const [state, setState] = useState({ pages: [], problem: "", added: 0, version: 0, loaded: false });
  const now = useRef({ pages: [], turn: 0, doing: false, lost: false });
  const [again, setAgain] = useState(0);
  const draw = useCallback((change) => setState((old) => ({ ...old, added: 0, ...change, pages: now.current.pages, version: old.version + 1 })), []);
  const failed = useCallback((error) => draw({ problem: error.status === 404 ? "" : [error.message, error.hint].filter(Boolean).join(" ") }), [draw]);
  const read = useCallback(async (where) => {
    const answer = await call("GET", `/jobs/${job}/log?${new URLSearchParams({ replica: "all", times: true, limit: PAGE, ...where })}`);
    return { from: answer.headers.get("Log-From"), next: answer.headers.get("Log-Next"), rows: linesOf(await answer.text()) };
  }, [job]);

  // The end is followed, the beginning is read on from; the newest press counts.
  const jump = useCallback(async (where) => {
    const mine = (now.current.turn += 1);
    const page = await read(where);
    if (mine !== now.current.turn) return null;
    now.current.lost = false;
    now.current.pages = [page];
    draw({ problem: "", loaded: true });
    return page;
  }, [read, draw]);

  useEffect(() => {
    let [ended, socket, timer, rest] = [false, null, null, ""];
    const start = async () => {
      now.current.lost = now.current.pages.length > 0 && !following.current;
      if (now.current.lost) return; // whoever reads further up stays there, and sees the end anew when there
      try {
        await ensureSession();
        const page = await jump({});
        if (page && running && !ended) follow(page.next);
      } catch (error) {
        if (ended) return;
        failed(error);
        if (running) timer = setTimeout(start, AGAIN);
      }
    };
    const follow = (since) => {
      const address = new URL(api(`/jobs/${job}/log/follow?${new URLSearchParams({ replica: "all", times: true, since })}`), location.href);
      address.protocol = address.protocol.replace("http", "ws");
      socket = new WebSocket(address);
      socket.binaryType = "arraybuffer";
      const decoder = new TextDecoder();
      const page = { from: since, next: null, rows: [] };
      now.current.pages = [...now.current.pages, page];
      socket.onmessage = (event) => {
        if (typeof event.data === "string" || !now.current.pages.includes(page)) return;
        onOutput();
        rest += decoder.decode(event.data, { stream: true });
        const lines = rest.split("\n");
        rest = lines.pop();
        page.rows.push(...lines);
        const gone = Math.max(0, page.rows.length - MOST_ROWS);
        if (gone) page.rows.splice(0, gone);
        if (gone) page.from = null;
        draw({ added: -gone });
      };
      socket.onclose = () => !ended && now.current.pages.includes(page) && (timer = setTimeout(start, AGAIN));
    };
    start();
    return () => {
      ended = true;
      clearTimeout(timer);
      socket?.close();
    };
  }, [job, running, again, jump, failed]);

  const beside = async (work) => {
    if (now.current.doing) return;
    now.current.doing = true;
    await work().catch(failed).finally(() => (now.current.doing = false));
  };
  const earlier = () => beside(async () => {
    const [first] = now.current.pages;
    if (!first?.from) return;
    const page = await read({ until: first.from });
    if (now.current.pages[0] !== first || !page.rows.length) return;
    now.current.pages = kept([page, ...now.current.pages], -1);
    draw({ added: page.rows.length });
  });
  const later = () => beside(async () => {
    const last = now.current.pages.at(-1);
    if (!last?.next) return;
    const page = await read({ since: last.next });
    if (now.current.pages.at(-1) !== last || !page.rows.length) return;
    const before = count(now.current.pages);
    now.current.pages = kept([...now.current.pages, page], 0);
    draw({ added: count(now.current.pages) - before - page.rows.length });
  });
  const toEnd = () => {
    now.current.turn += 1;
    setAgain((times) => times + 1);
  };
  const toPlace = (since) => jump({ since }).catch(failed);
  return { state, earlier, later, toEnd, toPlace, follows: state.pages.at(-1)?.next === null, isLost: () => now.current.lost };
}

const count = (pages) => pages.reduce((sum, page) => sum + page.rows.length, 0);

// Whole pages are let go at the end that is further away (0: the first, -1: the last).
function kept(pages, end) {
  while (pages.length > 2 && count(pages) > MOST_ROWS) pages.splice(end, 1);
  return pages;
}

function linesOf(text) {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

export function MergedLog({ job, running, replicas, onOutput, height = 420 }) {
  const [follow, setFollow] = useState(true);
  const following = useRef(true);
  following.current = follow;
  const [stamps, setStamps] = useState(false);
  const search = useSearch(job, "all");
  const { state, earlier, later, toEnd, toPlace, follows, isLost } = useMerged(job, running, following, onOutput);
  const [top, setTop] = useState(0);
  const box = useRef(null);
  const rows = state.pages.flatMap((page) => page.rows);
  const applied = useRef(0);
  useLayoutEffect(() => {
    if (!box.current) return;
    if (follow) box.current.scrollTop = box.current.scrollHeight;
    else if (state.added && applied.current !== state.version) box.current.scrollTop += state.added * ROW;
    applied.current = state.version;
  }, [state.version, follow]);
  const scrolled = () => {
    if (!box.current) return; // the browser tells of a scroll a frame later: the log may be gone by then
    const { scrollTop, clientHeight, scrollHeight } = box.current;
    setTop(scrollTop);
    const bottom = scrollTop + clientHeight >= scrollHeight - ROW;
    if (bottom && isLost()) return go(null);
    setFollow((was) => bottom && (was || follows || !running)); // at the end of what was read from the beginning nothing is followed
    if (scrollTop < 40 * ROW) earlier();
    if (bottom) later();
  };
  // A cursor, or the end. The row there is the first to be seen; what stands above is read as soon as it is.
  const go = (since) => {
    setFollow(since === null);
    if (since === null) return toEnd();
    return toPlace(since).then((page) => {
      if (!page || !box.current) return;
      box.current.scrollTop = 0;
      earlier(); // at the top already nothing scrolls
    });
  };
  const hit = placeOf(state.pages, search.hits[search.chosen]?.at);
  const first = Math.max(0, Math.floor(top / ROW) - 10);
  return (
    <div class="ty-log">
      <div class="ty-row ty-between ty-log-bar">
        <SearchBar search={search} go={(found) => go(found.at)} />
        <div class="ty-row">
          <Button small onClick={() => go("start")}>{t("Beginning")}</Button>
          <Button small onClick={() => go(null)}>{t("End")}</Button>
          <label class="ty-row"><input type="checkbox" checked={stamps} onChange={(event) => setStamps(event.target.checked)} /> {t("Times")}</label>
          <label class="ty-row"><input type="checkbox" checked={follow} onChange={(event) => (event.target.checked ? go(null) : setFollow(false))} /> {t("Follow the end")}</label>
          <Button small icon="download" onClick={() => download(`/jobs/${job}/log/file?replica=all`)}>{t("Download")}</Button>
        </div>
      </div>
      {(search.problem || state.problem) && <p class="ty-bad" role="alert">{search.problem || state.problem}</p>}
      <div class="ty-log-box" ref={box} style={{ height: `${height}px` }} onScroll={scrolled} tabIndex={0} role="log" aria-label={t("Output of the training")}>
        {rows.length === 0 && !state.problem && <p class="ty-log-empty">{running ? t("No output yet. The first line appears here as soon as the script writes it.") : t("There is no output.")}</p>}
        <div style={{ height: `${rows.length * ROW}px`, position: "relative" }}>
          <pre style={{ transform: `translateY(${first * ROW}px)` }}>
            {rows.slice(first, Math.ceil((top + height) / ROW) + 10).map((row, place) => <NamedLine key={first + place} row={row} replicas={replicas} stamps={stamps} search={search.found ? search.text : ""} hit={first + place === hit} />)}
          </pre>
        </div>
      </div>
    </div>
  );
}

// The row in front of which a cursor stands, where a page begins there.
function placeOf(pages, cursor) {
  const at = cursor ? pages.findIndex((page) => page.from === cursor) : -1;
  return at < 0 ? -1 : count(pages.slice(0, at));
}

function NamedLine({ row, replicas, stamps, search, hit }) {
  const at = row.indexOf(" | ");
  const place = replicas.indexOf(row.slice(WRITTEN, at));
  return (
    <div class={hit ? "ty-log-line ty-log-hit" : "ty-log-line"}>
      {stamps && <span class="ty-log-time">{timeOfDay(row.slice(0, WRITTEN).trim())}</span>}
      {place < 0 ? <Line text={row.slice(WRITTEN)} search={search} /> : <><span class="ty-log-replica" style={{ color: COLOURS[place % COLOURS.length] }}>{row.slice(WRITTEN, at)}</span> │ <Line text={row.slice(at + 3)} search={search} /></>}
    </div>
  );
}
