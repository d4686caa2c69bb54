// A job's output as it grows: a window on it, however long it is; colours, times, a search the server does, download.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button } from "./button.jsx";
import { bytes, timeOfDay } from "./format.js";
import { SearchBar } from "./log_search_bar.jsx";
import { useSearch } from "./log_search.js";
import { useLog } from "./log_source.js";
import { CHUNK, coloured, withoutColours } from "./log_text.js";
import { call, download } from "./service.js";
import { t } from "./words.js";

const ROW = 20;

export function LogView({ job, running, height = 420, replica = "", onOutput }) {
  const log = useLog(job, running, replica, onOutput);
  const { state, jump, earlier, later } = log;
  const [follow, setFollow] = useState(true);
  const [stamps, setStamps] = useState(false);
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const rows = useMemo(() => state.window.shown, [state.version]);
  const times = useTimes(job, state, stamps, replica);
  const search = useSearch(job, replica);

  useLayoutEffect(() => {
    if (!box.current) return;
    if (state.goal !== null) {
      const place = rows.findIndex((row) => row.at >= state.goal);
      box.current.scrollTop = Math.max(0, (place < 0 ? rows.length : place) * ROW - height / 2);
      log.reached();
    } else if (follow && state.atEnd) box.current.scrollTop = box.current.scrollHeight;
    else if (state.shifted) {
      box.current.scrollTop += state.shifted * ROW;
      log.reached();
    }
  }, [state.version, follow]);

  const scrolled = () => {
    const element = box.current;
    if (!element) return; // the browser tells of a scroll a frame later: the log may be gone by then
    const bottom = element.scrollTop + element.clientHeight >= element.scrollHeight - ROW;
    setTop(element.scrollTop);
    if (!log.isJumping()) setFollow(bottom && state.atEnd); // who asked for the end is on the way there
    if (element.scrollTop < 40 * ROW && state.window.from > 0) earlier();
    if (bottom && !state.atEnd) later();
  };
  const go = (offset) => {
    setFollow(offset === null);
    jump(offset);
  };
  const first = Math.max(0, Math.floor(top / ROW) - 10);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + 10);
  const hit = search.hits[search.chosen];
  return (
    <div class="ty-log">
      <div class="ty-row ty-between ty-log-bar">
        <SearchBar search={search} go={(hit) => go(hit.offset)} />
        <div class="ty-row">
          <label class="ty-row"><input type="checkbox" checked={stamps} onChange={(event) => setStamps(event.target.checked)} /> {t("Times")}</label>
          <label class="ty-row"><input type="checkbox" checked={follow && state.atEnd} onChange={(event) => (event.target.checked ? go(null) : setFollow(false))} /> {t("Follow the end")}</label>
          <Button small icon="download" onClick={() => download(`/jobs/${job}/log/file?replica=${replica}`)}>{t("Download")}</Button>
        </div>
      </div>
      {(search.problem || state.problem) && <p class="ty-bad" role="alert">{search.problem || state.problem}</p>}
      <div class="ty-log-box" ref={box} style={{ height: `${height}px` }} onScroll={scrolled} tabIndex={0} role="log" aria-label={t("Output of the training")}>
        {rows.length === 0 && !state.problem && <p class="ty-log-empty">{running ? t("No output yet. The first line appears here as soon as the script writes it.") : t("There is no output.")}</p>}
        <div style={{ height: `${rows.length * ROW}px`, position: "relative" }}>
          <pre style={{ transform: `translateY(${first * ROW}px)` }}>
            {rows.slice(first, last).map((row, place) => (
              <div key={first + place} class={hit && hit.offset === row.at ? "ty-log-line ty-log-hit" : "ty-log-line"}>
                {stamps && <span class="ty-log-time">{row.more ? "" : times(row.at)}</span>}
                <Line text={row.text} search={search.found ? search.text : ""} />
              </div>
            ))}
          </pre>
        </div>
      </div>
      {state.size > state.window.to - state.window.from + CHUNK && (
        <div class="ty-row ty-log-map">
          <Button small onClick={() => go(0)}>{t("Beginning")}</Button>
          <input type="range" min="0" max={state.size} step="1" value={Math.round((state.window.from + state.window.to) / 2)} aria-label={t("Place in the log")} onChange={(event) => go(Number(event.target.value))} />
          <Button small onClick={() => go(null)}>{t("End")}</Button>
          <span class="ty-muted ty-small ty-numbers">{t("{from} to {to} of {size}", { from: bytes(state.window.from), to: bytes(state.window.to), size: bytes(state.size) })}</span>
        </div>
      )}
    </div>
  );
}

export function Line({ text, search }) {
  if (search) return <Marked line={withoutColours(text)} search={search} />;
  return <>{coloured(text).map((part, place) => (part.colour || part.bold ? <span key={place} style={{ color: part.colour, fontWeight: part.bold ? 700 : undefined }}>{part.text}</span> : part.text))}{text ? "" : " "}</>;
}

function Marked({ line, search }) {
  const parts = [];
  const [low, wanted] = [line.toLowerCase(), search.toLowerCase()];
  let at = 0;
  for (let hit = low.indexOf(wanted); hit >= 0; hit = low.indexOf(wanted, at)) {
    parts.push(line.slice(at, hit), <mark key={hit}>{line.slice(hit, hit + wanted.length)}</mark>);
    at = hit + wanted.length;
  }
  return <>{parts}{line.slice(at) || " "}</>;
}

// A function from a place in bytes to the time it was written, for what is in the window.
function useTimes(job, state, wanted, replica) {
  const [told, setTold] = useState({ offsets: [], times: [] });
  const { from, to } = state.window;
  const [low, high] = [Math.floor(from / CHUNK), Math.ceil(to / CHUNK)];
  useEffect(() => {
    if (!wanted) return undefined;
    let ended = false;
    const timer = setTimeout(() => call("GET", `/jobs/${job}/log/times?offset=${low * CHUNK}&end=${(high + 1) * CHUNK}&replica=${replica}`).then((answer) => answer.json()).then((times) => !ended && setTold(times)).catch(() => {}), 200);
    return () => ((ended = true), clearTimeout(timer));
  }, [job, wanted, low, high, Math.floor(state.version / 50)]);
  return (at) => {
    let place = told.offsets.findIndex((offset) => offset > at);
    place = place < 0 ? told.offsets.length - 1 : place - 1;
    return place < 0 ? "" : timeOfDay(told.times[place] * 1000);
  };
}
