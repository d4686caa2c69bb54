// A number that is checked as it is typed: out of its range it is told at the field and not taken.
import { useEffect, useId, useState } from "preact/hooks";
import { t } from "../words.js";

// ``value`` null is an empty field, which shows ``placeholder``; only then may it be emptied. ``bare``: no label in sight.
export function NumberInput({ name, label, value, min, max, step, whole, unit, placeholder, bare, onChange }) {
  const id = useId();
  const [typed, setTyped] = useState(null);
  useEffect(() => setTyped(null), [value]);
  const problem = typed === null ? "" : why(typed, { min, max, whole, empty: placeholder !== undefined });
  const type = (text) => {
    setTyped(text);
    if (why(text, { min, max, whole, empty: placeholder !== undefined })) return;
    onChange(text.trim() === "" ? null : Number(text));
  };
  const input = (
    <input id={id} name={name} class="ty-input ty-numbers" type="number" inputMode="decimal" value={typed ?? value ?? ""} min={min} max={max} step="any" placeholder={placeholder}
      onInput={(event) => type(event.target.value)} onBlur={() => setTyped(null)} onKeyDown={(event) => stepped(event, { value: Number(typed ?? value ?? placeholder ?? 0), step, min, max }, onChange)}
      aria-label={bare ? label : undefined} aria-invalid={problem ? "true" : undefined} title={bare ? problem || undefined : undefined} aria-describedby={problem && !bare ? `${id}-problem` : undefined} />
  );
  if (bare) return <span class={`ty-number${problem ? " ty-invalid" : ""}`}>{input}</span>;
  return (
    <div class={`ty-field ty-number${problem ? " ty-invalid" : ""}`}>
      <label for={id}>{label}{unit && <span class="ty-muted"> ({unit})</span>}</label>
      {input}
      {problem && <div class="ty-field-error" id={`${id}-problem`}>{problem}</div>}
    </div>
  );
}

// Arrows go by the field's own step; the browser's would begin at the minimum.
function stepped(event, { value, step = 1, min, max }, onChange) {
  const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!way || event.altKey) return;
  event.preventDefault();
  const next = Math.round((value + way * step) * 1e6) / 1e6;
  onChange(Math.min(max ?? Infinity, Math.max(min ?? -Infinity, next)));
}

function why(text, { min, max, whole, empty }) {
  if (text.trim() === "") return empty ? "" : t("This is needed.");
  const value = Number(text);
  if (!Number.isFinite(value)) return t("This is not a number.");
  if (whole && !Number.isInteger(value)) return t("This is not a whole number.");
  if (min !== undefined && min !== null && value < min) return t("This must be at least {ge}.", { ge: min });
  if (max !== undefined && max !== null && value > max) return t("This must be at most {le}.", { le: max });
  return "";
}
