// Buttons that show when their action is under way and tell when it failed.
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons.jsx";
import { failed, toast } from "./toast.jsx";
import { t } from "./words.js";

// kind: primary | plain | danger | quiet. ``onClick`` may return a promise: the button is busy until it settles, a refusal is shown.
export function Button({ kind = "plain", icon, children, onClick, disabled, title, type = "button", small, busy = false, ...rest }) {
  const [working, setWorking] = useState(false);
  const present = useRef(true);
  useEffect(() => () => void (present.current = false), []);
  const click = async (event) => {
    if (!onClick || working) return;
    const answer = onClick(event);
    if (typeof answer?.then !== "function") return;
    setWorking(true);
    try {
      await answer;
    } catch (error) {
      failed(error);
    } finally {
      if (present.current) setWorking(false);
    }
  };
  const waiting = working || busy;
  return (
    <button type={type} class={`ty-button ty-button-${kind}${small ? " ty-button-small" : ""}`} onClick={click} disabled={disabled} aria-busy={waiting} aria-disabled={waiting || undefined} title={title} {...rest}>
      {waiting ? <span class="ty-spinner" aria-hidden="true" /> : icon && <Icon name={icon} size={small ? 16 : 18} />}
      {children}
    </button>
  );
}

export function IconButton({ icon, label, ...rest }) {
  return <Button kind="quiet" icon={icon} aria-label={label} title={label} small {...rest} />;
}

export function LinkButton({ kind = "plain", icon, href, children, small, ...rest }) {
  return (
    <a class={`ty-button ty-button-${kind}${small ? " ty-button-small" : ""}`} href={href} {...rest}>
      {icon && <Icon name={icon} size={small ? 16 : 18} />}
      {children}
    </a>
  );
}

export function CopyButton({ text, label }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    toast(t("Copied."));
  };
  return <Button small icon="copy" onClick={copy}>{label ?? t("Copy")}</Button>;
}
