// The parameters of one operation: ranges as two-handled sliders with their numbers, choices, flags, chance, and back to the defaults.
import { Button } from "../button.jsx";
import { CheckField, SelectField } from "../form.jsx";
import { number, percent } from "../format.js";
import { t } from "../words.js";
import { NumberInput } from "./number_input.jsx";

export const defaultsOf = (operation) => Object.fromEntries(operation.parameters.map((one) => [one.name, one.default]));

// Whether a parameter has an effect: some count only while a choice beside them has certain values.
export function counts(parameter, values, operation) {
  if (!parameter.when) return true;
  const other = operation.parameters.find((one) => one.name === parameter.when.parameter);
  return parameter.when.values.includes(values[parameter.when.parameter] ?? other?.default);
}

// A value in words: “−30 to 30 °”.
export function shownValue(parameter, value) {
  const unit = parameter.unit ? ` ${parameter.unit}` : "";
  if (parameter.kind === "range") return value[0] === value[1] ? `${number(value[0], 3)}${unit}` : `${t("{low} to {high}", { low: number(value[0], 3), high: number(value[1], 3) })}${unit}`;
  if (parameter.kind === "number") return `${number(value, 3)}${unit}`;
  if (parameter.kind === "choice") return parameter.choices.find((one) => one.value === value)?.title ?? String(value);
  return value ? parameter.title : "";
}

export function OperationFields({ step, operation, mode, onChange }) {
  const set = (name, value) => onChange({ parameters: { ...step.parameters, [name]: value } }, name);
  const shown = operation.parameters.filter((one) => counts(one, step.parameters, operation));
  const changed = step.probability !== 1 || operation.parameters.some((one) => JSON.stringify(step.parameters[one.name] ?? one.default) !== JSON.stringify(one.default));
  return (
    <div class="ty-op-fields">
      {operation.text && <p class="ty-small ty-muted">{operation.text}</p>}
      {shown.map((one) => <ParameterField key={one.name} parameter={one} value={step.parameters[one.name] ?? one.default} onChange={(value) => set(one.name, value)} />)}
      <Slider label={mode === "choice" ? t("Weight in the choice") : t("Chance that it is done")} value={step.probability} show={(value) => (mode === "choice" ? number(value, 2) : percent(value))} onChange={(probability) => onChange({ probability }, "probability")} />
      <div class="ty-row ty-between">
        <span class="ty-small ty-muted">{operation.moves_boxes ? t("Boxes move along.") : t("Boxes stay where they are.")}</span>
        <Button small kind="quiet" icon="refresh" disabled={!changed} onClick={() => onChange({ probability: 1, parameters: defaultsOf(operation) })}>{t("Defaults")}</Button>
      </div>
    </div>
  );
}

function ParameterField({ parameter, value, onChange }) {
  const hint = parameter.text || undefined;
  if (parameter.kind === "range") return <Range parameter={parameter} value={value} onChange={onChange} />;
  if (parameter.kind === "choice") return <SelectField name={parameter.name} label={parameter.title} value={value} hint={hint} onChange={onChange} options={parameter.choices.map((one) => ({ value: one.value, label: one.title }))} />;
  if (parameter.kind === "flag") return <CheckField name={parameter.name} label={parameter.title} value={value} hint={hint} onChange={onChange} />;
  const { minimum: min, maximum: max, step, whole, unit } = parameter;
  return (
    <div>
      <NumberInput name={parameter.name} label={parameter.title} unit={unit} value={value} min={min} max={max} step={step ?? 1} whole={whole} onChange={onChange} />
      {hint && <span class="ty-field-hint">{hint}</span>}
    </div>
  );
}

function Slider({ label, value, show, onChange }) {
  return (
    <label class="ty-one-slider">
      <span class="ty-small">{label}</span>
      <span class="ty-slider"><input type="range" min={0} max={1} step={0.05} value={value} onInput={(event) => onChange(Number(event.target.value))} /><output class="ty-numbers ty-small">{show(value)}</output></span>
    </label>
  );
}

// Both ends of a range: two handles on one line, and beneath them the numbers to type.
function Range({ parameter, value, onChange }) {
  const { title, unit, minimum: min, maximum: max, step, whole, text } = parameter;
  const [low, high] = value;
  const lower = (next) => onChange([next, Math.max(next, high)]);
  const upper = (next) => onChange([Math.min(next, low), next]);
  const part = (one) => `${(Math.min(1, Math.max(0, (one - min) / (max - min))) * 100).toFixed(2)}%`;
  return (
    <fieldset class="ty-range">
      <legend>{title}{unit && <span class="ty-muted"> ({unit})</span>}</legend>
      <div class="ty-range-line" style={{ "--from": part(low), "--to": part(high) }}>
        <span class="ty-range-filled" />
        <input type="range" min={min} max={max} step={step ?? "any"} value={low} aria-label={t("{title}, from", { title })} onInput={(event) => lower(Number(event.target.value))} />
        <input type="range" min={min} max={max} step={step ?? "any"} value={high} aria-label={t("{title}, to", { title })} onInput={(event) => upper(Number(event.target.value))} />
      </div>
      <div class="ty-range-ends">
        <NumberInput bare label={t("{title}, from", { title })} value={low} min={min} max={max} step={step ?? 1} whole={whole} onChange={lower} />
        <span class="ty-muted">–</span>
        <NumberInput bare label={t("{title}, to", { title })} value={high} min={min} max={max} step={step ?? 1} whole={whole} onChange={upper} />
      </div>
      {text && <span class="ty-field-hint">{text}</span>}
    </fieldset>
  );
}
