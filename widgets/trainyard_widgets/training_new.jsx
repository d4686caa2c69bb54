// A new training in three steps; each choice goes into the address, so that Back and a reload keep it.
import { useRef, useState } from "preact/hooks";
import {
  Button, bytes, Card, confirm, CopyButton, dateTime, definePage, EmptyState, failed, Facts, LinkButton, N_, Note, number, PageHeader, Skeleton, t, Tabs, Tag, TextArea, TextField, SelectField,
} from "./components/index.js";
import { formatName, sizeWords } from "./components/dataset/formats.js";
import { DistributedFields } from "./components/distributed.jsx";
import { ParameterSets } from "./components/parameter_sets.jsx";
import { ParameterForm } from "./components/parameters.jsx";
import { Packages } from "./components/training/packages.jsx";
import { PatternFields } from "./components/training/patterns.jsx";
import { RetryFields } from "./components/training/retries.jsx";
import { ClusterField, TurnFields } from "./components/training/turn.jsx";
import { Typed } from "./components/training/typed.jsx";
import { adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

const STEPS = [["sets", N_("Sets")], ["image", N_("Image")], ["resources", N_("Resources and script")]];
const TABS = [["mine", N_("Mine")], ["group", N_("My groups")], ["public", N_("Public")]];

// The address knows a choice at once, the view a moment later: what was chosen or taken back since is shown over it.
const FIELDS = { train: "train_set", val: "val_set", test: "test_set" };
function withChoices(view, query) {
  if (!view) return view;
  const since = Object.keys({ ...view.asked, ...query }).filter((name) => query[name] !== view.asked[name]);
  return { ...view, draft: { ...view.draft, ...Object.fromEntries(since.map((name) => [FIELDS[name] ?? name, query[name] ?? ""])) } };
}

function TrainingNew({ view: loaded, query, setQuery, send }) {
  const view = withChoices(loaded, query);
  const step = STEPS.findIndex(([id]) => id === (query.step ?? "sets"));
  const at = Math.max(0, step);
  const goTo = (place) => setQuery({ step: STEPS[place][0] });
  return (
    <>
      <p class="ty-crumb"><a href="trainings">{t("Training")}</a></p>
      <PageHeader title={t("New training")} text={t("Three steps; what is filled in already is a sensible choice.")} />
      <Steps at={at} goTo={goTo} view={view} />
      {!view ? <Card><Skeleton rows={8} height={28} /></Card> : (
        <div class="ty-stack">
          {at === 0 && <SetsStep view={view} setQuery={setQuery} />}
          {at === 1 && <ImageStep view={view} setQuery={setQuery} />}
          {at === 2 && <ResourcesStep view={view} query={query} setQuery={setQuery} send={send} />}
          {at < 2 && (
            <div class="ty-row ty-between">
              {at > 0 ? <Button onClick={() => goTo(at - 1)}>{t("Back")}</Button> : <Button kind="quiet" onClick={() => setQuery({ train: "", val: "", test: "", step: "image" })}>{t("Skip this step")}</Button>}
              <Button kind="primary" onClick={() => goTo(at + 1)} disabled={at === 0 && !view.draft.train_set}>{t("Next step")}</Button>
            </div>
          )}
        </div>
      )}
    </>
  );
}

function Steps({ at, goTo, view }) {
  const said = view && [view.chosen.train ? view.chosen.train.dataset_name : t("none chosen"), view.draft.image, view.draft.package];
  return (
    <ol class="ty-steps" aria-label={t("Steps")}>
      {STEPS.map(([id, word], place) => (
        <li key={id} class={place === at ? "ty-now" : place < at ? "ty-past" : ""}>
          <button aria-current={place === at ? "step" : undefined} onClick={() => goTo(place)}><span class="ty-step-number">{place + 1}</span><span><strong>{t(word)}</strong><span class="ty-muted ty-small ty-step-said">{said?.[place] ?? " "}</span></span></button>
        </li>
      ))}
    </ol>
  );
}

function SetsStep({ view, setQuery }) {
  const first = TABS.find(([id]) => view.sets[id]?.length)?.[0] ?? "mine";
  const [tab, setTab] = useState(first);
  const datasets = view.sets[tab] ?? [];
  const chooseTrain = (set, pair) => {
    setQuery({ train: set.id, val: "", test: "" }, { replace: true });
    if (!pair) return;
    confirm({ danger: false, title: t("Take the validation set of the same batch?"), text: t("The training set has a validation set of the same batch: {count} pictures that are not in the training set, in the same size and format.", { count: number(pair.samples) }), button: t("Take both"), act: async () => setQuery({ train: set.id, val: pair.id }, { replace: true }) });
  };
  return (
    <Card title={t("Which pictures?")} text={t("Choose a training set, and a validation set to measure with. T and V of one batch belong together: no picture is in both.")}>
      <Tabs label={t("Whose sets")} tabs={TABS.map(([id, word]) => ({ id, label: t(word), count: view.sets[id]?.length }))} chosen={tab} onChoose={setTab} />
      {datasets.length === 0 ? (
        <EmptyState icon="box" title={t("No formatted set here")} text={t("Format a dataset first; it takes seconds for a small one. Public datasets can be formatted too.")}>
          <LinkButton kind="primary" href="datasets">{t("Open datasets")}</LinkButton>
          <LinkButton href="datasets?tab=public">{t("Look at public datasets")}</LinkButton>
        </EmptyState>
      ) : datasets.map((dataset) => (
        <section key={dataset.id} class="ty-dataset-sets">
          <div class="ty-row ty-between"><h3>{dataset.name}</h3><LinkButton small icon="box" href={`dataset?id=${dataset.id}&format=1`}>{t("Format")}</LinkButton></div>
          {dataset.pairs.map((pair) => (
            <div key={pair.batch + pair.format} class="ty-pair">
              <div title={t("Batch {batch}", { batch: pair.batch })}>
                <strong>{formatName(pair.format)}</strong>
                <div class="ty-muted ty-small">{[pair.created && dateTime(pair.created), sizeWords(pair.resize)].filter(Boolean).join(" · ")}</div>
              </div>
              <SetChoice name="train" letter="T" set={pair.train} chosen={view.draft.train_set} onChoose={(set) => chooseTrain(set, pair.val)} word={t("training")} />
              <SetChoice name="val" letter="V" set={pair.val} chosen={view.draft.val_set} onChoose={(set) => setQuery({ val: set.id }, { replace: true })} word={t("validation")} />
              {pair.test && <SetChoice name="test" letter="E" set={pair.test} chosen={view.draft.test_set} onChoose={(set) => setQuery({ test: set.id }, { replace: true })} word={t("test")} />}
            </div>
          ))}
        </section>
      ))}
      <ChosenSets view={view} setQuery={setQuery} />
    </Card>
  );
}

function SetChoice({ name, letter, set, chosen, onChoose, word }) {
  if (!set) return <span class="ty-muted">–</span>;
  return (
    <label class={`ty-set-choice${set.id === chosen ? " ty-chosen" : ""}`}>
      <input type="radio" name={name} checked={set.id === chosen} onChange={() => onChoose(set)} />
      <span class={`ty-letter ty-letter-${set.split}`}>{letter}</span>
      <span>{word}<span class="ty-muted ty-small ty-numbers"> {t("{count} pictures", { count: number(set.samples) })} · {bytes(set.bytes)}</span></span>
    </label>
  );
}

function ChosenSets({ view, setQuery }) {
  const { train, val, test } = view.chosen;
  if (!train && !val && !test) return null;
  const say = (set) => set && <span class="ty-row">{set.dataset_name} · {formatName(set.format)} · {t("{count} pictures", { count: number(set.samples) })}</span>;
  return (
    <div class="ty-stack-small ty-gap-top">
      <Facts rows={[[t("Training set"), say(train)], [t("Validation set"), val ? <span class="ty-row">{say(val)}<Button small kind="quiet" onClick={() => setQuery({ val: "" }, { replace: true })}>{t("Take away")}</Button></span> : view.pair ? <Button small onClick={() => setQuery({ val: view.pair.id }, { replace: true })}>{t("Take the one of the same batch")}</Button> : t("none: accuracy is measured on the training set only")], [t("Test set"), test && <span class="ty-row">{say(test)}<Button small kind="quiet" onClick={() => setQuery({ test: "" }, { replace: true })}>{t("Take away")}</Button></span>]]} />
      {view.notes.map((note) => <Note key={note} kind="warn">{note}</Note>)}
    </div>
  );
}

function ImageStep({ view, setQuery }) {
  if (!view.images.length) return <Card><EmptyState title={t("No image for training")} text={t("An administrator builds images; the overview of the machine says what is missing.")} /></Card>;
  return (
    <Card title={t("Which software?")} text={t("An image holds a framework and its libraries, always in the same versions.")}>
      <div class="ty-cards" role="radiogroup" aria-label={t("Image")}>
        {view.images.map((image) => (
          <label key={image.key} class={`ty-choice${image.key === view.draft.image ? " ty-chosen" : ""}${image.available ? "" : " ty-disabled"}`}>
            <input type="radio" name="image" disabled={!image.available} checked={image.key === view.draft.image} onChange={() => setQuery({ image: image.key, entry: "" }, { replace: true })} />
            <span>
              <span class="ty-row"><strong>{image.title || image.name}</strong><Tag>{image.version}</Tag>{image.framework && <Tag tone="busy">{image.framework}</Tag>}</span>
              <span class="ty-field-hint">{image.description}</span>
              {!image.available && <span class="ty-field-hint ty-warn">{image.error || (image.state === "building" ? t("It is being built; this page shows when it is ready.") : t("It is not on this machine yet. An administrator builds it: trainyard_spawner.images build {name}", { name: image.name }))}</span>}
              {image.size && <span class="ty-field-hint">{bytes(image.size)}</span>}
            </span>
          </label>
        ))}
      </div>
    </Card>
  );
}

function ResourcesStep({ view, query, setQuery, send }) {
  const { draft, asked, problems } = view;
  const [tried, setTried] = useState(false);
  const [refusal, setRefusal] = useState(null);
  const type = (name) => (value) => (setRefusal(null), setChecked(null), setQuery({ [name]: value }, { replace: true }));
  // What the view says of a value typed a moment ago is about the one before.
  const current = (name) => query[name] === asked[name];
  const problem = (name) => {
    if (refusal?.field === name) return [refusal.message, refusal.hint].filter(Boolean).join(" ");
    return (tried || query[name]) && current(name) ? problems[name] : undefined;
  };
  const [checked, setChecked] = useState(null);
  const newest = useRef("");
  newest.current = JSON.stringify(query);
  // A check of what stood there before says nothing of what was typed meanwhile, and a refusal does not take the cursor away.
  const ask = async (name, answered) => {
    setTried(true);
    setRefusal(null);
    setChecked(null);
    const about = newest.current;
    try {
      answered(await send(name), about);
    } catch (error) {
      setRefusal(error);
      if (about === newest.current) document.querySelector(`[name="${error.field}"]`)?.focus();
    }
  };
  const make = (name) => ask(name, (id) => visit(`monitor?id=${id}`));
  const check = () => ask("check", (found, about) => about === newest.current && setChecked(found));
  const shown = new Set(["name", "description", "group", "package", "cluster", "entry", "hours", "priority", "parameters", "log_patterns", "max_retries", "backoff", "workers", "servers", "distributed"]);
  return (
    <>
      <Card title={t("Name and group")}>
        <div class="ty-form">
          <Typed Field={TextField} name="name" label={t("Name")} value={draft.name} disabled={Boolean(draft.edit)} onChange={type("name")} error={problem("name")} maxLength={63} placeholder={view.chosen.train?.dataset_name} hint={t("The log is called train_<name>_out.log on the group's share.")} />
          <Typed Field={TextArea} name="description" label={t("Description")} optional value={draft.description} onChange={type("description")} rows={2} maxLength={500} error={problem("description")} />
          <SelectField name="group" disabled={Boolean(draft.edit)} label={t("Group that is charged")} value={draft.group} onChange={type("group")} error={problem("group")} options={view.groups.map((name) => ({ value: name, label: name }))} hint={draft.group && t("Its share is at {path}", { path: `/workspace/mnt/group/${draft.group}` })} />
        </div>
      </Card>
      <Card title={t("Resources")} text={t("They are yours alone while the training runs, and given back when it ends.")}>
        <ClusterField view={view} problem={problem} onChoose={(cluster) => (setRefusal(null), setChecked(null), setQuery({ cluster, package: "", hours: "" }, { replace: true }))} />
        <Packages packages={view.packages} chosen={draft.package} onChoose={type("package")} error={problem("package")} />
        <DistributedFields view={view} type={type} problem={problem} />
        <TurnFields view={view} type={type} problem={problem} />
      </Card>
      <Card title={t("What runs")}>
        <div class="ty-form">
          <Typed Field={TextField} name="entry" label={t("Command")} value={draft.entry} onChange={type("entry")} error={problem("entry")} class="ty-input ty-mono" spellcheck={false} hint={t("A script of the image or of your group's share, with its arguments. The sets are at /workspace/mnt/data/train and val.")} />
          <div>
            <div class="ty-label">{t("Examples")}</div>
            <ul class="ty-examples">{view.examples.map((example) => <li key={example}><code class="ty-ellipsis">{example}</code><span class="ty-row ty-nowrap"><Button small onClick={() => type("entry")(example)}>{t("Use")}</Button><CopyButton text={example} /></span></li>)}</ul>
          </div>
          <ParameterForm value={draft.parameters} onChange={type("parameters")} error={problem("parameters")} />
          <ParameterSets value={draft.parameters} groups={view.groups} onLoad={type("parameters")} />
          <PatternFields draft={draft} patterns={view.patterns} type={type} problem={problem} />
        </div>
      </Card>
      <Card title={t("When it fails")} text={t("It goes on from its newest complete checkpoint.")}>
        <RetryFields draft={draft} type={type} problem={problem} />
      </Card>
      {view.notes.map((note) => <Note key={note} kind="warn">{note}</Note>)}
      {checked && (checked.length === 0 ? <div role="status"><Note kind="good" title={t("Nothing keeps it from running.")} /></div> : <div role="alert"><Note kind="bad" title={t("It would not run:")}><ul>{checked.map((one) => <li key={one.code + one.field}>{one.message} {one.hint}</li>)}</ul></Note></div>)}
      {refusal && !shown.has(refusal.field) && <div role="alert"><Note kind="bad" title={refusal.message}>{refusal.hint}</Note></div>}
      <div class="ty-row ty-between">
        <Button onClick={() => setQuery({ step: "image" })}>{t("Back")}</Button>
        <div class="ty-row">
          <Button onClick={check}>{t("Check")}</Button>
          {!draft.edit && <Button onClick={() => make("try_once")} title={t("On the processor, at most {seconds} seconds", { seconds: number(view.try_seconds) })}>{t("Try one batch")}</Button>}
          {!draft.edit && <LinkButton href={`search_new?${new URLSearchParams(query)}`}>{t("Search hyper-parameters")}</LinkButton>}
          <Button kind="primary" icon="play" onClick={() => make("create")}>{draft.edit ? t("Save and start") : t("Start training")}</Button>
        </div>
      </div>
    </>
  );
}

adoptDataStyle();

export default definePage(TrainingNew);
