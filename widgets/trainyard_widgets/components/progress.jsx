// How far a long task is: per cent, elapsed and remaining time.
import { duration, number, percent } from "./format.js";
import { t } from "./words.js";

// ``progress`` is the record {done, total, elapsed, remaining, skipped, message}; null is "has not said yet".
export function Progress({ progress, label }) {
  const part = progress?.total ? Math.min(1, progress.done / progress.total) : null;
  const text = progress?.message || label;
  return (
    <div class="ty-progress">
      <div class="ty-bar" role="progressbar" aria-label={label ?? t("Progress")} aria-valuemin="0" aria-valuemax="100" aria-valuenow={part === null ? undefined : Math.round(part * 100)}>
        <div class={part === null ? "ty-bar-unknown" : ""} style={part === null ? undefined : { width: `${part * 100}%` }} />
      </div>
      <div class="ty-progress-text ty-numbers">
        <span>{part === null ? (text ?? t("Preparing …")) : `${percent(part)} · ${number(progress.done)} / ${number(progress.total)}`}</span>
        {progress && <span>{t("{time} elapsed", { time: duration(progress.elapsed) })}</span>}
        {progress && progress.remaining !== null && progress.remaining !== undefined && <span>{t("{time} left", { time: duration(progress.remaining) })}</span>}
        {progress?.skipped > 0 && <span class="ty-warn">{t("{count} skipped", { count: number(progress.skipped) })}</span>}
      </div>
    </div>
  );
}

// What is used of a limit: a bar and both numbers. ``format`` writes a number; without a limit there is no bar.
export function Meter({ label, used, limit, format = number }) {
  const part = limit ? Math.min(1, used / limit) : null;
  const tone = part !== null && part >= 1 ? "ty-full" : part !== null && part >= 0.8 ? "ty-nearly" : "";
  return (
    <div class="ty-meter">
      <div class="ty-meter-text"><span>{label}</span><span class="ty-numbers">{limit === null || limit === undefined ? t("{used}, no limit", { used: format(used) }) : `${format(used)} / ${format(limit)}`}</span></div>
      <div class="ty-bar" aria-hidden="true"><div class={tone} style={{ width: `${(part ?? 0) * 100}%` }} /></div>
    </div>
  );
}
