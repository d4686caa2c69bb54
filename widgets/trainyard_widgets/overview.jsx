// Home: the next step for a newcomer, the workspace with its countdown, what runs now, and what is used of the quota.
import {
  Button, bytes, Card, Clock, confirm, definePage, duration, EmptyState, Facts, LinkButton, Meter, N_, Note, number, PageHeader, Progress, Skeleton, StateBadge, t, Table, Time, toast, useNow,
} from "./components/index.js";
import { EndingNote, stopTraining } from "./components/training_parts.jsx";

const LATE = 3600e3; // milliseconds
const LIVE = new Set(["created", "queued", "starting", "running", "stopping"]);
const KINDS = { prepare: N_("Dataset"), examine: N_("Examination of pictures"), fetch: N_("Fetching pictures"), preprocess: N_("Preprocessing"), format: N_("Formatting job"), train: N_("Training"), evaluate: N_("Evaluation") };

const STEPS = {
  "join-group": [N_("Ask for a group"), N_("A group gives you a workspace, a shared folder and training. Ask an administrator to add you; until then you can connect your storage, and make and format datasets."), N_("Make a dataset"), "datasets?new=1"],
  "bind-storage": [N_("Connect your storage"), N_("A bucket keeps your lists, pictures, formatted sets and models. The platform offers you one of its own."), N_("Connect storage"), "storage"],
  "make-dataset": [N_("Make your first dataset"), N_("Bring a list of labelled pictures, or look at a public dataset first."), N_("Make a dataset"), "datasets?new=1"],
  "format-dataset": [N_("Format a dataset"), N_("Training reads formatted sets: one press writes a training and a validation part."), N_("Open datasets"), "datasets"],
  train: [N_("Train your first model"), N_("Three steps with sensible defaults: sets, image, resources."), N_("Start a training"), "training_new"],
  approve: [N_("People are waiting"), N_("Somebody asked for an account and waits for your answer."), N_("Open the inbox"), "admin?tab=inbox"],
  "make-group": [N_("Make a group"), N_("People train in groups: a group has a quota and a shared folder."), N_("Make a group"), "admin?tab=groups"],
};

function Overview({ view, send }) {
  return (
    <>
      <PageHeader title={view ? t("Hello, {name}", { name: view.name }) : t("Overview")} tab={t("Overview")} text={t("From labelled pictures to trained models: data, training and models of your team.")} />
      {view ? <Content view={view} send={send} /> : <Card><Skeleton rows={8} /></Card>}
    </>
  );
}

function Content({ view, send }) {
  return (
    <div class="ty-stack">
      <NextStep view={view} />
      <div class="ty-grid">
        <Workspace workspace={view.workspace} grouped={view.groups.length > 0} send={send} />
        <Quotas groups={view.groups} machine={view.machine} />
      </div>
      <Jobs jobs={view.jobs} send={send} />
    </div>
  );
}

function NextStep({ view }) {
  const alone = view.administrator && view.next_step === "join-group";
  const key = view.waiting > 0 ? "approve" : alone ? "make-group" : view.next_step;
  const step = STEPS[key];
  if (!step) return null;
  const [title, text, ...then] = step;
  const [button, href] = key === "join-group" && !view.storage ? STEPS["bind-storage"].slice(2) : then;
  return (
    <section class="ty-card ty-next">
      <div><div class="ty-next-word">{t("Your next step")}</div><h2>{t(title)}</h2><p class="ty-muted">{t(text)}</p></div>
      <LinkButton kind="primary" href={href}>{t(button)}</LinkButton>
    </section>
  );
}

function Workspace({ workspace, grouped, send }) {
  const state = workspace?.state ?? "stopped";
  const stop = () => confirm({ title: t("Stop the workspace?"), text: t("Running notebooks and terminals end. Your files stay."), button: t("Stop"), act: () => send("stop_workspace") });
  const renew = async () => {
    await send("renew_workspace");
    toast(t("The workspace has its full time again."));
  };
  const again = Boolean(workspace?.package);
  const now = useNow(30);
  const late = state === "running" && workspace.ends && Date.parse(workspace.ends) - now < LATE;
  return (
    <Card title={t("Workspace")} text={t("JupyterLab with your group's files, a terminal and GPUs where there are any.")} actions={<StateBadge state={state} />}>
      {!grouped && <Note>{t("A workspace needs a group. Ask an administrator to add you to one.")}</Note>}
      {state === "running" && (
        <div class="ty-gap"><Facts rows={[[t("Group"), workspace.group], [t("Resources"), workspace.package], [t("Time left"), workspace.ends ? <Clock until={workspace.ends} /> : null]]} /></div>
      )}
      {late && <div class="ty-gap"><Note kind="warn">{t("It stops in less than an hour. Renew its time to go on; files are kept either way.")}</Note></div>}
      {state === "stopped" && workspace?.ending && <div class="ty-gap"><EndingNote ending={workspace.ending} onOffer={grouped ? (chosen) => send("start_workspace", { package: chosen }) : undefined} /></div>}
      {state === "stopped" && grouped && <p class="ty-muted ty-gap">{workspace?.ending?.good ? workspace.ending.text : t("It is stopped and uses nothing. Your files are kept.")}{again && <> {t("Started again it gets {package} of the group {group}, as last time.", { package: workspace.package, group: workspace.group })}</>}</p>}
      {state === "starting" && workspace.waiting ? <p class="ty-muted ty-gap" role="status">{workspace.waiting}</p> : (state === "starting" || state === "stopping") && <Skeleton rows={2} />}
      <div class="ty-row">
        {state === "running" && <LinkButton kind="primary" icon="external" href={workspace.address || "/hub/user-redirect/lab"}>{t("Open JupyterLab")}</LinkButton>}
        {state === "running" && <Button icon="clock" onClick={renew}>{t("Renew time")}</Button>}
        {state === "running" && <Button icon="stop" onClick={stop}>{t("Stop")}</Button>}
        {state === "stopped" && grouped && !again && <LinkButton kind="primary" icon="play" href="/hub/spawn">{t("Start workspace")}</LinkButton>}
        {state === "stopped" && grouped && again && <Button kind="primary" icon="play" onClick={() => send("start_workspace")}>{t("Start again")}</Button>}
        {state === "stopped" && grouped && again && <LinkButton icon="gear" href="/hub/spawn">{t("Choose resources")}</LinkButton>}
      </div>
    </Card>
  );
}

