import * as v from "valibot";
import { boundedName, boundedText, fieldRule, formerName, jsonObject } from "../../queue/bounded";
import { isTimezone, localTime } from "../../time/zone";
import { cronIssue, nextTimes } from "./cron";
import { wordsOf } from "./words";

/** What to do with planned times that the tick missed (it comes each minute; see `late` in due.ts). */
export const misfires = ["once", "skip", "all"] as const;
/** Whether to run while the job of the time before is still open. */
const overlaps = ["skip", "allow"] as const;

const maxPayload = 64 * 1024;
const maxSpread = 24 * 3600;

const timezone = v.pipe(boundedText(64), v.check(isTimezone, "must be an IANA time zone such as Europe/Berlin"), v.description("Default: UTC"));

/** The body of `PUT /v1/schedules/{name}`. The payload itself is checked by the schema of its type: see `payloadOf`. */
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
      v.pipe(v.number(), v.integer("Whole seconds."), v.minValue(0, "At least 0."), v.maxValue(maxSpread, "At most 86,400 (a day).")),
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

/** A schedule as it is kept. Times in milliseconds. */
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

/** What became of the newest planned time. */
export interface LastRun {
  plannedAt: number;
  outcome: ScheduleOutcome;
  note: string;
  /** The newest job the schedule has enqueued, maybe for an earlier time. */
  jobId: string | null;
}

export type ScheduleOutcome = "ran" | "skipped" | "failed";

/** What a job of this schedule is given: its payload, and the schedule's site where the payload names none. */
export function payloadOf({ payload, siteId }: Pick<Schedule, "payload"> & { siteId?: string | null | undefined }): Record<string, unknown> {
  return siteId && payload["siteId"] === undefined ? { ...payload, siteId } : payload;
}

/** A schedule as the API shows it; its payload is for the caller to mask. Times are ISO. */
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

/** When its jobs run: the planned times, later by the schedule's own part of the spread. What is due or enqueued but not run yet is still to come. */
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

/** Seconds a schedule of this name is moved back by, the same at each run: 0 to spreadSeconds. */
export function spreadOf(schedule: Pick<Schedule, "tenant" | "name" | "spreadSeconds">): number {
  let hash = 0x811c9dc5;
  for (const character of `${schedule.tenant}/${schedule.name}`) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % (schedule.spreadSeconds + 1);
}
