// Dialogs on the browser's own <dialog>: focus stays inside, Escape closes, the page behind is inert.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { usePage } from "./page.jsx";
import { t } from "./words.js";

export function Dialog({ title, onClose, children, footer, wide }) {
  const element = useRef(null);
  useModal(element, focusFirst);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return (
    <dialog class={`ty-dialog${wide ? " ty-dialog-wide" : ""}`} ref={element} onCancel={cancel} aria-label={title}>
      <div class="ty-dialog-head"><h2>{title}</h2><IconButton icon="cross" label={t("Close")} onClick={onClose} /></div>
      <div class="ty-dialog-body">{children}</div>
      {footer && <div class="ty-dialog-foot">{footer}</div>}
    </dialog>
  );
}

// Lays a <dialog> over the page for as long as it is drawn, then leads the focus back to where it came from. Messages go along: behind
// the dialog they would be dark, and neither heard nor closed.
export function useModal(element, focus) {
  const { messages, place } = usePage();
  // before anything else happens: a key pressed at once must find the dialog, not what lies behind it
  useLayoutEffect(() => {
    const dialog = element.current;
    const behind = messages.parentNode;
    dialog.showModal();
    focus(dialog);
    dialog.append(messages);
    return () => {
      if (messages.parentNode === dialog) (behind?.isConnected ? behind : place).append(messages);
      dialog.close();
    };
  }, []);
}

// The first field that is shown gets the focus, or the one that was refused.
export function focusFirst(element) {
  const fields = [...(element?.querySelectorAll(".ty-dialog-body :is(input, select, textarea):not([disabled], [hidden])") ?? [])];
  const shown = fields.filter((field) => field.checkVisibility());
  (shown.find((field) => field.ariaInvalid === "true") ?? shown[0])?.focus();
}

let ask = null;

// Asks before something is done that cannot be undone. ``act`` may return a promise; its refusal is shown, the dialog stays.
export function confirm({ title, text, button, danger = true, act }) {
  ask?.({ title, text, button, danger, act });
}

export function ConfirmHost() {
  const [question, setQuestion] = useState(null);
  useEffect(() => {
    ask = setQuestion;
    return () => void (ask = null);
  }, []);
  if (!question) return null;
  const close = () => setQuestion(null);
  const act = async () => {
    await question.act();
    close();
  };
  return (
    <Dialog title={question.title} onClose={close} footer={<><Button onClick={close}>{t("Cancel")}</Button><Button kind={question.danger ? "danger" : "primary"} onClick={act}>{question.button}</Button></>}>
      <p>{question.text}</p>
    </Dialog>
  );
}
