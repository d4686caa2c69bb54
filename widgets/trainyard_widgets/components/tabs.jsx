// Tabs that arrows move through.
import { useEffect, useRef } from "preact/hooks";

// ``tabs``: [{id, label, count?}]
export function Tabs({ tabs, chosen, onChoose, label }) {
  const list = useRef(null);
  useEffect(() => {
    const tab = list.current?.querySelector("[aria-selected=true]");
    if (tab) list.current.scrollLeft = tab.offsetLeft - list.current.offsetLeft - (list.current.clientWidth - tab.clientWidth) / 2; // on a phone they are wider than the window
  }, [chosen]);
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    onChoose(next.id);
    list.current.querySelector(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div class="ty-tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {tabs.map((tab) => (
        <button key={tab.id} role="tab" data-tab={tab.id} aria-selected={tab.id === chosen} tabIndex={tab.id === chosen ? 0 : -1} onClick={() => onChoose(tab.id)}>
          {tab.label}
          {tab.count > 0 && <span class="ty-count">{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}
