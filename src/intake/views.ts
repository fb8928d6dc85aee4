import { iso, isoOrNull, withIso } from "../time/iso";
import { jobUsd } from "../domain/costs/model";
import type { ReplayFilter, ReplayView } from "../domain/replays/model";
import type { Why } from "../domain/report/model";
import type { TimelineEntry } from "../ledger/timeline";
import type { DeadLetterGroup, DeadLetterView, JobDetail, JobView } from "../ledger/views";
import type { Contract } from "../queue/job";
import { typeAtGate } from "../queue/run/remote";
import { traceIdOf } from "../trace";
import { mask, maskAll, masked } from "../masking/personal";
import { redact } from "../masking/redact";

const noProgress = { done: 0, total: null, note: null, at: null };

/** A job as lists show it, without its payload. */
export function jobSummary(job: JobView) {
  const held = job.state === "waiting" || job.state === "retrying";
  const failed = job.state === "dead" || job.state === "discarded";
  const worker = job.state === "queued" ? typeAtGate(job.gate) : undefined;
  return {
    id: job.id,
    type: job.type,
    state: job.state,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    progress: job.progress === null ? noProgress : { ...job.progress, at: isoOrNull(job.progress.at ?? null) },
    ...(held && job.reason !== null ? { waitingFor: job.reason } : {}),
    ...(worker === undefined ? {} : { waitingFor: `a worker that takes ${worker}` }),
    ...(failed ? { error: job.reason ?? "unknown" } : {}),
    queue: job.queue,
    siteId: job.siteId,
    runs: job.runs,
    gate: job.state === "running" ? null : job.gate,
    dryRun: job.dryRun,
    cancelling: job.cancelling,
    at: iso(job.at),
    runAt: isoOrNull(job.due),
    startedAt: isoOrNull(job.startedAt),
    endedAt: isoOrNull(job.endedAt),
  };
}

/** How a job's texts are shown: parsed, and masked by its type's schemas unless revealed. An unknown type is masked whole. */
interface JobReading {
  contract: Contract | undefined;
  /** JSON text. */
  payload: string | null;
  /** JSON text. */
  result: string | null;
  revealed: boolean;
  /** Version of its template; null: no template has that name; undefined: it names none. */
  templateVersion?: number | null | undefined;
}

export function detailOf(job: JobDetail, { contract, payload, result, revealed, templateVersion }: JobReading) {
  const maskedJson = (schema: unknown, text: string) => {
    const value: unknown = JSON.parse(text);
    return revealed ? value : mask(schema, value);
  };
  return {
    ...jobSummary(job),
    ...(job.providerMessage ? { providerMessage: revealed ? job.providerMessage : masked } : {}),
    timeline: job.timeline.map(timelineEntry),
    effects: job.effects.map(({ key, revision, state, at, result }) => ({
      key,
      revision,
      state,
      at: iso(at),
      ...(result === null || state === "uncertain" ? {} : { result: revealed ? (JSON.parse(result) as unknown) : maskAll(JSON.parse(result)) }),
    })),
    payload: payload === null ? null : maskedJson(contract?.payload, payload),
    ...(result === null ? {} : { result: maskedJson(contract?.result, result) }),
    parent: job.parent,
    parentJob: job.parentJob,
    children: job.children,
    replays: replayIdsFrom(job.timeline),
    trace: traceIdOf(job),
    usd: jobUsd(job.timeline),
    revision: job.revision,
    doubt: job.doubt,
    ...(templateVersion === undefined ? {} : { templateVersion }),
    entities: job.entities,
    revealed,
  };
}

/** Replays that sent the job, oldest first: the detail of that event names the replay. */
function replayIdsFrom(timeline: readonly TimelineEntry[]): string[] {
  const ids = timeline.flatMap(({ event, detail }) => (event === "replayed" && detail !== null ? [detail] : []));
  return [...new Set(ids)];
}

function timelineEntry({ at, event, detail, ms, times, lastAt }: TimelineEntry) {
  const startedAt = ms !== null && times === 1 ? iso(at - ms) : null;
  return { at: iso(at), event, detail, startedAt, ms, times, lastAt: iso(lastAt) };
}

/** Why a job does not run; null for a running job and for one that is done or cancelled. */
export function whyView<Said extends Why>(why: Said | null | undefined) {
  if (!why) return null;
  const { since, until, ...rest } = why;
  return { ...rest, since: isoOrNull(since), ...(until === undefined ? {} : { until: iso(until) }) };
}

/** A job whose id is genuine but whose row is not written yet. */
export function unwrittenJob(id: string) {
  const unknown = { type: null, maxAttempts: null, queue: null, siteId: null, gate: null, at: null, runAt: null, startedAt: null, endedAt: null };
  const nothing = {
    attempt: 0,
    runs: 0,
    revision: 0,
    doubt: false,
    dryRun: false,
    cancelling: false,
    revealed: false,
    parent: null,
    parentJob: null,
    children: { total: 0, byState: {}, more: false },
    replays: [],
    trace: null,
    payload: null,
  };
  const why = { code: "ready", sentence: "It was accepted and is not recorded yet.", since: null, actions: [] };
  return { id, state: "queued", progress: noProgress, why, ...unknown, ...nothing, timeline: [], effects: [], entities: [], failure: null };
}

export function deadLetterOf(letter: DeadLetterView) {
  return withIso(letter, "at", "diedAt");
}

export function groupOf(group: DeadLetterGroup) {
  return withIso(group, "firstAt", "lastAt");
}

/** Names of patched fields that are shown. */
const maxPatched = 20;

export function replayOf({ filter, patched, resumed, ...replay }: ReplayView) {
  const named = { filter: filter && filterOf(filter), patched: patched.slice(0, maxPatched).map(redact) };
  const last = resumed && { ...resumed, at: iso(resumed.at), stoppedAt: isoOrNull(resumed.stoppedAt) };
  return { ...replay, ...named, resumed: last, replayed: replay.sent, at: iso(replay.at), endedAt: isoOrNull(replay.endedAt) };
}

/** Masks searched texts and names of patched fields: both may contain an address. */
function filterOf({ from, to, q, ...rest }: ReplayFilter) {
  return {
    ...rest,
    ...(q === undefined ? {} : { q: redact(q) }),
    ...(from === undefined ? {} : { from: iso(from) }),
    ...(to === undefined ? {} : { to: iso(to) }),
  };
}
