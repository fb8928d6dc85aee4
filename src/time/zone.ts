import { dayMs } from "./day";

const zoneName = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

/** Whether the name is an IANA time zone of this runtime. Bare offsets (`+02:00`) are not zones: they have no summer time. */
export function isTimezone(zone: string): boolean {
  try {
    return zoneName.test(zone) && formatOf(zone) !== undefined;
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

/** A moment as the clock of a zone shows it, with its offset: `2026-03-29T03:00:00+02:00`. */
export function localTime(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "longOffset",
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? "";
  const offset = part("timeZoneName").replace("GMT", "") || "+00:00";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}:${part("second")}${offset}`;
}

interface ReadLocal {
  instant: number;
  /** The clock shows this time twice, and either could be meant; `instant` is the first. */
  ambiguous: boolean;
}

/**
 * The instant of a naive local time: `YYYY-MM-DD`, with or without ` HH:MM:SS`. A time that the clock skips is read with the offset
 * from before the change, as PHP does. Null for anything that is no date, zero-dates among them.
 */
export function readLocal(text: string, zone: string): ReadLocal | null {
  const naive = naiveFrom(text);
  if (naive === null) return null;
  const before = offsetAt(naive - dayMs, zone);
  const after = offsetAt(naive + dayMs, zone);
  const found = [before, after].map((offset) => naive - offset).filter((instant) => naiveOf(instant, zone) === naive);
  const [first = naive - before] = found.toSorted((a, b) => a - b);
  return { instant: first, ambiguous: new Set(found).size > 1 };
}

/**
 * The smallest interval of naive local times that holds every instant of the window. Where the clock goes back inside the window that is
 * more than the local times of its ends, which may then even be the wrong way round.
 */
export function localWindow(window: { from: number; to: number }, zone: string): { from: string; to: string } {
  const changes = changesWithin(window.from, window.to, zone);
  const lows = [window.from, ...changes].map((instant) => naiveOf(instant, zone));
  const highs = [window.to, ...changes.map((instant) => instant - second)].map((instant) => naiveOf(instant, zone));
  return { from: naiveText(Math.min(...lows)), to: naiveText(Math.max(...highs)) };
}

const second = 1000;
/** Shorter than any two changes of a zone lie apart. */
const strideMs = 5 * dayMs;

/** The first instants with another offset. */
function changesWithin(from: number, to: number, zone: string): number[] {
  const changes: number[] = [];
  for (let start = from; start < to; start += strideMs) {
    const end = Math.min(start + strideMs, to);
    if (offsetAt(start, zone) !== offsetAt(end, zone)) changes.push(changeBetween(start, end, zone));
  }
  return changes;
}

function changeBetween(start: number, end: number, zone: string): number {
  const offset = offsetAt(start, zone);
  let low = Math.floor(start / second);
  let high = Math.ceil(end / second);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * second, zone) === offset) low = middle;
    else high = middle;
  }
  return high * second;
}

/** The local time as if it were UTC. Whole seconds, rounded down. */
function naiveOf(instant: number, zone: string): number {
  return Math.floor(instant / second) * second + offsetAt(instant, zone);
}

function offsetAt(instant: number, zone: string): number {
  const whole = Math.floor(instant / second) * second;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(whole)) parts[type] = Number(value);
  const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second: seconds = 0 } = parts;
  return Date.UTC(year, month - 1, date, hour, minute, seconds) - whole;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const numeric = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" } as const;

/** Throws a RangeError for a zone that is none. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-US", { ...numeric, timeZone: zone });
  formats.set(zone, made);
  return made;
}

function naiveText(naive: number): string {
  return new Date(naive).toISOString().slice(0, 19).replace("T", " ");
}

function naiveFrom(text: string): number | null {
  const found = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?)?$/.exec(text.trim());
  if (!found) return null;
  const naive = Date.parse(`${found[1]}-${found[2]}-${found[3]}T${found[4] ?? "00"}:${found[5] ?? "00"}:${found[6] ?? "00"}Z`);
  // "2026-02-30" is read as 2 March by some and as nothing by others.
  return Number.isNaN(naive) || naive < 0 || new Date(naive).getUTCDate() !== Number(found[3]) ? null : naive;
}
