import { dayMs } from "../time/day";
import { dayLimitIn } from "../d1";
import type { Memory } from "./memory";

/** A refusal stands for the messages that are answered within this time. */
const freshMs = 60_000;
/** A plan that is changed lifts the limit within minutes: messages come back this often. Seconds. */
const maxHoldSeconds = 3600;
/** Messages that waited for the same time are spread over this long. Seconds. */
const spreadSeconds = 300;

/** Remembers that the day's limit is used up, when that is the reason of a trouble. */
export function noteDayLimit(memory: Memory, reason: string, now: number): void {
  const limit = dayLimitIn(reason);
  if (limit === undefined) return;
  const since = memory.spentDay && nextDay(memory.spentDay.since) > now ? memory.spentDay.since : now;
  memory.spentDay = { limit, since, seen: now };
}

/** Least seconds after which a message comes back: until midnight UTC, at most an hour, while the day's limit is used up; else 0. */
export function secondsHeld({ memory: { spentDay }, now, random }: { memory: Memory; now(): number; random(): number }): number {
  const at = now();
  if (spentDay === undefined || at - spentDay.seen >= freshMs) return 0;
  return Math.min(maxHoldSeconds, Math.ceil((nextDay(at) - at) / 1000)) + Math.floor(random() * spreadSeconds);
}

/** The midnight UTC after that time. */
export function nextDay(at: number): number {
  return (Math.floor(at / dayMs) + 1) * dayMs;
}
