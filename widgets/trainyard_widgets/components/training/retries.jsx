// What the platform does by itself after a failure.
import { CheckField, SelectField, TextField } from "../form.jsx";
import { t } from "../words.js";
import { Typed } from "./typed.jsx";

const most = (draft) => Number(draft.retries) || 0;

export function RetryFields({ draft, type, problem }) {
  return (
    <div class="ty-form">
      <div class="ty-fields">
        <Typed Field={TextField} name="retries" label={t("Automatic restarts, at most")} type="number" min="0" max="100" step="1" value={draft.retries} onChange={type("retries")} error={problem("retries") ?? problem("max_retries")} hint={t("0: never. A person may start it again at any time.")} />
        {most(draft) > 0 && <SelectField name="retry_on" label={t("After which failures")} value={draft.retry_on} onChange={type("retry_on")} options={[{ value: "transient", label: t("only where trying again helps") }, { value: "transient,unknown", label: t("also where nobody can tell") }, { value: "transient,unknown,permanent", label: t("after every failure") }]} hint={t("A lost machine or a broken connection passes; a missing module does not.")} />}
        {most(draft) > 0 && <Typed Field={TextField} name="backoff" label={t("Seconds before the first try")} type="number" min="0" max="3600" step="any" value={draft.backoff} onChange={type("backoff")} error={problem("backoff")} hint={t("Each further try waits twice as long, at most an hour.")} />}
      </div>
      {most(draft) > 0 && <CheckField name="go_on" label={t("Go on also after the time limit")} value={Boolean(draft.go_on)} onChange={(yes) => type("go_on")(yes ? "1" : "")} />}
    </div>
  );
}
