import { sha256Hex } from "../../crypto";
import { type Look, pullMemoryMs, type PullRecord, type PullLimits, type Shelf, type ShelfLook } from "../../ledger/work/model";
import type { Contract } from "../../queue/job";
import { readable } from "../../queue/registry";
import { handOut } from "./hand-out";
import type { WorkDeps } from "./deps";
import { isPaused, maxLeases, workRefusal, type WorkerState, type WorkRefusal, type WorkScope } from "./model";
import type { HandedOut, PullRequest } from "./requests";
import { reap } from "./reap";
import { release } from "./release";

export interface Pulled {
  ok: true;
  /** This pull id was answered before, and takes no further jobs. */
  isRepeat?: true;
  jobs: HandedOut[];
  pollAfterMs: number;
  workerState: WorkerState;
}

/** First and last interval of a waiting pull's checks, ± 25 %. Milliseconds. */
const [firstCheckMs, lastCheckMs] = [250, 1000];
/** When a worker is to pull again: soon, or after an operator stopped it. Milliseconds. */
const [pollSoonMs, pollLaterMs] = [1000, 15_000];
/** Tries of one pull when other pulls were faster, or gates admitted nothing. */
const maxTries = 3;

/**
 * Hands jobs to a worker, and waits for some when there are none. A repeated pull within 5 minutes gets the same jobs without those
 * that ended, so a lost answer costs nothing. Pauses, gates and the type's concurrency apply.
 */
export async function pull(deps: WorkDeps, scope: WorkScope, request: PullRequest, signal: AbortSignal): Promise<Pulled | WorkRefusal> {
  const body = await sha256Hex(
    JSON.stringify([request.worker, [...request.types].sort(), request.versions ?? null, request.max, request.leaseSeconds ?? null]),
  );
  const owner = scope.tenant ?? "*";
  for (let waited = 0, pause = firstCheckMs; ; pause = Math.min(lastCheckMs, pause * 2)) {
    // A disconnected worker gets no job.
    if (signal.aborted) return nothing("run");
    const state = await deps.workers.noteCall(owner, request.worker, { types: request.types }, deps.engine.now());
    const pulled = await attempt(deps, scope, request, body, state);
    if (pulled.ok && pulled.jobs.length > 0 && signal.aborted) return releaseAll(deps, pulled);
    if (!pulled.ok || pulled.jobs.length > 0 || pulled.isRepeat) return pulled;
    if (request.waitSeconds === 0) await close(deps, scope, request, body);
    const left = request.waitSeconds * 1000 - waited;
    if (left <= 0 || pulled.workerState !== "run")
      return { ...pulled, pollAfterMs: pulled.workerState !== "run" ? pollLaterMs : request.waitSeconds > 0 ? 0 : pollSoonMs };
    const next = Math.min(left, Math.ceil(pause * (0.75 + deps.engine.random() / 2)));
    await deps.pause(next, signal);
    waited += next;
  }
}

/** The worker disconnected while the jobs were taken: releases them before their offers expire. */
async function releaseAll(deps: WorkDeps, { jobs, workerState }: Pulled): Promise<Pulled> {
  await Promise.all(jobs.map(({ tenant, id, lease }) => release(deps, { tenant, id, lease, reason: "its worker hung up before the answer" })));
  return nothing(workerState);
}

function nothing(workerState: WorkerState): Pulled {
  return { ok: true, jobs: [], pollAfterMs: workerState === "run" ? pollSoonMs : pollLaterMs, workerState };
}

/** One check of the waiting jobs, and what it takes of them. */
async function attempt(deps: WorkDeps, scope: WorkScope, request: PullRequest, body: string, state: WorkerState): Promise<Pulled | WorkRefusal> {
  const key = { owner: scope.caller, pull: request.pullId };
  for (let tries = 0; tries < maxTries; tries++) {
    const now = deps.engine.now();
    const look = await deps.ledger.look(shelvesOf(scope, request), key, request.worker, now);
    if (look.record && now - look.record.at < pullMemoryMs) return repeat(deps, look.record, body, state);
    if (state !== "run") return nothing(state);
    const expired = look.shelves.filter((shelf) => shelf.expired);
    for (const shelf of expired) await reap(deps, shelf, now);
    const shares = expired.length > 0 ? undefined : sharesOf(deps, request, look);
    // Reaped jobs are offered again: check once more.
    if (!shares) continue;
    if (shares.length === 0) return nothing(state);
    const record = { ...key, nonce: crypto.randomUUID(), worker: request.worker, body, at: now };
    const taken = await deps.ledger.take(record, shares, deps.engine.boot, now);
    if (taken.record && taken.record.nonce !== record.nonce) return repeat(deps, taken.record, body, state);
    const jobs = await handOut(deps, taken.jobs, request.versions);
    if (jobs.length > 0) return { ok: true, jobs, pollAfterMs: 0, workerState: state };
    if (taken.record) await deps.ledger.forget(taken.record);
  }
  return nothing(state);
}

async function repeat(deps: WorkDeps, record: PullRecord, body: string, state: WorkerState): Promise<Pulled | WorkRefusal> {
  if (record.body !== body) return workRefusal("pull-id-reused", "This pullId was used with another request; take a new one for each pull.");
  const jobs = await deps.ledger.takenBy(record);
  return { ok: true, isRepeat: true, jobs: await handOut(deps, jobs, undefined), pollAfterMs: 0, workerState: state };
}

/** A pull that does not wait closes its id: a worker that ends sends one, so that its aborted request, which may still wait here, takes nothing. */
async function close({ engine, ledger }: WorkDeps, scope: WorkScope, { pullId, worker }: PullRequest, body: string): Promise<void> {
  await ledger.close({ owner: scope.caller, pull: pullId, nonce: crypto.randomUUID(), worker, body, at: engine.now() });
}

function shelvesOf({ tenant }: WorkScope, { types }: PullRequest): readonly Shelf[] | { types: readonly string[] } {
  const distinct = [...new Set(types)];
  return tenant === null ? { types: distinct } : distinct.map((type) => ({ tenant, type }));
}

/** What this pull may take of each type, by pauses, versions, the type's concurrency and the worker's bound. */
function sharesOf({ engine, fairShares }: WorkDeps, request: PullRequest, look: Look): PullLimits[] {
  const open = look.shelves.flatMap((shelf) => shareOf(engine.registry.find(shelf.type)?.contract, shelf, request, look));
  return fairShares(open, Math.min(request.max, maxLeases - look.holding));
}

function shareOf(contract: Contract | undefined, shelf: ShelfLook, { versions, max, leaseSeconds }: PullRequest, { pauses }: Look): PullLimits[] {
  const { tenant, type, waiting } = shelf;
  if (!contract?.remote || waiting === 0 || isPaused(pauses, shelf, contract.queues)) return [];
  const readByWorker = versions?.[type];
  const readables = readByWorker === undefined ? null : storedVersions(contract, readByWorker);
  if (readables?.length === 0) return [];
  const extension = (leaseSeconds ?? contract.remote.lease) * 1000;
  const offer = Math.min(extension, contract.remote.startWithin * 1000);
  return [{ tenant, type, count: Math.min(waiting, max, contract.policy.concurrency), versions: readables, offer, extension }];
}

/** Versions of stored payloads that a worker which reads `wanted` can be given: as stored, or upgraded to the current one. */
function storedVersions(contract: Contract, wanted: readonly number[]): number[] {
  if (!wanted.includes(contract.version)) return [...wanted];
  const older = Array.from({ length: contract.version }, (_, index) => index + 1).filter((version) => readable(contract, version));
  return [...new Set([...wanted, ...older])];
}
