// A job's output as it grows: only the lines in sight are drawn, a progress bar's returns overwrite their line, search, download.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { bytes, number } from "./format.js";
import { Icon } from "./icons.jsx";
import { api, call, ensureSession } from "./service.js";
import { t } from "./words.js";

const TAIL = 256 * 1024;
const ROW = 20;
const MOST_LINES = 200_000;
const COLOUR_CODES = /\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07/g;

// Lines of text from pieces of bytes; keeps what is needed to go on where a piece ended inside a line or a letter.
export class LogText {
  constructor() {
    this.lines = [""];
    this.decoder = new TextDecoder();
    this.dropped = 0;
    this.back = false;
  }

  // A carriage return begins the line anew with the next letter, as a terminal does it; one before a line end does nothing.
  add(piece) {
    for (const part of this.decoder.decode(piece, { stream: true }).replace(COLOUR_CODES, "").split(/(\r|\n)/)) {
      if (part === "\n") {
        this.lines.push("");
        this.back = false;
      } else if (part === "\r") {
        this.back = true;
      } else if (part) {
        const last = this.lines.length - 1;
        this.lines[last] = this.back ? part : this.lines[last] + part;
        this.back = false;
      }
    }
    if (this.lines.length > MOST_LINES) this.dropped += this.lines.splice(0, this.lines.length - MOST_LINES).length;
  }

  get count() {
    return this.lines[this.lines.length - 1] === "" ? this.lines.length - 1 : this.lines.length;
  }
}

export function LogView({ job, running, height = 420 }) {
  const { text, version, from, problem, earlier } = useLog(job, running);
  const [follow, setFollow] = useState(true);
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState(0);
  const box = useRef(null);
  const [top, setTop] = useState(0);

  const count = text.count;
  const found = useMemo(() => (search ? text.lines.flatMap((line, place) => (line.toLowerCase().includes(search.toLowerCase()) ? [place] : [])) : []), [search, version]);
  const first = Math.max(0, Math.floor(top / ROW) - 10);
  const last = Math.min(count, Math.ceil((top + height) / ROW) + 10);

  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [version, follow]);

  const scrolled = () => {
    const element = box.current;
    setTop(element.scrollTop);
    setFollow(element.scrollTop + element.clientHeight >= element.scrollHeight - ROW);
  };
  const goTo = (place) => {
    if (!found.length) return;
    const next = (place + found.length) % found.length;
    setChosen(next);
    setFollow(false);
    box.current.scrollTop = Math.max(0, found[next] * ROW - height / 2);
  };
  return (
    <div class="ty-log">
      <div class="ty-row ty-between ty-log-bar">
        <div class="ty-row">
          <label class="ty-search">
            <Icon name="search" />
            <input class="ty-input" type="search" value={search} placeholder={t("Search the log")} aria-label={t("Search the log")} onInput={(event) => (setSearch(event.target.value), setChosen(0))} onKeyDown={(event) => event.key === "Enter" && goTo(chosen + (event.shiftKey ? -1 : 1))} />
          </label>
          <span class="ty-muted ty-numbers ty-log-found" aria-live="polite">{search && (found.length ? t("{place} of {count}", { place: number(Math.min(chosen, found.length - 1) + 1), count: number(found.length) }) : t("not found"))}</span>
          {search && <Button small onClick={() => goTo(chosen - 1)} disabled={!found.length}>{t("Previous")}</Button>}
          {search && <Button small onClick={() => goTo(chosen + 1)} disabled={!found.length}>{t("Next")}</Button>}
        </div>
        <div class="ty-row">
          <label class="ty-row"><input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} /> {t("Follow the end")}</label>
          <a class="ty-button ty-button-small ty-button-plain" href={api(`/jobs/${job}/log`)} download={`${job}.log`}><Icon name="download" size={16} />{t("Download")}</a>
        </div>
      </div>
      {problem && <p class="ty-bad" role="alert">{problem}</p>}
      <div class="ty-log-box" ref={box} style={{ height: `${height}px` }} onScroll={scrolled} tabIndex={0} role="log" aria-label={t("Output of the training")}>
        {from > 0 && <button class="ty-log-earlier" onClick={earlier}>{t("{size} before this are not loaded; load more", { size: bytes(from) })}</button>}
        {count === 0 && !problem && <p class="ty-log-empty">{running ? t("No output yet. The first line appears here as soon as the script writes it.") : t("There is no output.")}</p>}
        <div style={{ height: `${count * ROW}px`, position: "relative" }}>
          <pre style={{ transform: `translateY(${first * ROW}px)` }}>
            {text.lines.slice(first, last).map((line, place) => (
              <div key={first + place} class={search && found[Math.min(chosen, found.length - 1)] === first + place ? "ty-log-line ty-log-hit" : "ty-log-line"}>{search ? <Marked line={line} search={search} /> : line || " "}</div>
            ))}
          </pre>
        </div>
      </div>
    </div>
  );
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

