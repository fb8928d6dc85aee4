import * as v from "valibot";
import { count, formerName, isoTime, outputList, outputRecord } from "../bounded";
import { states } from "../queue/state";

/** Shapes of answers, for the OpenAPI document. Tests validate every answer by them. */

const state = v.picklist(states);
const json = v.pipe(v.unknown(), v.description("JSON; personal fields are •••"));

export const acceptedShape = v.object({ id: v.string(), type: v.string(), state });

const refusal = v.object({
  index: count,
  code: v.string(),
  detail: v.string(),
  errors: outputList(v.object({ path: v.string(), message: v.string() })),
});

export const batchShape = v.object({
  accepted: count,
  rejected: outputList(refusal),
  unlisted: v.optional(v.pipe(count, v.description("Refusals beyond what one answer lists; their ids are null"))),
  ids: v.pipe(outputList(v.nullable(v.string())), v.description("In the order of the jobs; null where one was rejected")),
});

const progress = v.object({
  done: v.number(),
  total: v.nullable(v.number()),
  note: v.nullable(v.string()),
  at: v.pipe(v.nullable(isoTime), v.description("When the job reported it; null before the first time")),
});

export const summaryEntries = {
  id: v.string(),
  type: v.pipe(v.nullable(v.string()), v.description("Null while the ledger does not know the job yet")),
  state,
  attempt: count,
  maxAttempts: v.nullable(count),
  progress,
  waitingFor: v.optional(v.pipe(v.string(), v.description("Why it waits or will be tried again"))),
  error: v.optional(v.pipe(v.string(), v.description("Why it failed"))),
  queue: v.nullable(v.string()),
  siteId: v.nullable(v.string()),
  runs: count,
  gate: v.nullable(v.string()),
  dryRun: v.boolean(),
  cancelling: v.boolean(),
  at: v.nullable(isoTime),
  runAt: v.pipe(v.nullable(isoTime), v.description("When a held-back job continues")),
  startedAt: v.nullable(isoTime),
  endedAt: v.nullable(isoTime),
};

export const actionShape = v.object({
  method: v.picklist(["GET", "POST", "PUT", "DELETE"]),
  path: v.string(),
  label: v.string(),
  body: v.optional(v.pipe(outputRecord(v.unknown()), v.description("Body of the call, where it needs one"))),
});

export const whyEntries = {
  code: v.string(),
  sentence: v.string(),
  since: v.nullable(isoTime),
  until: v.optional(v.pipe(isoTime, v.description("When it continues automatically"))),
  actions: outputList(actionShape),
};

const whyEntry = { why: v.pipe(v.nullable(v.object(whyEntries)), v.description("Why it does not run; null when it runs, is done or was cancelled")) };

export const jobSummaryShape = v.object({ ...summaryEntries, ...whyEntry });

export const nullableText = v.nullable(v.string());

const timelineEntry = v.object({
  at: isoTime,
  event: v.pipe(v.string(), v.description("queued, running, again, waiting, retry, checkpoint, done, dead and others; the result of a run is at its end")),
  detail: v.pipe(nullableText, v.description("Why; of replayed the id of the replay")),
  startedAt: v.pipe(v.nullable(isoTime), v.description("When the run started that led to it; null: no run did, or more than one")),
  ms: v.pipe(v.nullable(count), v.description("Duration of that run, or of all of them together")),
  times: v.pipe(count, v.description("How often it happened in a row: a repeated wait is one entry")),
  lastAt: v.pipe(isoTime, v.description("The newest of these times")),
});

export const jobShape = v.object({
  ...summaryEntries,
  ...whyEntry,
  providerMessage: v.optional(
    v.pipe(v.string(), v.description("What the outside system wrote when it refused; ••• unless an admin asks with reveal=1, since it may name persons")),
  ),
  timeline: outputList(timelineEntry),
  effects: outputList(v.object({ key: v.string(), revision: count, state: v.string(), at: isoTime, result: v.optional(json) })),
  payload: json,
  result: v.optional(json),
  parent: v.pipe(nullableText, v.description("The job that enqueued it")),
  parentJob: v.pipe(v.nullable(v.object({ type: v.string(), state })), v.description("Null: it has no parent, or that one is no longer kept")),
  children: v.pipe(
    v.object({
      total: v.pipe(count, v.description("Counted up to 1,000")),
      byState: v.pipe(outputRecord(count), v.description("`scheduled`: queued, and due later; `queued` does not count those")),
      more: v.pipe(v.boolean(), v.description("1,000 were counted; there may be more")),
    }),
    v.description("Jobs that it enqueued: GET /v1/jobs?parent={id} lists them"),
  ),
  replays: v.pipe(outputList(v.string()), v.description("Replays that sent it again, oldest first")),
  trace: v.pipe(
    v.nullable(v.string()),
    v.description("Its W3C trace id: of the traceparent it was sent with, else made of its id; null while it is not recorded"),
  ),
  usd: v.optional(
    v.pipe(v.number(), v.description("About what it has cost on Cloudflare's bill so far, by the steps of its timeline and the prices of GET /v1/costs")),
  ),
  revision: count,
  doubt: v.pipe(v.boolean(), v.description("The call of a run may have arrived: the run or its Worker ended before the answer")),
  templateVersion: v.optional(
    v.pipe(v.nullable(count), v.description("Version of the template that the job's runs render; null when there is no such template")),
  ),
  mailEvents: v.optional(
    v.pipe(
      outputList(v.object({ event: v.string(), class: nullableText, provider: v.string(), detail: nullableText, at: isoTime })),
      v.description("What the provider reported of the mail, oldest first; what the receiving server answered is kept for 30 days"),
    ),
  ),
  entities: outputList(v.string()),
  failure: v.pipe(nullableText, v.description("The group of `GET /v1/failures` that its last failure belongs to; null: it does not fail now")),
  revealed: v.pipe(v.boolean(), v.description("Whether personal fields are shown")),
});

