// A chart is zoomed without a mouse.

// Without a mouse: + and - zoom around the middle, the arrows move what is seen, 0 is the whole run.
export function byKey(event, shown, all, onRange) {
  const part = { "+": -0.25, "=": -0.25, "-": 0.5, ArrowLeft: -0.25, ArrowRight: 0.25, 0: null, Home: null }[event.key];
  if (part === undefined || event.ctrlKey || event.metaKey || event.altKey || !shown) return;
  event.preventDefault();
  onRange(part === null ? null : moved(shown, all, part, event.key.startsWith("Arrow")));
}

// A range with its ends moved apart or aside by a part of its width; null where it is as wide as everything there is.
function moved({ min, max }, [first, last], part, aside) {
  const by = (max - min) * part;
  if (max - min + (aside ? 0 : 2 * by) >= last - first) return null;
  const [low, high] = aside ? [min + by, max + by] : [min - by, max + by];
  const back = Math.max(0, first - low) - Math.max(0, high - last);
  return [Math.max(first, low + back), Math.min(last, high + back)];
}
