// Numbers, sizes, durations and times as people read them.
import { currentLanguage, t } from "./words.js";

const locale = () => (currentLanguage() === "zh" ? "zh-CN" : "en-GB");

export function number(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

// Four significant digits, small and large values in scientific notation: for losses and learning rates.
export function measure(value) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

export function percent(part, digits = 0) {
  if (part === null || part === undefined) return "–";
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: digits }).format(part);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

// Three significant digits, as ``trainyard.sizes`` has them in sentences.
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  let step = 0;
  let size = value;
  while (Math.abs(size) >= 1024 && step < UNITS.length - 1) {
    size /= 1024;
    step += 1;
  }
  return `${number(size, step === 0 || Math.abs(size) >= 99.95 ? 0 : Math.abs(size) >= 9.995 ? 1 : 2)} ${UNITS[step]}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours >= 48) return t("{days} d {hours} h", { days: Math.floor(hours / 24), hours: hours % 24 });
  if (hours) return t("{hours} h {minutes} min", { hours, minutes });
  if (minutes) return t("{minutes} min {seconds} s", { minutes, seconds: whole % 60 });
  return t("{seconds} s", { seconds: whole });
}

export function dateTime(value, seconds = false) {
  if (!value) return "–";
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: seconds ? "medium" : "short" }).format(new Date(value));
}

// To the second, with the zone it is told in.
export function exactTime(value) {
  const zone = new Intl.DateTimeFormat(locale(), { timeZoneName: "short" }).formatToParts(new Date(value)).find((part) => part.type === "timeZoneName");
  return `${dateTime(value, true)} ${zone.value}`;
}

// The time of day to the second, from 00:00:00; nothing where no moment is told.
export function timeOfDay(value) {
  const moment = new Date(value);
  return Number.isNaN(moment.getTime()) ? "" : new Intl.DateTimeFormat(locale(), { timeStyle: "medium", hourCycle: "h23" }).format(moment);
}

export function relative(value, now = Date.now()) {
  const seconds = (new Date(value).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return spaced(format.format(Math.trunc(seconds / size), unit));
  }
  return Math.abs(seconds) < 10 ? t("just now") : spaced(format.format(Math.trunc(seconds), "second"));
}

// Chinese is set with a space between a number and its unit, as everywhere else on our pages.
const spaced = (text) => text.replace(/(\d)(?=\p{Script=Han})/u, "$1 ");
