// Which classes the pictures are filtered by: several at once, searched for where there are many.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "../button.jsx";
import { number } from "../format.js";
import { t } from "../words.js";

const SEARCHED = 12;
const SHOWN = 200;

// In the address one class stands as it is, several as JSON; a name that looks like JSON too.
export function writtenClasses(names) {
  if (names.length === 1 && !names[0].startsWith("[")) return names[0];
  return names.length ? JSON.stringify(names) : "";
}

export function chosenClasses(text) {
  if (!text) return [];
  try {
    const names = text.startsWith("[") && JSON.parse(text);
    return Array.isArray(names) ? names.map(String) : [text];
  } catch {
    return [text];
  }
}

export function ClassFilter({ set, chosen, onChange }) {
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const box = useRef(null);
  useLayoutEffect(() => {
    if (!open) return undefined;
    box.current.querySelector(".ty-filter-panel input")?.focus();
    const outside = (event) => !box.current?.contains(event.target) && setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const key = (event) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    box.current.querySelector("button").focus();
  };
  const toggle = (name) => onChange(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const found = set.bars.filter((bar) => bar.class.toLowerCase().includes(search.toLowerCase()));
  const word = chosen.length === 0 ? t("all classes") : chosen.length === 1 ? chosen[0] : t("{count} classes", { count: number(chosen.length) });
  return (
    <div class="ty-filter" ref={box} onKeyDown={key}>
      <Button icon="search" aria-expanded={open} aria-haspopup="dialog" onClick={() => setOpen(!open)} title={chosen.join(", ")}><span class="ty-ellipsis">{word}</span></Button>
      {open && (
        <div class="ty-menu ty-filter-panel" role="dialog" aria-label={t("Classes")}>
          {set.bars.length > SEARCHED && <input class="ty-input" type="search" value={search} placeholder={t("Find a class")} aria-label={t("Find a class")} onInput={(event) => setSearch(event.target.value)} />}
          <div class="ty-filter-list">
            {found.slice(0, SHOWN).map((bar) => (
              <label key={bar.class} class="ty-filter-row">
                <input type="checkbox" name="class" value={bar.class} checked={chosen.includes(bar.class)} onChange={() => toggle(bar.class)} />
                <span class="ty-ellipsis" title={bar.class}>{bar.class}</span><span class="ty-muted ty-small ty-numbers">{number(bar.images || bar.count)}</span>
              </label>
            ))}
            {found.length > SHOWN && <p class="ty-muted ty-small ty-filter-row">{t("and {count} more", { count: number(found.length - SHOWN) })}</p>}
          </div>
          <div class="ty-row ty-between ty-filter-foot"><Button small kind="quiet" disabled={!chosen.length} onClick={() => onChange([])}>{t("all classes")}</Button><Button small onClick={() => setOpen(false)}>{t("Done")}</Button></div>
        </div>
      )}
    </div>
  );
}
