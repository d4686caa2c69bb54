// The unfinished graph of a person and a dataset, kept in this browser over reloads; where that fails, leaving the page asks first.
import { useEffect, useState } from "preact/hooks";

const PREFIX = "trainyard-graph:";

export function readDraft(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFIX + key));
    return Array.isArray(kept?.graph?.nodes) && Array.isArray(kept.graph.edges) ? kept : null;
  } catch {
    return null;
  }
}

// Answers whether the draft is kept. ``draft`` null forgets it.
export function useDraft(key, draft) {
  const [kept, setKept] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setKept(write(key, draft)), 300);
    const leave = (event) => {
      clearTimeout(timer);
      if (!write(key, draft)) event.preventDefault();
    };
    addEventListener("beforeunload", leave);
    return () => {
      clearTimeout(timer);
      removeEventListener("beforeunload", leave);
    };
  }, [key, draft]);
  return kept;
}

function write(key, draft) {
  try {
    if (draft) localStorage.setItem(PREFIX + key, JSON.stringify(draft));
    else localStorage.removeItem(PREFIX + key);
    return true;
  } catch {
    return false; // full, or forbidden by the browser
  }
}
