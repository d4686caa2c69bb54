// The arrow keys of what is shown large: they lead to the one before and after, wherever in the window the focus is.
import { useLayoutEffect } from "preact/hooks";

// Inside the dialog these use the arrows themselves; a field behind it is out of reach while it is open.
const THEIRS = "dialog :is(input, textarea, select, pre, [role=tablist])";

// Calls ``step(-1)`` and ``step(1)``. Listens as soon as the dialog is drawn, and to the step of its last drawing.
export function useArrows(step) {
  useLayoutEffect(() => {
    const pressed = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.(THEIRS)) return;
      event.preventDefault();
      step(by);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [step]);
}
