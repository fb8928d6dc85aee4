import type { ReplayPlan, ReplayRequest, Replays, ReplayView } from "../../intake/deps";
import type { DeadLetterView, JobDetail, Queries } from "../../ledger/views";
import { inlineLimit } from "../../queue/envelope";
import { checkPayload, type Registry, upgraded } from "../../queue/registry";
import type { JobRef } from "../../queue/ledger";
import type { Replay, ReplayStore } from "./store";

/** Jobs replayed in one step when no rate is given. */
const step = 500;
/** Steps taken while the request that asked for it is answered. */
const stepsAtOnce = 2;
/** Dead letters a plan counts. */
const mostPlanned = 100_000;
const mostRefused = 100;

export interface ReplayDeps {
  now(): number;
  store: ReplayStore;
  queries: Queries;
  registry: Pick<Registry, "find">;
  /** JSON text of a payload that lies in the payload store; null when it is gone. */
  loadPayload(ref: string): Promise<string | null>;
  /** Brings dead letters back; returns those that were changed. */
  revive(refs: readonly JobRef[], how: { payload?: string; version?: number }): Promise<readonly JobRef[]>;
}

/** Bringing dead letters back: all of a filter or a list of ids, with the same payload or a patched one, at once or at a rate. */
export function createReplays(deps: ReplayDeps): Replays & { continueAll(): Promise<{ replayed: number; failed: number }> } {
  return {
    plan: (tenant, request) => plan(deps, tenant, request),
    create: (tenant, request) => create(deps, tenant, request),
    get: async (tenant, id) => {
      const replay = await deps.store.get(tenant, id);
      return replay && shown(replay);
    },
    abort: async (tenant, id) => {
      const changed = await deps.store.abort(tenant, id, deps.now());
      const replay = await deps.store.get(tenant, id);
      return replay && { replay: shown(replay), changed };
    },
    continueAll: () => continueAll(deps),
  };
}

async function plan(deps: ReplayDeps, tenant: string, request: ReplayRequest): Promise<ReplayPlan> {
  const byType: Record<string, number> = {};
  const refused: ReplayPlan["refused"] = [];
  let total = 0;
  let cursor: string | null = null;
  do {
    const page = await nextPage(deps, tenant, request, cursor, step);
    for (const { id, type } of page.letters) {
      total++;
      byType[type] = (byType[type] ?? 0) + 1;
      if (!request.patch || refused.length >= mostRefused) continue;
      const patched = await patchedPayload(deps, tenant, id, request.patch);
      if (!patched.ok) refused.push({ id, reason: patched.reason });
    }
    for (const id of page.unknown) if (refused.length < mostRefused) refused.push({ id, reason: "it is no dead letter" });
    cursor = page.cursor;
  } while (cursor !== null && total < mostPlanned);
  return { total, byType, refused };
}

async function create(deps: ReplayDeps, tenant: string, request: ReplayRequest): Promise<ReplayView> {
  const { total } = await plan(deps, tenant, { ...request, patch: undefined });
  const id = crypto.randomUUID();
  let replay: Replay = {
    tenant,
    id,
    state: "running",
    request,
    total,
    replayed: 0,
    failed: 0,
    cursor: null,
    at: deps.now(),
    endedAt: null,
    ratePerMinute: request.ratePerMinute ?? null,
  };
  await deps.store.insert(replay);
  const steps = request.ratePerMinute === undefined ? stepsAtOnce : 1;
  for (let taken = 0; taken < steps && replay.state === "running"; taken++) replay = await takeStep(deps, replay);
  return shown(replay);
}

async function continueAll(deps: ReplayDeps): Promise<{ replayed: number; failed: number }> {
  const sum = { replayed: 0, failed: 0 };
  for (const replay of await deps.store.running(50)) {
    const after = await takeStep(deps, replay);
    sum.replayed += after.replayed - replay.replayed;
    sum.failed += after.failed - replay.failed;
  }
  return sum;
}

/** One page. A step that two ticks take at once brings each job back once: only dead letters can be revived. */
async function takeStep(deps: ReplayDeps, replay: Replay): Promise<Replay> {
  const { tenant, request, cursor } = replay;
  const page = await nextPage(deps, tenant, request, cursor, Math.min(step, request.ratePerMinute ?? step));
  const replayed = request.patch ? await replayPatched(deps, tenant, page.letters, request.patch) : await replayAsTheyAre(deps, tenant, page.letters);
  const ended = page.cursor === null;
  const after: Replay = {
    ...replay,
    replayed: replay.replayed + replayed,
    failed: replay.failed + page.letters.length - replayed + page.unknown.length,
    cursor: page.cursor,
    state: ended ? "done" : "running",
    endedAt: ended ? deps.now() : null,
  };
  const recorded = await deps.store.advance(after, cursor);
  return recorded ? after : ((await deps.store.get(tenant, replay.id)) ?? after);
}

