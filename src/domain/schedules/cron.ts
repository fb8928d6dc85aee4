import { Cron } from "croner";

/**
 * Planned times of a cron pattern in a time zone. When the clocks change:
 * - A pattern that names its times (`30 2 * * *`, `0,30 2-4 * * *`: no `*` and no step in minute or hour) follows local time.
 *   A skipped time runs once, after the jump (2:30 → 3:00); a repeated time runs once, the first time.
 * - A pattern of intervals (a `*` or a step in minute or hour) follows elapsed time: it omits skipped times
 *   and runs in both of two repeated hours.
 */
interface Timing {
  /** Five fields. */
  cron: string;
  /** IANA name. */
  timezone: string;
}

/** Planned times of a period. */
interface Planned {
  /** Ascending; at most the newest `keep`. */
  times: number[];
  /** Their number; a lower bound when `more`. */
  count: number;
  more: boolean;
}

/** Planned times that are counted one by one: five hours of a schedule that runs each minute. */
const counted = 300;

/** The issue of a pattern, for its author; undefined when it is valid. */
export function cronIssue(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/).length;
  if (fields !== 5) {
    return `A cron pattern has five fields (minute hour day month weekday, e.g. "0 3 * * *"); this has ${fields}. Seconds, years and names like @daily are not supported.`;
  }
  if (cron.includes("?")) return 'The sign "?" is not supported; write "*".';
  try {
    const first = pattern({ cron, timezone: "UTC" }).nextRun(new Date(0));
    return first ? undefined : "This pattern never fires: no month has that day.";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.replace(/^CronPattern: /, "") : "This is not a cron pattern.";
  }
}

/** The first planned time after `after` (milliseconds); null when there is none. */
export function nextAfter(timing: Timing, after: number): number | null {
  return pattern(timing).nextRun(new Date(after))?.getTime() ?? null;
}

/** The next planned times after `after`. */
export function nextTimes(timing: Timing, after: number, count: number): number[] {
  return pattern(timing)
    .nextRuns(count, new Date(after))
    .map((time) => time.getTime());
}

/** The last planned times up to `now`, the newest first. */
export function previousTimes(timing: Timing, now: number, count: number): number[] {
  return pattern(timing)
    .previousRuns(count, new Date(now + 1000))
    .map((time) => time.getTime());
}

/** All planned times from `first`, itself one, to `now`, both inclusive. */
export function plannedBetween(timing: Timing, first: number, now: number, keep: number): Planned {
  const cron = pattern(timing);
  const times = [first];
  for (let count = 1; count <= counted; count += 1) {
    const next = cron.nextRun(new Date(times.at(-1)!));
    if (!next || next.getTime() > now) return { times: times.slice(-keep), count, more: false };
    times.push(next.getTime());
  }
  return { times: previousTimes(timing, now, keep).reverse(), count: times.length, more: true };
}

function pattern({ cron, timezone }: Timing): Cron {
  return new Cron(cron, { timezone, mode: "5-part", fixedTimeRule: "no-wildcard", paused: true });
}
