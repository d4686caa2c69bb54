// The preprocessing graph of a dataset: drawn, edited by mouse or keys, checked and previewed as it changes, and run.
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { bytes, Button, Card, confirm, definePage, duration, EmptyState, LinkButton, Note, number, PageHeader, Skeleton, t } from "./components/index.js";
import { Canvas } from "./components/graph/canvas.jsx";
import { exportGraph, HelpDialog, ImportDialog, RunDialog } from "./components/graph/dialogs.jsx";
import { readDraft, useDraft } from "./components/graph/draft.js";
import { useEditor } from "./components/graph/editor.js";
import graphStyle from "./components/graph/graph.css";
import { Labels } from "./components/graph/labels.jsx";
import { useCheck, usePreview } from "./components/graph/live.js";
import { completed, emptyGraph, isUntouched } from "./components/graph/model.js";
import { Panel } from "./components/graph/panel.jsx";
import { GraphProblems } from "./components/graph/problems.jsx";
import { Preview } from "./components/graph/preview.jsx";
import { SeedField } from "./components/graph/seed.jsx";
import { Sheet } from "./components/graph/sheet.jsx";
import { KeepDialog, Recipes, TemplatesDialog } from "./components/graph/templates.jsx";
import { Toolbar, ViewTools } from "./components/graph/toolbar.jsx";
import { adopt, adoptDataStyle } from "./components/style.js";
import { visit } from "./components/places.js";

function GraphPage({ view, send, setQuery }) {
  if (!view) return <Waiting />;
  const { dataset } = view;
  if (dataset.state !== "ready") {
    return (
      <>
        <Head dataset={dataset} />
        <Card><EmptyState icon="clock" title={t("The dataset is not ready yet.")} text={t("A graph can be drawn when its list has been read.")}><LinkButton href={`dataset?id=${dataset.id}`}>{t("To the dataset")}</LinkButton></EmptyState></Card>
      </>
    );
  }
  return <Workbench key={dataset.id} view={view} send={send} setQuery={setQuery} />;
}

function Waiting() {
  return (
    <>
      <p class="ty-crumb">{t("Datasets")}</p>
      <PageHeader title={t("Preprocess")} text=" " />
      <div class="ty-workbench ty-workbench-waiting"><Skeleton rows={6} /><Skeleton rows={4} height={60} /><Skeleton rows={6} /></div>
    </>
  );
}

function Head({ dataset, text, children }) {
  return (
    <>
      <p class="ty-crumb"><a href="datasets">{t("Datasets")}</a> / <a href={`dataset?id=${dataset.id}`}>{dataset.name}</a></p>
      <PageHeader title={t("Preprocess {name}", { name: dataset.name })} text={text}>{children}</PageHeader>
    </>
  );
}

const narrow = matchMedia("(width <= 1023px)");

