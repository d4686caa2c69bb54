// A menu behind three dots: arrows move, Escape closes, and what cannot be done says why.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "./button.jsx";
import { Icon } from "./icons.jsx";
import { failed } from "./toast.jsx";

// ``items``: [{label, icon, onChoose, refused?, danger?}]; ``refused`` is the reason an item cannot be chosen. ``onChoose`` may return
// a promise: what it refuses is shown.
export function Menu({ label, items, icon = "dots" }) {
  const [place, setPlace] = useState(null);
  const box = useRef(null);
  const list = useRef(null);
  useLayoutEffect(() => {
    if (!place) return undefined;
    list.current?.querySelector("button:not([aria-disabled=true])")?.focus({ preventScroll: true });
    const outside = (event) => !box.current?.contains(event.target) && setPlace(null);
    // the end of a scroll from before the menu was opened is told late
    const away = () => box.current && Math.abs(box.current.getBoundingClientRect().top - place.at) > 1 && setPlace(null);
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
    const style = { right: `${Math.max(8, innerWidth - corner.right)}px`, [above ? "bottom" : "top"]: `${from + 4}px` };
    return setPlace({ at: corner.top, style });
  };
  const choose = (item) => {
    if (item.refused) return;
    setPlace(null);
    box.current.querySelector("button").focus(); // a dialog leads back to it
    item.onChoose()?.catch?.(failed);
  };
  const move = (event) => {
    if (event.key === "Escape" || event.key === "Tab") {
      setPlace(null);
      box.current.querySelector("button").focus(); // from where Tab goes on
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
        <div class="ty-menu ty-menu-fixed" role="menu" ref={list} style={place.style}>
          {items.map((item) => (
            <button key={item.label} role="menuitem" tabIndex={-1} aria-disabled={Boolean(item.refused)} class={`ty-menu-item${item.danger ? " ty-bad" : ""}`} onClick={() => choose(item)}>
              <Icon name={item.icon} size={16} />
              <span>{item.label}{item.refused && <small>{item.refused}</small>}</span>
            </button>
          ))}
        </div>
      )}
    </span>
  );
}
