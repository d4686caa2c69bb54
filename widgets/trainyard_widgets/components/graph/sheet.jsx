// A panel that comes up from the lower edge where the window is too narrow for it to stand beside the drawing.
import { useRef } from "preact/hooks";
import { IconButton } from "../button.jsx";
import { useModal } from "../dialog.jsx";
import { t } from "../words.js";

// Unlike a dialog it puts the focus on no field: on a phone the keyboard would cover what was to be seen.
export function Sheet({ title, onClose, children }) {
  const element = useRef(null);
  useModal(element, (dialog) => dialog.focus());
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return (
    <dialog class="ty-dialog ty-sheet" ref={element} tabIndex={-1} onCancel={cancel} onClick={(event) => event.target === element.current && onClose()} aria-label={title}>
      <div class="ty-dialog-head"><h2>{title}</h2><IconButton icon="cross" label={t("Close")} onClick={onClose} /></div>
      <div class="ty-dialog-body">{children}</div>
    </dialog>
  );
}
