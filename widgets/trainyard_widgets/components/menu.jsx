// A menu behind three dots: arrows move, Escape closes, and what cannot be done says why.
import { useEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "./button.jsx";
import { Icon } from "./icons.jsx";

// ``items``: [{label, icon, onChoose, refused?, danger?}]; ``refused`` is the reason an item cannot be chosen.
export function Menu({ label, items, icon = "dots" }) {
  const [place, setPlace] = useState(null);
  const box = useRef(null);
  const list = useRef(null);
  useEffect(() => {
    if (!place) return undefined;
    list.current?.querySelector("button:not([aria-disabled=true])")?.focus();
    const outside = (event) => !box.current?.contains(event.target) && setPlace(null);
    const away = () => setPlace(null);
    addEventListener("pointerdown", outside);
    addEventListener("scroll", away, true);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("scroll", away, true);
    };
  }, [place]);
  // Fixed to the window, so that no table or card cuts it off.
  const toggle = () => {
    if (place) return setPlace(null);
    const corner = box.current.getBoundingClientRect();
    const height = items.length * 40 + items.filter((item) => item.refused).length * 40 + 16;
    const above = corner.bottom + height > innerHeight && corner.top > height;
    const from = above ? innerHeight - corner.top : corner.bottom;
    return setPlace({ right: `${Math.max(8, innerWidth - corner.right)}px`, [above ? "bottom" : "top"]: `${from + 4}px` });
  };
  const move = (event) => {
    if (event.key === "Escape") {
      setPlace(null);
      box.current.querySelector("button")?.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !list.current) return;
    event.preventDefault();
    const buttons = [...list.current.querySelectorAll("button")];
    buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length]?.focus();
  };
  return (
    <span class="ty-menu-box" ref={box} onKeyDown={move}>
      <IconButton icon={icon} label={label} aria-haspopup="menu" aria-expanded={Boolean(place)} onClick={toggle} />
      {place && (
        <div class="ty-menu ty-menu-fixed" role="menu" ref={list} style={place}>
          {items.map((item) => (
            <button key={item.label} role="menuitem" aria-disabled={Boolean(item.refused)} class={`ty-menu-item${item.danger ? " ty-bad" : ""}`} onClick={() => !item.refused && (setPlace(null), item.onChoose())}>
              <Icon name={item.icon} size={16} />
              <span>{item.label}{item.refused && <small>{item.refused}</small>}</span>
            </button>
          ))}
        </div>
      )}
    </span>
  );
}