export const cursor = v.pipe(v.nullable(v.string()), v.description("For the next page; null at the end"));

export const jobsShape = v.object({
  jobs: outputList(jobSummaryShape),
  cursor: v.pipe(nullableText, v.description("For the next page; null at the end. With filters a page may have few jobs or none, and a cursor")),
  examined: v.optional(v.pipe(count, v.description("Rows examined for this page"))),
});
export const cancelledShape = v.object({ id: v.string(), state, cancelling: v.boolean() });
export const retriedShape = v.object({ id: v.string(), state });

export const deadLetterShape = v.object({
  id: v.string(),
  type: v.string(),
  state: v.picklist(["dead", "discarded"]),
  siteId: v.nullable(v.string()),
  reason: v.string(),
  group: v.string(),
  attempt: count,
  at: isoTime,
  diedAt: isoTime,
});

export const deadLettersShape = v.object({ deadLetters: outputList(deadLetterShape), cursor });

export const groupsShape = v.object({
  groups: outputList(
    v.object({ group: v.string(), type: v.string(), reason: v.string(), count, firstAt: isoTime, lastAt: isoTime, examples: outputList(v.string()) }),
  ),
});

const policy = v.object({
  maxAttempts: count,
  backoff: v.object({ base: count, cap: count, min: v.optional(count) }),
  timeout: count,
  concurrency: count,
  pack: v.pipe(count, v.description("Jobs that may travel in one message")),
  maxAge: count,
  maxRuns: count,
  uncertain: v.string(),
});

export const typesShape = v.object({
  types: outputList(
    v.object({
      type: v.string(),
      version: count,
      queues: outputList(v.string()),
      aliases: outputList(v.string()),
      policy,
      payload: v.pipe(outputRecord(v.unknown()), v.description("JSON Schema of the payload")),
      remote: v.pipe(v.nullable(v.object({ lease: count, heartbeat: count, startWithin: count })), v.description("For a remote type; seconds")),
      paused: v.boolean(),
    }),
  ),
});

export const sampleShape = v.object({
  type: v.string(),
  version: count,
  samples: outputList(v.object({ id: v.string(), tenant: v.string(), version: count, state: v.picklist(states), payload: v.unknown() })),
});

export const healthShape = v.object({
  status: v.picklist(["ok", "degraded"]),
  time: isoTime,
  checks: outputRecord(v.picklist(["ok", "failing"])),
});

export function listShape<Name extends string, Shape extends v.GenericSchema>(name: Name, shape: Shape) {
  return v.object({ [name]: outputList(shape) } as Record<Name, v.ArraySchema<Shape, undefined>>);
}

export const dated = { created: isoTime, updated: isoTime };

/** A job of a schedule that was enqueued at once. */
export const runScheduleShape = v.object({
  ...acceptedShape.entries,
  why: v.pipe(v.nullable(v.object(whyEntries)), v.description("Why it waits: a pause, a paused site, no worker; null: none of these")),
});

export const scheduleShape = v.object({
  name: v.string(),
  type: v.string(),
  payload: json,
  cron: v.string(),
  words: v.pipe(v.string(), v.description("The pattern in plain English")),
  timezone: v.string(),
  zone: formerName("timezone", v.string()),
  misfire: v.string(),
  overlap: v.string(),
  spreadSeconds: count,
  enabled: v.boolean(),
  siteId: v.nullable(v.string()),
  createdAt: isoTime,
  updatedAt: isoTime,
  why: v.pipe(v.nullable(v.object(whyEntries)), v.description("Why its job would wait now: a pause, a paused site, no worker; null: none of these")),
  last: v.nullable(v.object({ plannedAt: isoTime, outcome: v.string(), note: v.string(), jobId: v.nullable(v.string()) })),
  nextRuns: outputList(v.object({ at: isoTime, local: v.string() })),
  pastRuns: v.pipe(
    outputList(v.object({ plannedAt: isoTime, jobId: v.string(), state: v.nullable(state) })),
    v.description("Results of the last five planned times, newest first; state null: no job of that time is known"),
  ),
});
