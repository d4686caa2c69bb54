// The notices behind the bell in the head of the page.
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons.jsx";
import { usePage, useTrait } from "./page.jsx";
import { Time } from "./time.jsx";
import { failed } from "./toast.jsx";
import { t } from "./words.js";

export function Bell() {
  const { send } = usePage();
  const person = useTrait("person") ?? {};
  const [open, setOpen] = useState(false);
  const [notices, setNotices] = useState(null);
  const box = useRef(null);

  const toggle = async () => {
    setOpen(!open);
    if (open) return;
    try {
      setNotices(await send("notices"));
      if (person.unread) await send("read_notices");
    } catch (error) {
      failed(error);
    }
  };
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => !box.current?.contains(event.target) && setOpen(false);
    const key = (event) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      box.current.querySelector("button").focus();
    };
    addEventListener("pointerdown", outside);
    addEventListener("keydown", key);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("keydown", key);
    };
  }, [open]);

  const label = person.unread ? t("Notices, {count} unread", { count: person.unread }) : t("Notices");
  return (
    <div class="ty-bell" ref={box}>
      <button class="ty-bell-button" onClick={toggle} aria-expanded={open} aria-label={label} title={label}>
        <Icon name="bell" size={20} />
        {person.unread > 0 && <span class="ty-count">{person.unread > 99 ? "99+" : person.unread}</span>}
      </button>
      {open && (
        <div class="ty-menu ty-notices">
          {notices === null && <div class="ty-menu-note">{t("Loading …")}</div>}
          {notices?.length === 0 && <div class="ty-menu-note">{t("No notices yet. What happens to your requests and jobs is told here.")}</div>}
          {notices?.map((notice) => {
            const Row = notice.link ? "a" : "div";
            return (
              <Row key={notice.id} href={notice.link || undefined} class={`ty-notice${notice.read ? "" : " ty-unread"}`}>
                <div>{notice.text}</div>
                <div class="ty-muted"><Time value={notice.at} /></div>
              </Row>
            );
          })}
        </div>
      )}
    </div>
  );
}
