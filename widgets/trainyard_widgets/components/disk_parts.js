// What stored bytes are, in words.
import { bytes } from "./format.js";
import { N_, t } from "./words.js";

const PARTS = { share: N_("shared folder"), home: N_("private home"), datasets: N_("datasets"), formatted: N_("formatted sets"), models: N_("models"), runs: N_("training runs"), uploads: N_("uploads") };

// “datasets 1.2 GiB · models 300 MiB”, the largest first; nothing for nothing.
export function partsText(parts) {
  const present = Object.entries(parts).filter(([, count]) => count > 0).sort(([, one], [, other]) => other - one);
  return present.map(([name, count]) => `${t(PARTS[name] ?? name)} ${bytes(count)}`).join(" · ");
}
