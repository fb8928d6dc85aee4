import * as v from "valibot";
import { boundedName, boundedText, fieldRule, formerName, jsonObject } from "../../bounded";
import { isTimezone, localTime } from "../../time/zone";
import { cronIssue, nextTimes } from "./cron";
import { daySeconds } from "../../time/day";

/** What to do with missed planned times; see `late` in due.ts. */
export const misfires = ["once", "skip", "all"] as const;
/** Whether to run while the previous job is open. */
const overlaps = ["skip", "allow"] as const;

const maxPayload = 64 * 1024;
const maxSpreadSeconds = daySeconds;

const timezone = v.pipe(boundedText(64), v.check(isTimezone, "must be an IANA time zone such as Europe/Berlin"), v.description("Default: UTC"));

/** The body of `PUT /v1/schedules/{name}`. The route validates `payloadOf` by the schema of the type. */
export const scheduleInput = v.pipe(
  v.strictObject({
    type: boundedName("A type is 1 to 63 of a–z, 0–9 and -."),
    payload: v.pipe(
      jsonObject(),
      v.check((payload) => JSON.stringify(payload).length <= maxPayload, "must have at most 65,536 characters as JSON"),
    ),
    cron: v.pipe(
      boundedText(200, { trim: true, rule: "must have at most 200 characters" }),
      v.rawCheck(({ dataset, addIssue }) => {
        const issue = dataset.typed ? cronIssue(dataset.value) : undefined;
        if (issue) addIssue({ message: issue });
      }),
    ),
    timezone: v.optional(timezone),
    zone: v.optional(formerName("timezone", timezone)),
    misfire: v.optional(v.picklist(misfires, "must be once, skip or all"), "once"),
    overlap: v.optional(v.picklist(overlaps, "must be skip or allow"), "skip"),
    spreadSeconds: v.optional(
      v.pipe(v.number(), v.integer("Whole seconds."), v.minValue(0, "At least 0."), v.maxValue(maxSpreadSeconds, "At most 86,400 (a day).")),
      0,
    ),
    enabled: v.optional(v.boolean(), true),
    siteId: v.optional(boundedName("A site is 1 to 63 of a–z, 0–9 and -.")),
  }),
  fieldRule(
    ["siteId", "payload"],
    ({ siteId, payload }) => siteId === undefined || payload["siteId"] === undefined || payload["siteId"] === siteId,
    "The payload names another site.",
    "siteId",
  ),
  v.transform(({ zone, timezone = zone ?? "UTC", ...input }) => ({ ...input, timezone })),
);

export type ScheduleInput = v.InferOutput<typeof scheduleInput>;

/** A stored schedule. Times in milliseconds. */
export interface Schedule extends Omit<ScheduleInput, "siteId"> {
  tenant: string;
  name: string;
  siteId: string | null;
  createdAt: number;
  updatedAt: number;
  /** Null while disabled. */
  nextAt: number | null;
  last: LastRun | null;
}

/** The result of the newest planned time. */
export interface LastRun {
  plannedAt: number;
  outcome: ScheduleOutcome;
  note: string;
  /** The newest job of the schedule, possibly of an earlier time. */
  jobId: string | null;
}

export type ScheduleOutcome = "ran" | "skipped" | "failed";

/** The payload of the schedule's jobs: with the schedule's site where the payload names none. */
export function schedulePayload({ payload, siteId }: Pick<Schedule, "payload"> & { siteId?: string | null | undefined }): Record<string, unknown> {
  return siteId && payload["siteId"] === undefined ? { ...payload, siteId } : payload;
}

/** A schedule as the API shows it, times in ISO. The caller must mask the payload. */
export async function scheduleView(schedule: Schedule, now: number) {
  const { tenant: _, createdAt, updatedAt, nextAt, last, ...settings } = schedule;
  return {
    ...settings,
    words: await wordsOf(settings.cron),
    zone: settings.timezone,
    createdAt: isoSeconds(createdAt),
    updatedAt: isoSeconds(updatedAt),
    last: last && { ...last, plannedAt: isoSeconds(last.plannedAt) },
    nextRuns: nextAt === null ? [] : upcoming(schedule, nextAt, now).map((at) => ({ at: isoSeconds(at), local: localTime(at, schedule.timezone) })),
  };
}

/**
 * The next times at which its jobs run: planned times plus the schedule's share of the spread. Those that are due or enqueued, and have not run, are
 * included.
 */
function upcoming(schedule: Schedule, nextAt: number, now: number): number[] {
  const spread = spreadOf(schedule) * 1000;
  const planned = [nextAt, ...nextTimes(schedule, Math.max(nextAt, now), 4)];
  const last = schedule.last?.outcome === "ran" ? schedule.last.plannedAt : null;
  const enqueued = last !== null && last < nextAt && last + spread > now ? [last] : [];
  return [...enqueued, ...planned].slice(0, 5).map((at) => at + spread);
}

function isoSeconds(at: number): string {
  return new Date(at).toISOString();
}

/** Seconds by which the runs of a schedule are delayed, the same for each run: 0 to `spreadSeconds`. */
export function spreadOf(schedule: Pick<Schedule, "tenant" | "name" | "spreadSeconds">): number {
  let hash = 0x811c9dc5;
  for (const character of `${schedule.tenant}/${schedule.name}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % (schedule.spreadSeconds + 1);
}

/** A cron pattern in plain English: `At 02:30, only on Monday`. The pattern must be valid; one that the library cannot describe is returned unchanged. */
async function wordsOf(cron: string): Promise<string> {
  const { default: cronstrue } = await import("cronstrue");
  try {
    return cronstrue.toString(cron, { use24HourTimeFormat: true });
  } catch {
    return cron;
  }
}
