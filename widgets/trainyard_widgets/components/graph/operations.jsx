// The operations of a random process: a list to add to, reorder and remove from, each with its parameters.
import { useMemo, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "../button.jsx";
import { Dialog } from "../dialog.jsx";
import { number, percent } from "../format.js";
import { Icon } from "../icons.jsx";
import { Search } from "../table.jsx";
import { t } from "../words.js";
import { MOST_OPERATIONS } from "./model.js";
import { counts, defaultsOf, OperationFields, shownValue } from "./parameters.jsx";
import { SignButton } from "./signs.jsx";

export function Operations({ node, view, editor, live }) {
  const [adding, setAdding] = useState(false);
  const [open, setOpen] = useState(-1);
  const box = useRef(null);
  const set = (ops, what, joined) => editor.set(node.id, { ops }, what, joined);
  const title = (step) => view.operations[step.op]?.title ?? step.op;
  const add = (operation) => {
    set([...node.ops, { op: operation.name, probability: 1, parameters: defaultsOf(operation) }], t("Add {name}", { name: operation.title }));
    setOpen(node.ops.length);
    close(node.ops.length);
  };
  // the focus goes back to the list: to the new operation, or to the button
  const close = (place = -1) => {
    setAdding(false);
    setTimeout(() => (box.current?.querySelectorAll(".ty-op-title")[place] ?? box.current?.querySelector("[data-add]"))?.focus());
  };
  const move = (place, by) => {
    const ops = [...node.ops];
    const [moved] = ops.splice(place, 1);
    ops.splice(place + by, 0, moved);
    set(ops, t("Move {name}", { name: title(moved) }));
    if (open === place) setOpen(place + by);
    else if (open === place + by) setOpen(place);
  };
  const problems = live.problems.filter((problem) => problem.node === node.id && problem.field?.startsWith("ops["));
  return (
    <fieldset class="ty-group" ref={box}>
      <legend>{t("What is done to new pictures")}</legend>
      {node.ops.length > 1 && (
        <div class="ty-mode" role="group" aria-label={t("Several operations")}>
          {[["sequence", t("all, one after another")], ["choice", t("one of them by chance")]].map(([mode, words]) => (
            <label key={mode} class={node.mode === mode ? "ty-chosen" : ""}><input type="radio" name="mode" checked={node.mode === mode} onChange={() => editor.set(node.id, { mode }, t("Several operations: {mode}", { mode: words }))} />{words}</label>
          ))}
        </div>
      )}
      {node.ops.length === 0 && <p class="ty-muted ty-small">{t("Add what new pictures go through: mirroring, turning, noise …")}</p>}
      <ol class="ty-ops">
        {node.ops.map((step, place) => (
          <li key={`${place}/${step.op}`} class="ty-op">
            <div class="ty-op-head">
              <button type="button" class="ty-op-title" aria-expanded={open === place} onClick={() => setOpen(open === place ? -1 : place)}>
                <span class={`ty-op-open${open === place ? " ty-open" : ""}`}><Icon name="chevron" size={14} /></span>
                <span class="ty-op-words"><strong>{title(step)}</strong> <span class="ty-muted ty-small">{stepWords(step, view.operations[step.op], node.mode)}</span></span>
              </button>
              <SignButton sign="up" label={t("Earlier: {name}", { name: title(step) })} refused={place === 0 ? t("It is the first.") : ""} onClick={() => move(place, -1)} />
              <SignButton sign="down" label={t("Later: {name}", { name: title(step) })} refused={place === node.ops.length - 1 ? t("It is the last.") : ""} onClick={() => move(place, 1)} />
              <IconButton icon="trash" label={t("Remove {name}", { name: title(step) })} onClick={() => (set(node.ops.filter((_, other) => other !== place), t("Remove {name}", { name: title(step) })), setOpen(-1))} />
            </div>
            {problems.filter((problem) => problem.field.startsWith(`ops[${place}]`)).map((problem) => <p key={problem.code} class="ty-field-error">{problem.message} {problem.hint}</p>)}
            {open === place && view.operations[step.op] && (
              <OperationFields step={step} operation={view.operations[step.op]} mode={node.mode} onChange={(changed, joined) => set(node.ops.map((one, other) => (other === place ? { ...one, ...changed } : one)), t("Change {name}", { name: title(step) }), joined && `op/${place}/${joined}`)} />
            )}
          </li>
        ))}
      </ol>
      <Button small icon="plus" data-add="operation" disabled={node.ops.length >= MOST_OPERATIONS} title={node.ops.length >= MOST_OPERATIONS ? t("At most {most} operations.", { most: MOST_OPERATIONS }) : undefined} onClick={() => setAdding(true)}>{t("Add operation")}</Button>
      {adding && <Palette operations={view.operations} onChoose={add} onClose={() => close()} />}
    </fieldset>
  );
}

function stepWords(step, operation, mode) {
  const values = (operation?.parameters ?? []).filter((one) => counts(one, step.parameters, operation)).slice(0, 2).map((one) => shownValue(one, step.parameters[one.name] ?? one.default));
  const chance = mode === "choice" ? (step.probability === 1 ? "" : t("weight {value}", { value: number(step.probability, 2) })) : step.probability < 1 ? percent(step.probability) : "";
  return [...values, chance].filter(Boolean).join(" · ");
}

function Palette({ operations, onChoose, onClose }) {
  const [search, setSearch] = useState("");
  const groups = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    const found = Object.values(operations).filter((one) => !wanted || [one.title, one.name, one.text, one.group_title].some((text) => text.toLowerCase().includes(wanted)));
    return [...new Set(found.map((one) => one.group_title))].map((group) => [group, found.filter((one) => one.group_title === group)]);
  }, [operations, search]);
  return (
    <Dialog title={t("Add operation")} wide onClose={onClose}>
      <div class="ty-palette">
        <Search label={t("Search operations")} onSearch={setSearch} />
        {groups.length === 0 && <p class="ty-muted">{t("No operation is called so.")}</p>}
        {groups.map(([group, ones]) => (
          <section key={group}>
            <h3>{group}</h3>
            <div class="ty-palette-grid">
              {ones.map((one) => (
                <button type="button" key={one.name} class="ty-palette-one" data-operation={one.name} onClick={() => onChoose(one)}>
                  <strong>{one.title}</strong>
                  {one.text && <span class="ty-muted ty-small">{one.text}</span>}
                </button>
              ))}
            </div>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
