// Distributions to look at: bars over ranges, and a map of widths against heights. Both tell their numbers to a pointer and in a table.
import { number, percent } from "../format.js";
import { t } from "../words.js";

// From one edge to the next; the last bin may have no end.
const between = (low, high, show) => (high === null ? t("{from} and more", { from: show(low) }) : t("{from} to {to}", { from: show(low), to: show(high) }));

// ``edges`` are one more than ``counts``; ``show`` writes an edge, ``say`` a count with what is counted, ``unit``.
export function Histogram({ edges, counts, show = number, say, label, unit, axis }) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const most = Math.max(1, ...counts);
  const range = (place) => between(edges[place], edges[place + 1], show);
  const every = Math.ceil(counts.length / 11);
  return (
    <figure class="ty-histogram">
      <div class="ty-histogram-plot" role="img" aria-label={`${label}: ${t("{things}, most of them {range}", { things: say(total), range: range(counts.indexOf(most)) })}`} style={{ gridTemplateColumns: `repeat(${counts.length}, minmax(0, 1fr))` }}>
        {counts.map((count, place) => (
          <span key={place} class="ty-histogram-cell" title={`${range(place)}: ${say(count)} (${percent(total ? count / total : 0, 1)})`}>
            <span class="ty-histogram-bar" style={{ height: count ? `max(2px, ${(count / most) * 100}%)` : "0" }} />
          </span>
        ))}
      </div>
      <div class="ty-histogram-edges" aria-hidden="true">
        {edges.map((edge, place) => (place % every === 0 ? <span key={place} style={{ insetInlineStart: `${(place / counts.length) * 100}%` }}>{edge === null ? "…" : show(edge)}</span> : null))}
      </div>
      <figcaption class="ty-muted ty-small">{axis}</figcaption>
      <Numbers head={[axis, unit]} rows={counts.map((count, place) => [range(place), number(count)]).filter(([, count]) => count !== "0")} />
    </figure>
  );
}

// ``counts[row][column]``: pictures by height and width. Darker is more; one hue, so that every eye sees the order.
export function SizeMap({ widths, heights, counts, label }) {
  const most = Math.max(1, ...counts.flat());
  const shade = (count) => (count ? 0.12 + 0.88 * (Math.log(count + 1) / Math.log(most + 1)) : 0);
  const rows = counts.map((row, place) => ({ place, row })).reverse();
  const words = (row, column) => t("{width} wide, {height} high", { width: between(widths[column], widths[column + 1], number), height: between(heights[row], heights[row + 1], number) });
  const edge = (value) => (value === null ? "…" : number(value));
  return (
    <figure class="ty-sizemap">
      <div class="ty-sizemap-y ty-muted ty-small">{t("height in pixels")}</div>
      <div class="ty-sizemap-grid" role="img" aria-label={label} style={{ gridTemplateColumns: `max-content repeat(${widths.length - 1}, minmax(0, 1fr))` }}>
        {rows.map(({ row, place }) => (
          <>
            <span key={`edge${place}`} class="ty-sizemap-edge ty-sizemap-row">{edge(heights[place + 1])}</span>
            {row.map((count, column) => <span key={`${place}-${column}`} class="ty-sizemap-cell" title={count ? `${words(place, column)}: ${t("{count} pictures", { count: number(count) })}` : undefined} style={{ background: count ? `color-mix(in srgb, var(--ty-primary) ${Math.round(shade(count) * 100)}%, white)` : undefined }} />)}
          </>
        ))}
        <span />
        {widths.slice(1).map((value) => <span key={value} class="ty-sizemap-edge ty-sizemap-column">{edge(value)}</span>)}
      </div>
      <figcaption class="ty-row ty-between ty-muted ty-small"><span>{t("width in pixels")}</span><span class="ty-sizemap-legend"><span>1</span><i /><span>{t("{count} pictures", { count: number(most) })}</span></span></figcaption>
      <Numbers head={[t("Size"), t("pictures")]} rows={counts.flatMap((row, place) => row.map((count, column) => [words(place, column), count])).filter(([, count]) => count).sort((one, other) => other[1] - one[1]).slice(0, 30).map(([size, count]) => [size, number(count)])} />
    </figure>
  );
}

function Numbers({ head, rows }) {
  return (
    <details class="ty-numbers-fold">
      <summary class="ty-small">{t("Numbers")}</summary>
      <table class="ty-small ty-numbers-table"><thead><tr>{head.map((word) => <th key={word} scope="col">{word}</th>)}</tr></thead><tbody>{rows.map(([word, value]) => <tr key={word}><td>{word}</td><td class="ty-numbers">{value}</td></tr>)}</tbody></table>
    </details>
  );
}
