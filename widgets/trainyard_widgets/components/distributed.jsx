// One switch: a training as several processes that train one network together.
import { CheckField, SelectField, TextField } from "./form.jsx";
import { t } from "./words.js";
import { Typed } from "./training/typed.jsx";

const KINDS = { pytorch: "PyTorch (DistributedDataParallel)", tensorflow: "TensorFlow (TF_CONFIG)", mxnet: "MXNet" };

export function DistributedFields({ view, type, problem }) {
  const { draft } = view;
  const packages = [{ value: "", label: t("the same as the workers") }, ...view.packages.filter((one) => one.available).map((one) => ({ value: one.name, label: one.name }))];
  return (
    <div class="ty-form ty-gap-top">
      <CheckField name="several" label={t("Train on several processes together")} hint={t("All start at once or none. Each worker has the package above; the first writes the curves. When one dies all are ended, and what is set for failures follows.")} value={Boolean(draft.workers)} onChange={(yes) => type("workers")(yes ? "2" : "")} />
      {draft.workers && (
        <div class="ty-pair-grid">
          <Typed Field={TextField} name="workers" label={t("Workers")} type="number" min="1" max="32" step="1" value={draft.workers} onChange={type("workers")} error={problem("workers") ?? problem("distributed")} hint={t("Each trains with its own part of the pictures.")} />
          <SelectField name="distributed" label={t("How they find each other")} value={draft.distributed} onChange={type("distributed")} options={Object.entries(KINDS).map(([value, label]) => ({ value, label: value === "mxnet" ? t("MXNet (parameter server)") : label }))} hint={t("By the framework of the image.")} />
          {draft.distributed === "mxnet" && <Typed Field={TextField} name="servers" label={t("Parameter servers")} type="number" min="1" max="16" step="1" value={draft.servers} onChange={type("servers")} error={problem("servers")} hint={t("Together they need more memory than the model; a scheduler is added.")} />}
          {draft.distributed === "mxnet" && <SelectField name="server_package" label={t("Package of a server")} value={draft.server_package} onChange={type("server_package")} options={packages} />}
          {draft.distributed === "mxnet" && <SelectField name="scheduler_package" label={t("Package of the scheduler")} value={draft.scheduler_package} onChange={type("scheduler_package")} options={packages} />}
        </div>
      )}
    </div>
  );
}

// "2 workers, 1 server, 1 scheduler" of a training's configuration; nothing where it is one process.
export function layoutWords(distributed) {
  if (!distributed) return null;
  const packages = Object.entries(distributed.packages).filter(([, name]) => name).map(([role, name]) => `${role}: ${name}`);
  const servers = distributed.kind === "mxnet" ? [t("parameter servers: {count}", { count: distributed.servers })] : [];
  return [distributed.kind, t("workers: {count}", { count: distributed.workers }), ...servers, ...packages].join(" · ");
}
