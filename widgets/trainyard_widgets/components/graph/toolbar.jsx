// The line of buttons above the drawing, and those in its corner.
import { Menu } from "../menu.jsx";
import { t } from "../words.js";
import { SignButton } from "./signs.jsx";

// How the drawing is looked at, in its corner.
export function ViewTools({ canvas, onHelp }) {
  return (
    <div class="ty-view-tools" role="group" aria-label={t("View")}>
      <SignButton sign="plus" label={t("Larger")} onClick={() => canvas.current?.zoom(1.25)} />
      <SignButton sign="minus" label={t("Smaller")} onClick={() => canvas.current?.zoom(1 / 1.25)} />
      <SignButton sign="fit" label={t("Everything in view")} onClick={() => canvas.current?.fit()} />
      <SignButton sign="question" label={t("Keys and how it works")} onClick={onHelp} />
    </div>
  );
}

export function Toolbar({ editor, onOpen, onTemplates, onKeep, onImport, onExport, onHelp, onLabels }) {
  const hint = t("behind the selected node");
  const more = [
    { label: t("Save as template"), icon: "plus", onChoose: onKeep },
    { label: t("Import …"), icon: "upload", onChoose: onImport },
    { label: t("Export as JSON"), icon: "download", onChoose: onExport },
    { label: t("Lay out anew"), icon: "refresh", onChoose: editor.tidy },
    { label: t("Keys and how it works"), icon: "info", onChoose: onHelp },
  ];
  return (
    <div class="ty-toolbar" role="toolbar" aria-label={t("What to do with the graph")}>
      <div class="ty-tools">
        <SignButton sign="filter" label={t("Filter")} hint={hint} refused={editor.whyNotAdd("filter")} onClick={() => editor.add("filter")}>{t("Filter")}</SignButton>
        <SignButton sign="augment" label={t("Random process")} hint={hint} refused={editor.whyNotAdd("augment")} onClick={() => editor.add("augment")}>{t("Random process")}</SignButton>
        <SignButton sign="output" label={t("Output")} hint={hint} refused={editor.whyNotAdd("output")} onClick={() => editor.add("output")}>{t("Output")}</SignButton>
      </div>
      <div class="ty-tools">
        <SignButton sign="link" label={t("Connect")} hint={t("choose the target next")} pressed={Boolean(editor.connecting)} refused={editor.selected ? "" : t("Select a node first.")} onClick={() => (editor.connecting ? editor.choose(null) : (editor.begins("connect"), editor.focus(editor.selected)))} />
        <SignButton sign="undo" label={t("Undo")} hint={editor.undone} refused={editor.undone ? "" : t("Nothing to undo.")} onClick={editor.undo} />
        <SignButton sign="redo" label={t("Redo")} hint={editor.redone} refused={editor.redone ? "" : t("Nothing to redo.")} onClick={editor.redo} />
      </div>
      <div class="ty-tools ty-tools-end">
        <button type="button" class="ty-button ty-button-small ty-button-quiet" onClick={onTemplates}>{t("Templates")}</button>
        <Menu label={t("More for the graph")} items={more} />
      </div>
      <div class="ty-tools ty-tools-phone">
        <button type="button" class="ty-button ty-button-small" onClick={onLabels}>{t("Labels")}</button>
        <button type="button" class="ty-button ty-button-small" disabled={!editor.selected} onClick={onOpen}><span class="ty-ellipsis">{t("Settings of {name}", { name: editor.selected ?? "–" })}</span></button>
      </div>
    </div>
  );
}
