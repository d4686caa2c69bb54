// A state as colour, shape and word, so that it reads without colour too.
import { Icon } from "./icons.jsx";
import { N_, t } from "./words.js";

const STATES = {
  created: ["wait", "clock", N_("created")],
  queued: ["wait", "clock", N_("queued")],
  creating: ["busy", "refresh", N_("being made")],
  starting: ["busy", "refresh", N_("starting")],
  running: ["busy", "play", N_("running")],
  stopping: ["busy", "stop", N_("stopping")],
  building: ["busy", "refresh", N_("being built")],
  finished: ["good", "check", N_("finished")],
  ready: ["good", "check", N_("ready")],
  done: ["good", "check", N_("done")],
  active: ["good", "check", N_("active")],
  ok: ["good", "check", N_("ok")],
  failed: ["bad", "cross", N_("failed")],
  blocked: ["bad", "cross", N_("blocked")],
  missing: ["wait", "warning", N_("missing")],
  stopped: ["wait", "stop", N_("stopped")],
  cancelled: ["wait", "stop", N_("cancelled")],
  applied: ["warn", "clock", N_("waiting for approval")],
};

export function StateBadge({ state, text }) {
  const [tone, icon, word] = STATES[state] ?? ["wait", "dots", state];
  return (
    <span class={`ty-badge ty-badge-${tone}`} data-state={state}>
      <Icon name={icon} size={14} />
      {text ?? t(word)}
    </span>
  );
}

export function Tag({ children, tone = "wait" }) {
  return <span class={`ty-badge ty-badge-${tone}`}>{children}</span>;
}
