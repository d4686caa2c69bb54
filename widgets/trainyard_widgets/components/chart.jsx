// Horizontal bars with their numbers: classes and their counts, readable without colour.
import { useState } from "preact/hooks";
import { Button } from "./button.jsx";
import { number } from "./format.js";
import { t } from "./words.js";

// ``bars``: [{label, value, note?}]; the longest ``first`` are shown, the rest on demand. ``say`` tells a value with what is counted.
export function BarChart({ bars, say = number, first = 20, label, onChoose, chosen }) {
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...bars.map((bar) => bar.value));
  const shown = all ? bars : bars.slice(0, first);
  return (
    <div class="ty-bars" role="list" aria-label={label}>
      {shown.map((bar) => {
        const Row = onChoose ? "button" : "div";
        return (
          <Row key={bar.label} role="listitem" class={`ty-bars-row${bar.label === chosen ? " ty-chosen" : ""}`} onClick={onChoose && (() => onChoose(bar.label))} title={`${bar.label}: ${say(bar.value)}`}>
            <span class="ty-bars-label">{bar.label}</span>
            <span class="ty-bars-track"><span style={{ width: `${(bar.value / most) * 100}%` }} /></span>
            <span class="ty-numbers">{number(bar.value)}{bar.note && <span class="ty-muted"> {bar.note}</span>}</span>
          </Row>
        );
      })}
      {bars.length > first && <Button small onClick={() => setAll(!all)}>{all ? t("Show fewer") : t("Show all {count}", { count: number(bars.length) })}</Button>}
    </div>
  );
}
