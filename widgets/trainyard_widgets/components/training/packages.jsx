// Resource packages as cards; one that is above a quota says why.
import { bytes, number } from "../format.js";
import { t } from "../words.js";

export function Packages({ packages, chosen, onChoose, error }) {
  return (
    <>
      <div class="ty-packages" role="radiogroup" aria-label={t("Package")}>
        {packages.map((one) => (
          <label key={one.name} class={`ty-choice${one.name === chosen ? " ty-chosen" : ""}${one.available ? "" : " ty-disabled"}`}>
            <input type="radio" name="package" disabled={!one.available} checked={one.name === chosen} onChange={() => onChoose(one.name)} />
            <span>
              <strong>{one.gpu > 0 ? t("{gpu} GPU, {cpu} cores", { gpu: one.gpu, cpu: number(one.cpu, 1) }) : t("{cpu} cores", { cpu: number(one.cpu, 1) })}</strong>
              <span class="ty-field-hint">{t("{memory} memory", { memory: bytes(one.memory) })}{one.gpu_type && ` · ${one.gpu_type}`} · <code>{one.name}</code></span>
              {one.why_not && <span class="ty-field-hint ty-warn">{one.why_not}</span>}
            </span>
          </label>
        ))}
      </div>
      {error && <div class="ty-field-error" role="alert">{error}</div>}
    </>
  );
}
