import { localTime } from "../../../time/zone";

/** A span of change dates, closed at both ends. Milliseconds, whole seconds. */
export interface Span {
  from: number;
  to: number;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** A row is written before it can be seen: what changed in the last minute is left to the next window. */
const commitDelay = minute;
/** Windows overlap, for clocks that differ and transactions that take long; more on a day on which the shop's clock changes. */
const overlap = 10 * minute;
const overlapOnChange = 3 * 60 * minute;
/** How far back a site's first run reads by default. Days. */
export const firstDays = 40;
/** The length of a part of a bulk run. Days. */
const partDays = 7;

/** What is deleted leaves no trace but its absence: a run of changes looks for it, too, when no other has for this long. Milliseconds. */
export const compareEvery = day;

/** The newest window a run may close now. */
export function lastDaysSpan(days: number, now: number): Span {
  const to = wholeSecond(now - commitDelay);
  return { from: to - days * day, to };
}

/** From where the last run ended, with overlap. `zone` null: not known yet, so the longer overlap. */
export function nextSpan(readTo: number | null, zone: string | null, now: number): Span {
  if (readTo === null) return lastDaysSpan(firstDays, now);
  const back = zone === null || clockChanges(zone, readTo) ? overlapOnChange : overlap;
  const to = wholeSecond(now - commitDelay);
  return { from: Math.min(readTo, to) - back, to };
}

/** The span in parts of a week, oldest first. They meet in a second that belongs to both. */
export function halves({ from, to }: Span): Span[] {
  const parts: Span[] = [];
  for (let start = from; start < to || parts.length === 0; start += partDays * day) {
    parts.push({ from: start, to: Math.min(to, start + partDays * day) });
  }
  return parts;
}

/** Whether the zone's clock is moved within half a day. */
function clockChanges(zone: string, at: number): boolean {
  const offset = (time: number) => localTime(time, zone).slice(19);
  return offset(at - day / 2) !== offset(at + day / 2);
}

function wholeSecond(at: number): number {
  return Math.floor(at / 1000) * 1000;
}
