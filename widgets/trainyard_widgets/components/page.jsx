// What makes a Preact component a page: its data, its URL parameters, its actions; works under our host and in JupyterLab alike.
import { createContext, render } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import { ErrorState } from "./states.jsx";
import { Bell } from "./bell.jsx";
import { ConnectionNote, Toasts } from "./toast.jsx";
import { ConfirmHost } from "./dialog.jsx";
import { leadLinks } from "./places.js";
import { setWords, t } from "./words.js";

const PageContext = createContext(null);

export function definePage(Component) {
  return {
    render({ model, el }) {
      setWords(model.get("words"), model.get("language"));
      el.classList.add("ty");
      const room = followWidth(el);
      leadLinks(el);
      const messages = document.createElement("div");
      const page = { ...makePage(model), messages, place: el };
      el.replaceChildren();
      render(<PageContext.Provider value={page}><Frame Component={Component} /></PageContext.Provider>, el);
      render(<PageContext.Provider value={page}><Messages /></PageContext.Provider>, messages);
      if (!messages.parentNode) el.append(messages); // else a dialog that is open from the first has them
      drawShell(page);
      return () => {
        room.disconnect();
        render(null, messages);
        render(null, el);
        page.end();
      };
    },
  };
}

const ROOMS = { "ty-slim": 608, "ty-middle": 828 }; // windows of 640 and 860 pixels without their edges

// How a page is laid out follows the place it has: in a notebook that is not the window.
function followWidth(el) {
  const fit = () => {
    if (el.clientWidth) for (const [name, most] of Object.entries(ROOMS)) el.classList.toggle(name, el.clientWidth <= most);
  };
  fit();
  const observer = new ResizeObserver(() => requestAnimationFrame(fit)); // its height may follow, which is not to be told at once
  observer.observe(el);
  return observer;
}

function Frame({ Component }) {
  const { model, send } = useContext(PageContext);
  const view = useTrait("view");
  const signedOut = view?.error?.code === "not-signed-in";
  useEffect(() => {
    if (signedOut && model.hosted) model.reload(); // the sign-in brings the viewer back to this address
  }, [signedOut, model]);
  const [query, setQuery] = useQuery();
  const ready = view && Object.keys(view).length > 0;
  const error = view?.error;
  const data = ready && Object.keys(view).some((key) => key !== "error") ? view : undefined;
  return (
    <>
      {error && !data ? (
        <ErrorState error={error} retry={() => send("reload_page")} />
      ) : (
        <>
          {error && <ErrorState error={error} retry={() => send("reload_page")} small />}
          <Component view={data} query={query} setQuery={setQuery} send={send} model={model} />
        </>
      )}
      <ConfirmHost />
    </>
  );
}

// What is told whatever lies in front, so they are drawn into a place of their own that goes from dialog to dialog.
function Messages() {
  const { model } = useContext(PageContext);
  const [slow, view] = [useTrait("slow"), useTrait("view")];
  return <><Toasts /><ConnectionNote model={model} slow={slow && !view?.error} /></>;
}

function drawShell(page) {
  const place = document.getElementById("ty-bell");
  if (place && page.model.hosted) {
    place.replaceChildren();
    render(<PageContext.Provider value={page}><Bell /></PageContext.Provider>, place);
  }
}

// The page's side of the wire: actions with their answers, pushed data, and the address bar.
function makePage(model) {
  const pending = new Map();
  const pushed = new Map();
  let last = 0;

  const receive = (message) => {
    if (message.push !== undefined) for (const listener of pushed.get(message.push) ?? []) listener(message.data);
    const call = pending.get(message.reply);
    if (!call) return;
    pending.delete(message.reply);
    if (message.error) call.reject(message.error);
    else call.resolve(message.result);
  };
  const disconnected = (connected) => {
    if (connected) return;
    for (const call of pending.values()) call.reject({ code: "connection-lost", message: t("The connection was lost before the answer came."), hint: t("Look whether it was done, then try again.") });
    pending.clear();
  };
  const moved = () => {
    model.set("query", readQuery());
    model.save_changes();
  };
  model.on("msg:custom", receive);
  model.on("connection", disconnected);
  if (model.hosted) addEventListener("popstate", moved);

  return {
    model,
    pushed,
    send(action, args = {}) {
      const id = ++last;
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject });
        model.send({ action, id, args });
      });
    },
    end() {
      model.off("msg:custom", receive);
      model.off("connection", disconnected);
      removeEventListener("popstate", moved);
    },
  };
}

// What the browser calls this page, in its tabs and its history; a notebook keeps its own name.
export function useTitle(title) {
  const { model } = useContext(PageContext);
  useEffect(() => {
    if (model.hosted && title) document.title = `${title} · Trainyard`;
  }, [model, title]);
}

export const usePage = () => useContext(PageContext);
export const useSend = () => useContext(PageContext).send;

// The value of a synced trait; draws again when it changes.
export function useTrait(name) {
  const { model } = useContext(PageContext);
  const [value, setValue] = useState(() => model.get(name));
  useEffect(() => {
    const changed = () => setValue(model.get(name));
    changed();
    model.on(`change:${name}`, changed);
    return () => model.off(`change:${name}`, changed);
  }, [model, name]);
  return value;
}

// Calls ``listener(data)`` for everything Python pushes under ``topic``.
export function usePush(topic, listener) {
  const { pushed } = useContext(PageContext);
  useEffect(() => {
    if (!pushed.has(topic)) pushed.set(topic, new Set());
    pushed.get(topic).add(listener);
    return () => pushed.get(topic).delete(listener);
  }, [pushed, topic, listener]);
}

function readQuery() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

// The URL's parameters and a setter that merges: an empty value removes the parameter; ``replace`` adds no history entry.
export function useQuery() {
  const { model } = useContext(PageContext);
  const query = useTrait("query") ?? {};
  const setQuery = useCallback(
    (change, { replace = false } = {}) => {
      const merged = Object.entries({ ...model.get("query"), ...change }).filter(([, value]) => value !== null && value !== undefined && value !== "");
      const next = Object.fromEntries(merged.map(([key, value]) => [key, String(value)]));
      if (model.hosted) {
        const address = new URL(location.href);
        address.search = new URLSearchParams(next).toString();
        history[replace ? "replaceState" : "pushState"](null, "", address);
      }
      model.set("query", next);
      model.save_changes();
    },
    [model],
  );
  return useMemo(() => [query, setQuery], [query, setQuery]);
}
