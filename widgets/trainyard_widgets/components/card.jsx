// The frames content stands in.
import { useTitle } from "./page.jsx";

// ``tab`` is what the browser's tab says where that is not the title.
export function PageHeader({ title, tab = title, text, children }) {
  useTitle(tab);
  return (
    <header class="ty-head">
      <div><h1>{title}</h1>{text && <p class="ty-muted">{text}</p>}</div>
      {children && <div class="ty-row">{children}</div>}
    </header>
  );
}

export function Card({ title, text, actions, children, flush, id }) {
  return (
    <section class={`ty-card${flush ? " ty-card-flush" : ""}`} id={id}>
      {(title || actions) && (
        <div class="ty-card-head">
          <div><h2>{title}</h2>{text && <p class="ty-muted">{text}</p>}</div>
          {actions && <div class="ty-row">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

export function Tiles({ children }) {
  return <div class="ty-tiles">{children}</div>;
}

export function Tile({ label, value, note, tone }) {
  return (
    <div class={`ty-tile${tone ? ` ty-tile-${tone}` : ""}`}>
      <div class="ty-tile-label">{label}</div>
      <div class="ty-tile-value ty-numbers">{value}</div>
      {note && <div class="ty-muted">{note}</div>}
    </div>
  );
}

// Pairs of a word and its value. ``rows``: [[word, value, wide?], …]; rows without a value are left out.
export function Facts({ rows }) {
  return (
    <dl class="ty-facts">
      {rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([word, value, wide]) => (
        <div key={word} class={wide ? "ty-fact-wide" : undefined}><dt>{word}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}
