// What a page shows when there is nothing, not yet, or not any more.
import { Button, LinkButton } from "./button.jsx";
import { Icon } from "./icons.jsx";
import { useTitle } from "./page.jsx";
import { t } from "./words.js";

// Says what belongs here and what to do next; ``children`` are the buttons.
export function EmptyState({ icon = "box", title, text, children }) {
  return (
    <div class="ty-empty">
      <div class="ty-empty-icon"><Icon name={icon} size={28} /></div>
      <h3>{title}</h3>
      {text && <p class="ty-muted">{text}</p>}
      {children && <div class="ty-row ty-center">{children}</div>}
    </div>
  );
}

export function ErrorState({ error, retry, small }) {
  useTitle(small ? "" : error.message);
  if (small) {
    return (
      <div class="ty-note ty-note-bad" role="alert">
        <strong>{error.message}</strong>
        {error.hint && <p>{error.hint}</p>}
        {retry && <Button icon="refresh" small onClick={retry}>{t("Try again")}</Button>}
      </div>
    );
  }
  return (
    <div class="ty-card ty-empty" role="alert">
      <div class="ty-empty-icon ty-bad"><Icon name="warning" size={28} /></div>
      <h1>{error.message}</h1>
      {error.hint && <p class="ty-muted">{error.hint}</p>}
      <div class="ty-row ty-center">
        {retry && <Button icon="refresh" onClick={retry}>{t("Try again")}</Button>}
        <LinkButton href="overview">{t("To the overview")}</LinkButton>
      </div>
    </div>
  );
}

// A note inside a page. kind: info | warn | bad | good
export function Note({ kind = "info", title, children }) {
  return (
    <div class={`ty-note ty-note-${kind}`}>
      {title && <strong>{title}</strong>}
      <div>{children}</div>
    </div>
  );
}

// Grey bars where rows will be, as high as they will be, so that nothing jumps.
export function Skeleton({ rows = 4, height = 20 }) {
  return (
    <div class="ty-skeleton" role="status" aria-label={t("Loading …")}>
      {Array.from({ length: rows }, (_, row) => <div key={row} style={{ height: `${height}px`, width: `${92 - ((row * 17) % 40)}%` }} />)}
    </div>
  );
}
