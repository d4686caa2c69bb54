// The seed: one number behind all that is drawn at random, and a throw of other dice.
import { IconButton } from "../button.jsx";
import { t } from "../words.js";
import { NumberInput } from "./number_input.jsx";

const MOST = 2 ** 32 - 1;

export function SeedField({ value, onChange }) {
  return (
    <span class="ty-seed">
      <span class="ty-small ty-muted" aria-hidden="true">{t("Seed")}</span>
      <NumberInput bare name="seed" label={t("Seed")} value={value} min={0} max={MOST} step={1} whole onChange={onChange} />
      <IconButton icon="refresh" label={t("Other dice")} onClick={() => onChange(Math.floor(Math.random() * 100_000))} />
    </span>
  );
}
