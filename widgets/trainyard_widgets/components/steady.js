// Rows that do not move away under the pointer: while it moves over a list, what is new waits and the order stays.
import { useEffect, useRef, useState } from "preact/hooks";

const HOLD = 1200; // milliseconds after the last movement

// ``rows`` as they came; ``asked`` changes when the reader asks for another order or page, which is shown at once.
// Answers [the rows to show, what the list's element listens to].
export function useSteady(rows, keyOf, asked) {
  const [, again] = useState(0);
  const kept = useRef({ until: 0, keys: [], asked });
  const now = kept.current;
  const holds = Date.now() < now.until && now.asked === asked;
  const shown = holds ? inOrder(rows, keyOf, now.keys) : rows;
  const waits = holds && (shown.length !== rows.length || shown.some((row, place) => row !== rows[place]));
  if (!holds) Object.assign(now, { keys: rows.map(keyOf), asked, until: 0 });
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setTimeout(() => again((count) => count + 1), Math.max(0, now.until - Date.now()) + 10);
    return () => clearTimeout(timer);
  });
  const onPointerMove = (event) => {
    if (event.pointerType === "mouse") now.until = Date.now() + HOLD;
  };
  return [shown, { onPointerMove }];
}

function inOrder(rows, keyOf, keys) {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  return keys.filter((key) => byKey.has(key)).map((key) => byKey.get(key));
}