// The end of the log by one request, what follows by a socket; after a lost connection it goes on where it stopped.
function useLog(job, running) {
  const [state, setState] = useState(() => ({ text: new LogText(), version: 0, from: 0, problem: "" }));
  const position = useRef({ from: 0, size: 0, loaded: [] });
  const draw = useCallback((change = {}) => setState((old) => ({ ...old, version: old.version + 1, ...change })), []);

  useEffect(() => {
    let ended = false;
    let socket = null;
    let timer = null;
    let due = false;
    const text = new LogText();
    const soon = () => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => ((due = false), !ended && draw()));
    };
    const take = (piece) => {
      position.current.size += piece.byteLength;
      text.add(piece);
      soon();
    };
    const follow = () => {
      const address = new URL(api(`/jobs/${job}/log/follow?offset=${position.current.size}`), location.href);
      address.protocol = address.protocol.replace("http", "ws");
      socket = new WebSocket(address);
      socket.binaryType = "arraybuffer";
      socket.onmessage = (event) => take(typeof event.data === "string" ? new TextEncoder().encode(event.data) : new Uint8Array(event.data));
      socket.onclose = () => !ended && running && (timer = setTimeout(follow, 3000));
    };
    (async () => {
      try {
        await ensureSession();
        const answer = await call("GET", `/jobs/${job}/log?offset=${-TAIL}&limit=${TAIL}`);
        const piece = new Uint8Array(await answer.arrayBuffer());
        if (ended) return;
        const size = Number(answer.headers.get("Log-Size") ?? piece.byteLength);
        position.current = { from: Math.max(0, size - piece.byteLength), size: size - piece.byteLength, loaded: [] };
        draw({ text, from: position.current.from, problem: "" });
        take(piece);
        if (running) follow();
      } catch (error) {
        if (ended) return;
        if (error.status === 404) draw({ text, problem: "" });
        else draw({ text, problem: [error.message, error.hint].filter(Boolean).join(" ") });
        if (running) timer = setTimeout(() => draw({ again: Date.now() }), 3000);
      }
    })();
    return () => {
      ended = true;
      clearTimeout(timer);
      socket?.close();
    };
  }, [job, running, state.again]);

  const earlier = useCallback(async () => {
    const { from } = position.current;
    const begin = Math.max(0, from - 4 * TAIL);
    const answer = await call("GET", `/jobs/${job}/log?offset=${begin}&limit=${from - begin}`);
    const before = new LogText();
    before.add(new Uint8Array(await answer.arrayBuffer()));
    position.current.from = begin;
    setState((old) => {
      const joint = before.lines.pop() + old.text.lines[0];
      old.text.lines = [...before.lines, joint, ...old.text.lines.slice(1)];
      return { ...old, from: begin, version: old.version + 1 };
    });
  }, [job]);
  return { ...state, earlier };
}
