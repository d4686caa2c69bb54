// Undo and redo: every change is a new document with the name of what was done; quick changes of one field count as one.
import { useCallback, useMemo, useState } from "preact/hooks";

const MOST = 200;
const TOGETHER = 1500;

export function useHistory(begin) {
  const [state, setState] = useState(() => ({ past: [], present: begin(), future: [], key: "", at: 0 }));
  const apply = useCallback((label, change, key = "") => {
    setState((old) => {
      const present = typeof change === "function" ? change(old.present) : change;
      if (present === old.present) return old;
      const now = Date.now();
      const joined = key && key === old.key && now - old.at < TOGETHER;
      const past = joined ? old.past : [...old.past, { label, document: old.present }].slice(-MOST);
      return { past, present, future: [], key, at: now };
    });
  }, []);
  const undo = useCallback(() => setState((old) => {
    const last = old.past.at(-1);
    if (!last) return old;
    return { past: old.past.slice(0, -1), present: last.document, future: [{ label: last.label, document: old.present }, ...old.future], key: "", at: 0 };
  }), []);
  const redo = useCallback(() => setState((old) => {
    const [next, ...future] = old.future;
    if (!next) return old;
    return { past: [...old.past, { label: next.label, document: old.present }], present: next.document, future, key: "", at: 0 };
  }), []);
  return useMemo(
    () => ({ graph: state.present, apply, undo, redo, undone: state.past.at(-1)?.label ?? "", redone: state.future[0]?.label ?? "" }),
    [state, apply, undo, redo],
  );
}
