// A log as it grows: its end by one request, what follows by a socket; after a lost connection it goes on where it stopped.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { CHUNK, LogWindow } from "./log_text.js";
import { api, call, ensureSession } from "./service.js";

const AGAIN = 3000; // milliseconds after which a lost connection is tried again
const MOST_PIECES = 40; // of what was written last, when the program has ended

export const endOf = (window) => window.to + window.rest.length;
const problemOf = (error) => (error.status === 404 ? "" : [error.message, error.hint].filter(Boolean).join(" "));

export function useLog(job, running, replica, onOutput) {
  const [state, setState] = useState(() => ({ window: new LogWindow(), version: 0, size: 0, atEnd: true, problem: "", goal: null, shifted: 0 }));
  const [loaded, setLoaded] = useState(false);
  const now = useRef({ window: state.window, size: 0, atEnd: true, turn: 0, doing: null, loading: 0, readers: new Set() });
  const draw = useCallback((change = {}) => {
    const { window, size, atEnd } = now.current;
    setState((old) => ({ ...old, window, size, atEnd, version: old.version + 1, ...change }));
  }, []);

  // A piece of the log; what the socket brings meanwhile follows it, or it would be missing.
  const read = useCallback(async (offset, limit) => {
    const arrived = [];
    now.current.readers.add(arrived);
    try {
      const answer = await call("GET", `/jobs/${job}/log?offset=${offset}&limit=${limit}&replica=${replica}`);
      const piece = new Uint8Array(await answer.arrayBuffer());
      const size = Number(answer.headers.get("Log-Size") ?? piece.byteLength);
      return { piece, size, at: Number(answer.headers.get("Log-Offset") ?? 0), arrived };
    } finally {
      now.current.readers.delete(arrived);
    }
  }, [job, replica]);

  const joined = useCallback((window, size, arrived) => {
    let gone = 0;
    for (const { at, piece } of arrived) {
      const end = endOf(window);
      if (at <= end && at + piece.byteLength > end) gone += window.append(piece.subarray(end - at));
    }
    const whole = Math.max(size, now.current.size);
    Object.assign(now.current, { window, size: whole, atEnd: endOf(window) >= whole });
    return gone;
  }, []);

  // The window around a place, or at the end. Of several that were asked for the last one counts.
  const load = useCallback(async (offset) => {
    const mine = (now.current.turn += 1);
    now.current.loading += 1;
    try {
      const { piece, size, at, arrived } = await read(offset === null ? -CHUNK : Math.max(0, offset - CHUNK / 2), CHUNK);
      if (mine !== now.current.turn) return;
      const skipped = at > 0 ? piece.indexOf(10) + 1 : 0;
      const window = new LogWindow(at + skipped);
      window.append(piece.subarray(skipped));
      joined(window, size, arrived);
      draw({ problem: "", goal: offset, shifted: 0 });
    } finally {
      now.current.loading -= 1;
    }
  }, [read, joined, draw]);

  // One at a time: what scrolling asks for again is not asked for twice.
  const alone = useCallback((work) => {
    now.current.doing ??= work().catch((error) => draw({ problem: problemOf(error) })).finally(() => (now.current.doing = null));
    return now.current.doing;
  }, [draw]);

  const more = useCallback(async () => {
    const { window } = now.current;
    const { piece, size, arrived } = await read(endOf(window), CHUNK);
    if (window !== now.current.window) return;
    const gone = window.append(piece);
    draw({ shifted: -(gone + joined(window, size, arrived)) });
  }, [read, joined, draw]);

  useEffect(() => {
    if (loaded) return undefined;
    let ended = false;
    let timer = null;
    const start = async () => {
      try {
        await ensureSession();
        await load(null);
        if (!ended) setLoaded(true);
      } catch (error) {
        if (ended) return;
        draw({ problem: problemOf(error) });
        if (running) timer = setTimeout(start, AGAIN);
      }
    };
    start();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [loaded, running, load]);

  // Whoever reads stays where they are when the program ends, and the last lines come all the same.
  useEffect(() => {
    if (!loaded) return undefined;
    if (running) return follow({ job, replica, now: now.current, draw, onOutput });
    const rest = async () => {
      await now.current.doing;
      if (!now.current.atEnd) return;
      await alone(more);
      for (let pieces = 0; !now.current.atEnd && pieces < MOST_PIECES; pieces += 1) await alone(more);
    };
    rest();
    return undefined;
  }, [loaded, running, job, replica]);

  const earlier = () => alone(async () => {
    const { window } = now.current;
    const begin = Math.max(0, window.from - CHUNK);
    const { piece } = await read(begin, window.from - begin);
    if (window !== now.current.window) return;
    const { added, cut } = window.prepend(piece, begin);
    if (cut) now.current.atEnd = false;
    draw({ shifted: added });
  });
  const later = () => alone(more);
  const jump = (offset) => load(offset).catch((error) => draw({ problem: problemOf(error) }));
  const reached = () => setState((old) => ({ ...old, goal: null, shifted: 0 }));
  return { state, jump, earlier, later, reached, isJumping: () => now.current.loading > 0 };
}

// What is written from now on; answers what ends it.
function follow({ job, replica, now, draw, onOutput }) {
  let [ended, socket, timer, due, gone] = [false, null, null, false, 0];
  const soon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      if (!ended) draw({ shifted: -gone });
      gone = 0;
    });
  };
  const take = (piece) => {
    for (const arrived of now.readers) arrived.push({ at: now.size, piece });
    if (now.atEnd) gone += now.window.append(piece);
    now.size += piece.byteLength;
    onOutput();
    soon();
  };
  const cut = ({ from }) => {
    if (typeof from !== "number") return;
    Object.assign(now, { window: new LogWindow(from), size: from, atEnd: true, turn: now.turn + 1 });
    soon();
  };
  const open = () => {
    const address = new URL(api(`/jobs/${job}/log/follow?cuts=true&offset=${now.size}&replica=${replica}`), location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => (typeof event.data === "string" ? cut(JSON.parse(event.data)) : take(new Uint8Array(event.data)));
    socket.onclose = () => !ended && (timer = setTimeout(open, AGAIN));
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    if (due) draw({ shifted: -gone });
    socket.onmessage = null;
    socket.close();
  };
}
