// The signs of the four kinds of nodes and of what one does with a graph, in the strokes of the other icons.
const PATHS = {
  input: "M4 7c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 7v10c0 1.7 3.6 3 8 3s8-1.3 8-3V7M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
  augment: "M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01",
  output: "M6 21V4M6 5h11l-2 4 2 4H6",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  tidy: "M9 3h6v5H9zM3 16h6v5H3zM15 16h6v5h-6zM12 8v4M6 16v-4h12v4",
  minus: "M5 12h14",
  plus: "M12 5v14M5 12h14",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  question: "M9 9a3 3 0 1 1 4 2.8c-.7.3-1 .9-1 1.7M12 17h.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
};

export function NodeSign({ type, size = 18 }) {
  return (
    <svg class="ty-icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[type]} />
    </svg>
  );
}

// A button with one of these signs; without ``children`` its label is for screen readers and the tooltip only.
export function SignButton({ sign, label, hint, refused = "", onClick, children, primary, pressed }) {
  const told = [label, refused || hint].filter(Boolean).join(" – ");
  return (
    <button
      type="button"
      class={`ty-button ty-button-small ${primary ? "ty-button-primary" : "ty-button-quiet"}${refused ? " ty-refused" : ""}`}
      aria-disabled={refused ? "true" : undefined}
      aria-pressed={pressed}
      aria-label={children ? undefined : told}
      title={told}
      onClick={() => !refused && onClick()}
    >
      <NodeSign type={sign} size={16} />
      {children}
      {children && refused && <span class="ty-visually-hidden"> – {refused}</span>}
    </button>
  );
}
