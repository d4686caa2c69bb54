// Points in time and durations that go on by themselves.
import { useEffect, useState } from "preact/hooks";
import { dateTime, duration, exactTime, relative } from "./format.js";

// Draws again every ``seconds``; answers the present in milliseconds.
export function useNow(seconds = 1) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}

// "3 minutes ago", the exact local time with its zone on hover.
export function Time({ value, absolute = false, seconds = false }) {
  const now = useNow(20);
  if (!value) return <span>–</span>;
  return <time dateTime={value} title={exactTime(value)}>{absolute ? dateTime(value, seconds) : relative(value, now)}</time>;
}

// Counts up from ``since`` or down to ``until``.
export function Clock({ since, until }) {
  const now = useNow(1);
  const seconds = since ? (now - new Date(since).getTime()) / 1000 : (new Date(until).getTime() - now) / 1000;
  return <span class="ty-numbers">{duration(Math.max(0, seconds))}</span>;
}