function Workbench({ view, send, setQuery }) {
  const { dataset } = view;
  const key = `${view.me}:${dataset.id}`;
  const draft = useMemo(() => readDraft(key), [key]);
  const [seed, setSeed] = useState(draft?.seed ?? 0);
  const [labelSet, setLabelSet] = useState(view.label_sets[0]?.key ?? "");
  const [said, setSaid] = useState("");
  const [dialog, setDialog] = useState("");
  const canvas = useRef(null);
  const panel = useRef(null);
  const taken = useRef(false);
  const say = useCallback((text) => setSaid(text), []);
  const editor = useEditor({ begin: () => (draft ? completed(draft.graph) : emptyGraph()), labelSet, say, onHelp: () => setDialog("help") });
  const { graph, selected } = editor;
  const live = useCheck(send, graph, seed);
  const structural = live.problems.length > 0 && !live.counts[selected];
  const ready = live.asked !== null && !live.error && !structural;
  const preview = usePreview(send, { graph, seed, node: selected, ready: ready && live.fresh });
  const kept = useDraft(key, isUntouched(graph) ? null : { graph, seed });
  const problems = live.problems;
  const refused = problems.length ? t("There are problems to solve first.") : live.error ? live.error.message : "";

  const open = () => {
    if (narrow.matches) return setDialog("panel");
    const first = panel.current?.querySelector(".ty-panel-part :is(input, select, button), .ty-panel :is(input, select, button)");
    return first?.focus();
  };
  const back = (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    editor.focus(selected);
  };
  const take = (document, what) => {
    editor.replace(document, what);
    setDialog("");
  };
  const clear = () => confirm({ title: t("Begin anew?"), text: t("The graph becomes input and output again. Undo brings it back."), button: t("Begin anew"), danger: false, act: () => editor.replace(emptyGraph(), t("Begin anew")) });
  // the graph of a dataset that was made of this one; undo brings back what was drawn before
  useEffect(() => {
    if (!view.made || taken.current) return;
    taken.current = true;
    editor.replace(view.made.graph, t("Look at the graph"));
    setSeed(view.made.seed);
    setQuery({ made: "" }, { replace: true });
  }, [view.made]);
  useEffect(() => void (panel.current && (panel.current.scrollTop = 0)), [selected]);
  const close = () => {
    setDialog("");
    editor.focus(selected);
  };
  const labels = <Labels view={view} chosen={labelSet} onChoose={setLabelSet} count={live.counts[selected]} node={selected} />;
  const start = editor.untouched && <Start view={view} labelSet={labelSet} onTake={take} />;
  const settings = <Panel editor={editor} view={view} live={live} start={start} />;
  return (
    <>
      <Head dataset={dataset} text={<Estimate live={live} />}>
        {!editor.untouched && <Button kind="quiet" onClick={clear}>{t("Begin anew")}</Button>}
        <Button kind="primary" icon="play" disabled={Boolean(refused) || !live.fresh || editor.untouched} title={refused || (editor.untouched ? t("Add a node first: this graph would only copy the dataset.") : undefined)} onClick={() => setDialog("run")}>{t("Make the dataset")}</Button>
      </Head>
      <div class="ty-workbench">
        <aside class="ty-side ty-side-labels" aria-label={t("Labels of the dataset")}><h2>{t("Labels")}</h2>{labels}</aside>
        <section class="ty-drawing" aria-label={t("The graph")}>
          <Toolbar editor={editor} onOpen={open} onLabels={() => setDialog("labels")} onHelp={() => setDialog("help")} onTemplates={() => setDialog("templates")} onKeep={() => setDialog("keep")} onImport={() => setDialog("import")} onExport={() => exportGraph(graph, dataset.name)} />
          <Canvas editor={editor} operations={view.operations} live={live} onOpen={open} onReady={(tools) => void (canvas.current = tools)}>
            <ViewTools canvas={canvas} onHelp={() => setDialog("help")} />
          </Canvas>
          <div class="ty-canvas-foot">
            <GraphProblems live={live} onGo={editor.go} />
            <p class={`ty-said${editor.connecting ? " ty-said-now" : ""}`} role="status">{said || (kept ? t("Kept in this browser as you draw. Press ? for the keys.") : "")}</p>
          </div>
        </section>
        <aside class="ty-side ty-side-panel" aria-label={t("Settings of the node")} ref={panel} onKeyDown={back}>{settings}</aside>
      </div>
      {!kept && <div class="ty-gap-top"><Note kind="warn" title={t("This browser keeps no draft.")}>{t("Save the graph as a template or export it before you leave the page.")}</Note></div>}
      {start && <div class="ty-start-phone"><Card>{start}</Card></div>}
      <Card title={selected ? t("Eight pictures at {name}", { name: selected }) : t("Eight pictures")} text={t("The same eight all through the graph. What is drawn at random follows the seed: the run makes exactly these.")} actions={<SeedField value={seed} onChange={setSeed} />}>
        <Preview preview={preview} node={selected} graph={graph} ready={ready} why={structural ? t("They appear when the problems of the graph are solved.") : t("Loading …")} />
      </Card>
      {dialog === "labels" && <Sheet title={t("Labels")} onClose={close}>{labels}</Sheet>}
      {dialog === "panel" && <Sheet title={t("Settings")} onClose={close}>{settings}</Sheet>}
      {dialog === "help" && <HelpDialog onClose={close} />}
      {dialog === "templates" && <TemplatesDialog view={view} graph={graph} untouched={editor.untouched} labelSet={labelSet} send={send} onTake={take} onClose={close} />}
      {dialog === "keep" && <KeepDialog view={view} graph={graph} send={send} onClose={close} />}
      {dialog === "import" && <ImportDialog send={send} onTake={take} onClose={close} />}
      {dialog === "run" && <RunDialog view={view} graph={graph} seed={seed} estimate={live.estimate} send={send} onClose={close} onBegun={(id) => visit(`dataset?id=${id}`)} />}
    </>
  );
}

function Estimate({ live }) {
  const { estimate } = live;
  if (live.error) return <span class="ty-bad" role="alert">{live.error.message} {live.error.hint}</span>;
  if (estimate && !estimate.new) return <span class={live.fresh ? "ty-numbers" : "ty-numbers ty-stale"}>{t("{pictures} pictures will come out, none of them new.", { pictures: number(estimate.pictures) })}</span>;
  if (!estimate) return <span>{live.problems.length ? t("Solve the problems below to see what will come out.") : t("Counting …")}</span>;
  return <span class={live.fresh ? "ty-numbers" : "ty-numbers ty-stale"}>{t("{pictures} pictures will come out, {new} of them new; about {bytes} and {time}.", { pictures: number(estimate.pictures), new: number(estimate.new), bytes: bytes(estimate.bytes), time: duration(Math.max(1, estimate.seconds)) })}</span>;
}

// The first steps, beside a graph that is only input and output.
function Start({ view, labelSet, onTake }) {
  const set = view.label_sets.find((one) => one.key === labelSet);
  return (
    <section class="ty-start">
      <h3>{t("What should become of this dataset?")}</h3>
      <Recipes view={view} set={set} onTake={onTake} />
      <p class="ty-muted ty-small">{t("Or press Filter or Random process: the new node stands behind the selected one.")}</p>
    </section>
  );
}

adoptDataStyle();
adopt(graphStyle);

export default definePage(GraphPage);
