// What is wrong with the graph, in a list that opens above the line it stands in.
import { useEffect, useRef, useState } from "preact/hooks";
import { number } from "../format.js";
import { Icon } from "../icons.jsx";
import { t } from "../words.js";

export function GraphProblems({ live, onGo }) {
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => !box.current?.contains(event.target) && setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const { problems } = live;
  if (!problems.length) return null;
  const words = t("{count} problems", { count: number(problems.length) });
  const go = (node) => {
    setOpen(false);
    onGo(node);
  };
  return (
    <div class="ty-problems" ref={box} onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
      <button type="button" class="ty-problems-word" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name="warning" size={16} />{words}</button>
      {open && (
        <ul class="ty-problems-list" aria-label={t("Problems of the graph")}>
          {problems.map((one) => (
            <li key={`${one.node}/${one.code}/${one.field}`}>
              {one.node ? <button type="button" class="ty-chip-go" onClick={() => go(one.node)}>{one.node}</button> : <span class="ty-chip-go">{t("Graph")}</span>}
              <span><strong>{one.message}</strong> {one.hint}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
