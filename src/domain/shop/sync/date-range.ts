import { dayMs, minuteMs } from "../../../time/day";
import { localTime } from "../../../time/zone";

/** A range of change dates, both ends inclusive. Milliseconds, whole seconds. */
export interface DateRange {
  from: number;
  to: number;
}

/** A row's date is set before its commit: changes of the last minute are left to the next window. */
const commitDelayMs = minuteMs;
/** Windows overlap, because clocks differ and transactions take time; more on a day when the shop's clock changes. */
const overlapMs = 10 * minuteMs;
const overlapOnChangeMs = 3 * 60 * minuteMs;
/** Days that a site's first run reads by default. */
export const firstDays = 40;
/** Days of one part of a bulk run. */
const partDays = 7;

/** A deleted row is found only by its absence: a run of changes compares ids when no run has for this time. Milliseconds. */
export const compareEveryMs = dayMs;

/** The last `days` days, up to the newest time that a run may read. */
export function lastDaysSpan(days: number, now: number): DateRange {
  const to = wholeSecond(now - commitDelayMs);
  return { from: to - days * dayMs, to };
}

/** The range after the last run, with an overlap. `zone` null: unknown, so the longer overlap is used. */
export function nextSpan(readTo: number | null, zone: string | null, now: number): DateRange {
  if (readTo === null) return lastDaysSpan(firstDays, now);
  const back = zone === null || clockChanges(zone, readTo) ? overlapOnChangeMs : overlapMs;
  const to = wholeSecond(now - commitDelayMs);
  return { from: Math.min(readTo, to) - back, to };
}

/** The range in parts of a week, oldest first. Neighbours share one second. */
export function halves({ from, to }: DateRange): DateRange[] {
  const parts: DateRange[] = [];
  for (let start = from; start < to || parts.length === 0; start += partDays * dayMs) {
    parts.push({ from: start, to: Math.min(to, start + partDays * dayMs) });
  }
  return parts;
}

/** Whether the time zone's clock changes within half a day. */
function clockChanges(zone: string, at: number): boolean {
  const offset = (time: number) => localTime(time, zone).slice(19);
  return offset(at - dayMs / 2) !== offset(at + dayMs / 2);
}

function wholeSecond(at: number): number {
  return Math.floor(at / 1000) * 1000;
}