async function replayAsTheyAre(deps: ReplayDeps, tenant: string, letters: readonly { id: string }[]): Promise<number> {
  return (
    await deps.revive(
      letters.map(({ id }) => ({ tenant, id })),
      {},
    )
  ).length;
}

async function replayPatched(deps: ReplayDeps, tenant: string, letters: readonly { id: string }[], patch: Record<string, unknown>): Promise<number> {
  let replayed = 0;
  for (const { id } of letters) {
    const patched = await patchedPayload(deps, tenant, id, patch);
    if (patched.ok) replayed += (await deps.revive([{ tenant, id }], { payload: patched.text, version: patched.version })).length;
  }
  return replayed;
}

interface LetterPage {
  letters: { id: string; type: string }[];
  /** Ids asked for that are no dead letters. */
  unknown: string[];
  cursor: string | null;
}

async function nextPage(deps: ReplayDeps, tenant: string, request: ReplayRequest, cursor: string | null, limit: number): Promise<LetterPage> {
  if (request.ids) return pageOfIds(deps, tenant, request.ids, Number(cursor ?? 0), limit);
  const page = await deps.queries.deadLetters(tenant, request.filter ?? {}, { cursor: cursor ?? undefined, limit });
  const letters = page.deadLetters.map(({ id, type }: DeadLetterView) => ({ id, type }));
  return { letters, unknown: [], cursor: page.cursor };
}

async function pageOfIds(deps: ReplayDeps, tenant: string, ids: readonly string[], from: number, limit: number): Promise<LetterPage> {
  const wanted = ids.slice(from, from + limit);
  const jobs = await Promise.all(wanted.map((id) => deps.queries.job(tenant, id)));
  const letters = jobs.filter((job) => job?.state === "dead" || job?.state === "discarded").map((job) => ({ id: job?.id ?? "", type: job?.type ?? "" }));
  const known = new Set(letters.map(({ id }) => id));
  const next = from + wanted.length;
  return { letters, unknown: wanted.filter((id) => !known.has(id)), cursor: next < ids.length ? String(next) : null };
}

type Patched = { ok: true; text: string; version: number } | { ok: false; reason: string };

/** The payload after the patch, valid, and only when no effect of the job is in doubt: a new revision would do it again. */
async function patchedPayload(deps: ReplayDeps, tenant: string, id: string, patch: Record<string, unknown>): Promise<Patched> {
  const job = await deps.queries.job(tenant, id);
  const contract = job && deps.registry.find(job.type)?.contract;
  if (!job || !contract) return { ok: false, reason: "its type is unknown to this deployment" };
  const doubtful = job.effects.find(({ state }) => state === "uncertain" || state === "intent");
  if (doubtful) return { ok: false, reason: `its effect "${doubtful.key}" may have happened: replay it unpatched or not at all` };
  const before = await payloadOf(deps, job);
  if (before === undefined) return { ok: false, reason: "its payload cannot be read" };
  const checked = checkPayload(contract, merged(upgradedOr(contract, before, job.version), patch));
  if (!checked.ok)
    return {
      ok: false,
      reason: checked.issues
        .map(({ path, message }) => `${path}: ${message}`)
        .join("; ")
        .slice(0, 500),
    };
  const text = JSON.stringify(checked.payload);
  const fits = new TextEncoder().encode(text).length <= inlineLimit;
  return fits ? { ok: true, text, version: contract.version } : { ok: false, reason: `its payload is larger than ${inlineLimit} bytes and cannot be patched` };
}

async function payloadOf(deps: ReplayDeps, job: JobDetail): Promise<unknown> {
  const text = job.payload ?? (job.ref === null ? null : await deps.loadPayload(job.ref));
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A body that never was an envelope; told as unreadable.
    return undefined;
  }
}

function upgradedOr(contract: Parameters<typeof upgraded>[0], payload: unknown, version: number): unknown {
  try {
    return upgraded(contract, payload, version);
  } catch {
    // It does not fit the present version by itself; perhaps the patch makes it fit.
    return payload;
  }
}

/** JSON Merge Patch, RFC 7396. */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown({ id, state, total, replayed, failed, at, endedAt, ratePerMinute }: Replay): ReplayView {
  return { id, state, total, replayed, failed, at, endedAt, ratePerMinute };
}
