// All that can be done to the drawn graph, by whatever button, key or drag: selection, changes with names to undo, connecting.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useHistory } from "./history.js";
import { undoKey } from "./keys.js";
import { N_, t } from "../words.js";
import {
  addBehind, after, before, change, completed, connect, disconnect, forgetPlaces, isUntouched, move, nodeOf, outputOf, remove, rename, whyNotAdd, whyNotConnect, whyNotDelete,
} from "./model.js";

const STEP = 20;
const ADDED = { filter: N_("Add a filter"), augment: N_("Add a random process"), output: N_("Add the output") };

// ``begin`` answers the first document; ``labelSet`` is what a new node looks at. ``say(text)`` tells what happened, aloud too.
export function useEditor({ begin, labelSet, say, onHelp }) {
  const history = useHistory(begin);
  const { graph, apply } = history;
  const [chosen, setChosen] = useState(() => ({ node: graph.nodes.find((node) => node.type === "input")?.id ?? null, edge: null }));
  const [connecting, setConnecting] = useState(null);
  const [asked, setAsked] = useState(0);
  const wanted = useRef(null);
  const selected = nodeOf(graph, chosen.node) ? chosen.node : null;

  const editor = useMemo(() => {
    const focus = (id) => {
      const drawn = drawnNode(id);
      if (drawn) return drawn.focus({ preventScroll: true }); // at once, for keys that follow each other quickly
      wanted.current = id;
      return setAsked((old) => old + 1);
    };
    const select = (id) => setChosen((old) => (old.node === id && !old.edge ? old : { node: id, edge: null }));
    const go = (id) => {
      if (!id) return;
      select(id);
      focus(id);
    };
    const refused = (reason) => {
      if (reason) say(reason);
      return Boolean(reason);
    };
    const join = (from, to) => {
      if (refused(whyNotConnect(graph, from, to))) return;
      apply(t("Connect {one} and {other}", { one: from, other: to }), connect(graph, from, to));
      say(t("{one} leads into {other}", { one: from, other: to }));
    };
    const part = (from, to) => {
      apply(t("Disconnect {one} and {other}", { one: from, other: to }), disconnect(graph, from, to));
      setChosen({ node: from, edge: null });
      say(t("{one} does not lead into {other} any more.", { one: from, other: to }));
    };
    const add = (type, behind = selected) => {
      if (refused(whyNotAdd(graph, behind, type))) return;
      const [next, id] = addBehind(graph, behind, type, labelSet);
      apply(t(ADDED[type]), next);
      go(id);
      say(t("{name} was added behind {other}.", { name: id, other: behind }));
    };
    const drop = (edge = chosen.edge) => {
      if (edge) return part(...edge);
      if (refused(whyNotDelete(graph, selected))) return undefined;
      apply(t("Delete {name}", { name: selected }), remove(graph, selected));
      go(before(graph, selected)[0] ?? graph.nodes[0].id);
      return say(t("{name} was deleted.", { name: selected }));
    };
    const begins = (how) => {
      const allowed = how === "connect" ? graph.nodes.map((node) => node.id).filter((id) => !whyNotConnect(graph, selected, id)) : after(graph, selected);
      if (!selected || !allowed.length) return say(how === "connect" ? t("There is no node that this one could lead into.") : t("This node leads into no other."));
      setConnecting({ how, from: selected, allowed, to: allowed[0] });
      return say(how === "connect" ? t("Connect {name} with: {target}. Arrows choose, Enter connects, Escape leaves.", { name: selected, target: allowed[0] }) : t("Disconnect {name} from: {target}. Arrows choose, Enter disconnects, Escape leaves.", { name: selected, target: allowed[0] }));
    };
    const choose = (id) => {
      setConnecting(null);
      if (!connecting || !id) return;
      if (!connecting.allowed.includes(id)) refused(whyNotConnect(graph, connecting.from, id));
      else if (connecting.how === "connect") join(connecting.from, id);
      else part(connecting.from, id);
      go(connecting.from);
    };
    const turn = (by) => {
      const { allowed, to } = connecting;
      const next = allowed[(allowed.indexOf(to) + by + allowed.length) % allowed.length];
      setConnecting({ ...connecting, to: next });
      say(next);
    };
    const leave = () => {
      setConnecting(null);
      if (chosen.edge) setChosen({ node: selected, edge: null });
    };
    const undo = () => history.undone && (history.undo(), say(t("Undone: {what}", { what: history.undone })));
    const redo = () => history.redone && (history.redo(), say(t("Done again: {what}", { what: history.redone })));
    const tidy = () => apply(t("Lay out anew"), forgetPlaces(graph));
    return { focus, select, go, join, part, add, drop, begins, choose, turn, leave, undo, redo, tidy, refused };
  }, [graph, history, chosen, selected, connecting, labelSet, say]);

  // undo and redo from everywhere on the page, but not out of a text being typed
  useEffect(() => {
    const pressed = (event) => {
      const what = undoKey(event);
      if (!what || event.defaultPrevented || document.querySelector("dialog[open]") || event.target.closest?.("textarea, input:not([type=checkbox], [type=radio], [type=range])")) return;
      event.preventDefault();
      editor[what]();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [editor]);

  // What a key on the canvas does; true when it was one of ours.
  const key = (name, at, canvas) => {
    if (connecting) return keyWhileConnecting(name, editor, connecting);
    const way = name.startsWith("move-") ? name.slice(5) : "";
    const acts = {
      filter: () => editor.add("filter", at), augment: () => editor.add("augment", at), output: () => editor.add("output", at),
      connect: () => editor.begins("connect"), disconnect: () => editor.begins("disconnect"), delete: () => editor.drop(), tidy: editor.tidy, help: onHelp,
      open: canvas.open, leave: editor.leave, fit: canvas.fit, larger: () => canvas.zoom(1.2), smaller: () => canvas.zoom(1 / 1.2), undo: editor.undo, redo: editor.redo,
      up: () => editor.go(canvas.next("up") ?? at), down: () => editor.go(canvas.next("down") ?? at), left: () => editor.go(canvas.next("left") ?? at), right: () => editor.go(canvas.next("right") ?? at),
    };
    if (way) canvas.shift(at, { left: [-STEP, 0], right: [STEP, 0], up: [0, -STEP], down: [0, STEP] }[way]);
    else if (acts[name]) acts[name]();
    return Boolean(way || acts[name]);
  };

  return {
    graph, selected, edge: chosen.edge, connecting, wanted, asked, key,
    undone: history.undone, redone: history.redone, undo: editor.undo, redo: editor.redo,
    untouched: isUntouched(graph), hasOutput: Boolean(outputOf(graph)),
    select: editor.select, go: editor.go, leave: editor.leave, focus: editor.focus,
    selectEdge: (edge) => setChosen({ node: selected, edge }),
    add: editor.add, remove: () => editor.drop(null), connect: editor.join, disconnect: editor.part, begins: editor.begins, choose: editor.choose, tidy: editor.tidy,
    whyNotAdd: (type) => whyNotAdd(graph, selected, type),
    moveTo: (id, laid) => apply(t("Move {name}", { name: id }), move(graph, laid)),
    rename: (id, name) => {
      apply(t("Rename {name}", { name: id }), rename(graph, id, name));
      setChosen({ node: name, edge: null });
    },
    // ``what`` names the change for undo; changes with the same ``key`` within a moment are one
    set: (id, fields, what, joined = "") => apply(what ?? t("Change {name}", { name: id }), (old) => change(old, id, fields), joined && `${id}/${joined}`),
    replace: (other, what) => {
      const document = completed(other);
      apply(what, document);
      const first = document.nodes.find((node) => node.type !== "input" && node.type !== "output") ?? document.nodes[0];
      editor.go(first?.id);
    },
  };
}

export const drawnNode = (id) => document.querySelector(`.ty-canvas .react-flow__node[data-id="${CSS.escape(id ?? "")}"]`);

function keyWhileConnecting(name, editor, connecting) {
  if (["up", "left", "down", "right"].includes(name)) editor.turn(name === "up" || name === "left" ? -1 : 1);
  else if (name === "open") editor.choose(connecting.to);
  else if (["leave", "connect", "disconnect"].includes(name)) editor.choose(null);
  else return false;
  return true;
}
