// Short messages at the edge of the page; a screen reader hears them too.
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.jsx";
import { t } from "./words.js";

let listeners = new Set();
let shown = [];
let next = 0;

function publish(messages) {
  shown = messages;
  for (const listener of listeners) listener(shown);
}

// kind: good | bad | info. A bad one stays until it is closed.
export function toast(message, { kind = "good", hint = "" } = {}) {
  const id = ++next;
  publish([...shown, { id, message, hint, kind }].slice(-4));
  if (kind !== "bad") setTimeout(() => dismiss(id), 5000);
}

export const dismiss = (id) => publish(shown.filter((message) => message.id !== id));

// Shows a refusal as the service worded it.
export function failed(error) {
  toast(error?.message ?? String(error), { kind: "bad", hint: error?.hint ?? "" });
}

export function Toasts() {
  const [messages, setMessages] = useState(shown);
  useEffect(() => {
    listeners.add(setMessages);
    return () => listeners.delete(setMessages);
  }, []);
  return (
    <div class="ty-toasts" role="status" aria-live="polite">
      {messages.map(({ id, message, hint, kind }) => (
        <div key={id} class={`ty-toast ty-toast-${kind}`}>
          <Icon name={kind === "bad" ? "warning" : "check"} />
          <div><div>{message}</div>{hint && <div class="ty-muted">{hint}</div>}</div>
          <button class="ty-close" aria-label={t("Close")} onClick={() => dismiss(id)}><Icon name="cross" size={16} /></button>
        </div>
      ))}
    </div>
  );
}

// Says so when the page has lost its kernel for more than a moment, or waits for the service (``slow``).
export function ConnectionNote({ model, slow }) {
  const [away, setAway] = useState("");
  useEffect(() => {
    let timer;
    const connection = (connected) => {
      clearTimeout(timer);
      if (connected) setAway("");
      else timer = setTimeout(() => setAway(t("Connection lost, trying again …")), 1500);
    };
    const lost = () => {
      clearTimeout(timer);
      timer = setTimeout(() => setAway(t("The platform does not answer. This page comes back by itself.")), 1500);
    };
    const silent = (is) => {
      clearTimeout(timer);
      setAway(is ? t("The platform does not answer. This page comes back by itself.") : "");
    };
    model.on("connection", connection);
    model.on("lost", lost);
    model.on("silent", silent);
    return () => {
      clearTimeout(timer);
      model.off("connection", connection);
      model.off("lost", lost);
      model.off("silent", silent);
    };
  }, [model]);
  const told = away || (slow ? t("The platform takes long to answer. This page goes on as soon as it does.") : "");
  return told ? <div class="ty-connection" role="alert">{told}</div> : null;
}
