// The search of a whole log: the server looks, some megabytes a call, and says where to go on.
import { useRef, useState } from "preact/hooks";
import { call } from "./service.js";

const MOST_HITS = 2000;
const NOTHING = { found: false, hits: [], chosen: 0, busy: false, more: false, problem: "" };

// Where the server goes on; in the view of all replicas by a cursor.
function goOn({ next, next_line: line, since }) {
  if (since) return { since };
  return next === null ? null : { offset: next, line };
}

export function useSearch(job, replica) {
  const [state, setState] = useState({ text: "", ...NOTHING });
  const asked = useRef(0);
  const change = (next) => setState((old) => ({ ...old, ...next }));
  const setText = (text) => {
    asked.current += 1;
    change({ text, ...NOTHING });
  };
  const begin = async (go) => {
    const mine = (asked.current += 1);
    const text = state.text.trim();
    if (!text) return;
    change({ busy: true, problem: "" });
    try {
      let hits = [];
      let rest = {};
      while (rest && hits.length < MOST_HITS) {
        const answer = await (await call("GET", `/jobs/${job}/log/search?${new URLSearchParams({ text, replica, ...rest })}`)).json();
        if (mine !== asked.current) return;
        hits = [...hits, ...answer.matches];
        rest = goOn(answer);
      }
      // the newest first: a log is read from its end
      change({ text, busy: false, found: true, hits, chosen: Math.max(0, hits.length - 1), more: rest !== null });
      if (hits.length) go(hits[hits.length - 1]);
    } catch (error) {
      if (mine === asked.current) change({ busy: false, problem: [error.message, error.hint].filter(Boolean).join(" ") });
    }
  };
  const choose = (place) => {
    if (!state.hits.length) return null;
    const chosen = (place + state.hits.length) % state.hits.length;
    change({ chosen });
    return state.hits[chosen];
  };
  return { ...state, setText, begin, choose };
}