function Quotas({ groups, machine }) {
  return (
    <Card title={t("In use now")} text={groups.length ? t("Of what your groups may use at once.") : undefined}>
      {groups.map((group) => (
        <div key={group.name} class="ty-gap">
          <h3 class="ty-gap-small">{group.name}</h3>
          <Resources use={group.use} quota={group.quota} />
          <p class="ty-muted ty-small">{t("Yours on disk: {used}", { used: group.own_quota?.disk === null || !group.own_quota ? bytes(group.own_use?.disk ?? 0) : `${bytes(group.own_use.disk)} / ${bytes(group.own_quota.disk)}` })}{group.measured && <> · {t("as of")} <Time value={group.measured} /></>} · <a href="account?tab=disk">{t("What it is")}</a></p>
        </div>
      ))}
      {!groups.length && machine && <Resources use={machine.used} quota={machine.capacity} />}
      {!groups.length && !machine && <p class="ty-muted">{t("Nothing is in use.")}</p>}
    </Card>
  );
}

export function Resources({ use, quota }) {
  return (
    <>
      <Meter label={t("Processor cores")} used={use.cpu} limit={quota.cpu} format={(value) => number(value, 1)} />
      <Meter label={t("Memory")} used={use.memory} limit={quota.memory} format={bytes} />
      {(quota.gpu > 0 || use.gpu > 0) && <Meter label={t("GPUs")} used={use.gpu} limit={quota.gpu} />}
      <Meter label={t("Jobs")} used={use.jobs} limit={quota.jobs} />
      {(quota.disk !== null || use.disk > 0) && <Meter label={t("Disk")} used={use.disk} limit={quota.disk} format={bytes} />}
    </>
  );
}

function Jobs({ jobs, send }) {
  const columns = [
    { id: "name", label: t("Job"), wide: true, cell: (job) => <div><div>{job.training ? <a href={`monitor?id=${job.training}`}>{job.name}</a> : job.dataset ? <a href={`dataset?id=${job.dataset}`}>{job.name}</a> : job.name}</div><div class="ty-muted">{t(KINDS[job.kind] ?? job.kind)}{job.group ? ` · ${job.group}` : ""}</div></div> },
    { id: "state", label: t("State"), cell: (job) => <StateBadge state={job.state} /> },
    { id: "progress", label: t("Progress"), wide: true, cell: (job) => <JobProgress job={job} send={send} /> },
    { id: "created", label: t("Created"), cell: (job) => <span class="ty-one-line"><Time value={job.created} /></span> },
    { id: "act", label: "", cell: (job) => LIVE.has(job.state) && <span class="ty-row ty-actions"><Button small icon="stop" onClick={() => stopJob(job, send)}>{t("Stop")}</Button></span> },
  ];
  const empty = (
    <EmptyState icon="chart" title={t("Nothing has run yet")} text={t("Formatting and training appear here with their progress and remaining time.")}>
      <LinkButton icon="box" href="datasets">{t("Look at datasets")}</LinkButton>
    </EmptyState>
  );
  return <Card flush title={t("Jobs")}><Table label={t("Jobs")} columns={columns} rows={jobs} empty={empty} /></Card>;
}

function stopJob(job, send) {
  const act = () => send("stop_job", { job: job.id });
  if (job.training) stopTraining(job, act);
  else confirm({ title: t("Stop {name}?", { name: job.name }), text: t("It ends, and its resources are given back."), button: t("Stop"), act });
}

function JobProgress({ job, send }) {
  if (job.waiting && job.state === "queued") return <span class="ty-muted">{job.waiting}</span>;
  if (job.progress && LIVE.has(job.state)) return <Progress progress={job.progress} label={job.name} />;
  if (job.state === "finished" && job.started && job.ended) {
    return <span class="ty-muted ty-numbers">{t("took {time}", { time: duration((Date.parse(job.ended) - Date.parse(job.started)) / 1000) })}</span>;
  }
  if (!job.ending || LIVE.has(job.state)) return null;
  return (
    <div>
      <div class={job.state === "failed" ? "ty-bad" : "ty-muted"}>{job.ending}</div>
      {job.next && <div class="ty-muted ty-small">{job.next}</div>}
      {job.offer && <Button small icon="play" onClick={() => send("start_training", { training: job.training, package: job.offer })}>{t("Start again with twice the memory ({package})", { package: job.offer })}</Button>}
    </div>
  );
}

export default definePage(Overview);
