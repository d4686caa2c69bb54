// A small browser of the bucket or of a group's share, to choose a file or a folder instead of typing its path.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../button.jsx";
import { bytes } from "../format.js";
import { Icon } from "../icons.jsx";
import { t } from "../words.js";

const parentOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);

// ``folder``: folders are chosen, else files. ``chosen`` is the path now in the field; the listing opens where it lies.
export function Browse({ where, root, group, send, folder, endings, chosen, label, onChoose }) {
  const [prefix, setPrefix] = useState(() => parentOf(chosen));
  const [listing, setListing] = useState(null);
  const [error, setError] = useState(null);
  const load = async (after) => {
    try {
      const next = await send("browse", { where, group, prefix, after });
      setListing((old) => (after ? { ...next, entries: [...old.entries, ...next.entries] } : next));
      setError(null);
    } catch (refusal) {
      setListing({ entries: [], after: null });
      setError(refusal);
    }
  };
  useEffect(() => {
    setListing((old) => old && { ...old, stale: true });
    load(null);
  }, [prefix, where, group]);
  const open = (next) => {
    setPrefix(next);
    if (folder) onChoose(next);
  };
  const fits = (entry) => entry.size === null || !endings.length || endings.some((ending) => entry.name.toLowerCase().endsWith(ending));
  return (
    <div class="ty-browse" role="group" aria-label={label}>
      <div class="ty-browse-head"><strong class="ty-small">{label}</strong><Crumbs root={root} prefix={prefix} open={open} /></div>
      <div class="ty-browse-list" aria-busy={!listing || listing.stale}>
        {error && <p class="ty-inset ty-muted ty-small" role="alert">{error.code === "not-found" ? t("This folder cannot be browsed here; write the path above.") : [error.message, error.hint].filter(Boolean).join(" ")}</p>}
        {listing && !error && listing.entries.length === 0 && <p class="ty-inset ty-muted ty-small">{t("Nothing is in this folder.")}</p>}
        {(listing?.entries ?? []).map((entry) => {
          const isFolder = entry.size === null;
          const act = () => (isFolder ? open(entry.key) : onChoose(entry.key));
          return (
            <button key={entry.key} type="button" class={`ty-browse-row${entry.key === chosen ? " ty-chosen" : ""}`} aria-pressed={isFolder ? undefined : entry.key === chosen} disabled={!isFolder && (folder || !fits(entry))} onClick={act}>
              <Icon name={isFolder ? "folder" : "file"} size={18} /><span class="ty-ellipsis" title={entry.name}>{entry.name.replace(/\/$/, "")}</span>
              <span class="ty-muted ty-small ty-numbers">{isFolder ? "" : bytes(entry.size)}</span>{isFolder ? <Icon name="chevron" size={16} /> : entry.key === chosen ? <Icon name="check" size={16} /> : <span />}
            </button>
          );
        })}
        {listing?.after && <div class="ty-inset"><Button small onClick={() => load(listing.after)}>{t("Show more")}</Button></div>}
      </div>
    </div>
  );
}

function Crumbs({ root, prefix, open }) {
  const parts = prefix.split("/").filter(Boolean);
  return (
    <nav class="ty-browse-path" aria-label={t("Folder")}>
      <button type="button" class="ty-link" onClick={() => open("")}>{root}</button>
      {parts.map((part, place) => <span key={place}> / <button type="button" class="ty-link" aria-current={place === parts.length - 1 ? "location" : undefined} onClick={() => open(`${parts.slice(0, place + 1).join("/")}/`)}>{part}</button></span>)}
    </nav>
  );
}
