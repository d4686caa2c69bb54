// Why something waits: its place, what is short with numbers and who holds it, what would start now, and until when at most.
import { bytes, number } from "./format.js";
import { Button } from "./button.jsx";
import { Facts } from "./card.jsx";
import { Note } from "./states.jsx";
import { Time } from "./time.jsx";
import { toast } from "./toast.jsx";
import { N_, t } from "./words.js";

const COUNTED = { cpu: N_("{count} cores"), gpu: N_("{count} GPUs"), jobs: N_("{count} jobs") };
const shown = ({ resource }, value) => (COUNTED[resource] ? t(COUNTED[resource], { count: number(value, 1) }) : bytes(value));

// ``waiting`` is the service's whole answer; ``take`` (for its owner) takes the package that would start now.
export function WaitingPanel({ waiting, take }) {
  if (!waiting) return null;
  const { place, of, text, holders, startable_now: smaller, at_latest: latest } = waiting;
  const title = waiting.promised ? t("Starts as soon as its place is free: place {place} of {all}", { place: number(place), all: number(of) }) : t("Waits for its turn: place {place} of {all}", { place: number(place), all: number(of) });
  const part = (value) => `${waiting.limit > 0 ? Math.min(100, (value / waiting.limit) * 100) : 0}%`;
  const choose = async () => {
    await take(smaller);
    toast(t("It asks for {package} now.", { package: smaller }));
  };
  return (
    <Note kind="info" title={title}>
      <p>{text}</p>
      {waiting.limit > 0 && (
        <div class="ty-wait" role="img" aria-label={text}>
          <span class="ty-wait-used" style={{ width: part(waiting.used) }} />
          <span class="ty-wait-asked" style={{ width: part(Math.min(waiting.asked, waiting.free)) }} />
        </div>
      )}
      <Facts rows={[
        [t("Asked for"), shown(waiting, waiting.asked)],
        [t("Free now"), shown(waiting, waiting.free)],
        [t("Kept for those in front"), waiting.reserved > 0 ? shown(waiting, waiting.reserved) : null],
        [t("Held by"), holders.length ? holders.map((one) => `${one.group ?? t("people without a group")} ${shown(waiting, one.used)}`).join(" · ") : null],
        [t("Within its group's guarantee"), waiting.guaranteed ? t("yes, it goes before who borrows") : null],
        [t("Starts at the latest"), latest ? <Time value={latest} absolute /> : t("nothing in front has a time limit that bounds it")],
      ]} />
      {smaller && take && <p class="ty-row ty-wait-take">{t("{package} would start this moment.", { package: smaller })} <Button small kind="primary" onClick={choose}>{t("Take it")}</Button></p>}
    </Note>
  );
}
