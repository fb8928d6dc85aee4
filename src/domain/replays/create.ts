import { patchedAll } from "./patch";
import type { ReplayPlan, ReplayRequest, Replays, ReplayView } from "./model";
import { type StepDeps, takeSteps, turnOf } from "./step";
import type { Replay } from "./store";
import { type Candidate, type Walk, walkOver } from "./walk";

/** Steps taken while the request that asked for it is answered, and by one tick for all replays together. */
const stepsAtOnce = 2;
const stepsPerTick = 10;
/** What a plan counts, page by page, and how many payloads it tries with the patch. */
const planPage = 2000;
const mostPages = 50;
const mostChecked = 500;
const mostRefused = 100;

export interface ReplayDeps extends StepDeps {
  /** The tenant whose replay had the newest turn, when not all that run could have one. */
  lastTurn: { read(): Promise<string>; write(tenant: string): Promise<void> };
}

/**
 * Bringing dead letters back: all of a filter or a list of ids, with the same payload or a patched one, at once or at a rate.
 * Whatever is asked for, a request or a tick takes a bounded number of statements; the next tick goes on from the recorded step.
 */
export function createReplays(deps: ReplayDeps): Replays & { continueAll(): Promise<{ replayed: number; failed: number }> } {
  return {
    plan: (tenant, request) => {
      const named = withoutDoubles(request);
      return plan(deps, tenant, named, walkOver(deps.replayable, tenant, named));
    },
    create: (tenant, request, id = crypto.randomUUID()) => create(deps, tenant, withoutDoubles(request), id),
    get: async (tenant, id) => {
      const replay = await deps.store.get(tenant, id);
      return replay && shown(replay);
    },
    list: async (tenant, limit) => (await deps.store.list(tenant, limit)).map(shown),
    abort: async (tenant, id) => {
      const changed = await deps.store.abort(tenant, id, deps.now());
      const replay = await deps.store.get(tenant, id);
      return replay && { replay: shown(replay), changed };
    },
    continueAll: () => continueAll(deps),
  };
}

async function plan(deps: ReplayDeps, tenant: string, { patch }: ReplayRequest, walk: Walk): Promise<ReplayPlan> {
  const sum: ReplayPlan = { total: 0, byType: {}, refused: [], checked: 0, more: true };
  let cursor: string | null = null;
  for (let page = 0; page < mostPages && sum.more; page++) {
    const { candidates, cursor: next } = await walk(cursor, planPage);
    const letters = candidates.filter(({ type }) => type !== null);
    for (const { type } of letters) sum.byType[type ?? ""] = (sum.byType[type ?? ""] ?? 0) + 1;
    for (const { id, type } of candidates) if (type === null) refuse(sum, id, "it is no dead letter");
    sum.total += letters.length;
    if (patch) await tryPatch(deps, tenant, letters, patch, sum);
    cursor = next;
    sum.more = next !== null;
  }
  return sum;
}

async function tryPatch(deps: ReplayDeps, tenant: string, letters: readonly Candidate[], patch: Record<string, unknown>, sum: ReplayPlan): Promise<void> {
  const tried = letters.slice(0, mostChecked - sum.checked);
  sum.checked += tried.length;
  for (const each of await patchedAll(deps, tenant, tried, patch)) if (!each.ok) refuse(sum, each.id, each.reason);
}

function refuse({ refused }: ReplayPlan, id: string, reason: string): void {
  if (refused.length < mostRefused) refused.push({ id, reason });
}

async function create(deps: ReplayDeps, tenant: string, request: ReplayRequest, id: string): Promise<ReplayView> {
  const blank = { tenant, id, state: "running", request, replayed: 0, failed: 0, cursor: null, endedAt: null } as const;
  const turn = turnOf(deps, { ...blank, total: 0, at: deps.now(), ratePerMinute: request.ratePerMinute ?? null });
  const { total } = await plan(deps, tenant, { ...request, patch: undefined }, turn.walk);
  turn.replay = { ...turn.replay, total };
  await deps.store.insert(turn.replay);
  await takeSteps(deps, [turn], stepsAtOnce);
  return shown(turn.replay);
}

/** The tick's step: every replay that runs goes on by a step, then by another while the tick may. */
async function continueAll(deps: ReplayDeps): Promise<{ replayed: number; failed: number }> {
  const running = await deps.store.running(stepsPerTick, await deps.lastTurn.read());
  const turns = running.map((replay) => turnOf(deps, replay));
  try {
    await takeSteps(deps, turns, stepsPerTick);
  } finally {
    const last = running.length === stepsPerTick ? running.at(-1) : undefined;
    if (last) await deps.lastTurn.write(last.tenant);
  }
  const gained = (what: "replayed" | "failed") => turns.reduce((sum, { replay }, index) => sum + replay[what] - (running[index]?.[what] ?? 0), 0);
  return { replayed: gained("replayed"), failed: gained("failed") };
}

function withoutDoubles(request: ReplayRequest): ReplayRequest {
  return request.ids ? { ...request, ids: [...new Set(request.ids)] } : request;
}

function shown({ id, state, total, replayed, failed, at, endedAt, ratePerMinute }: Replay): ReplayView {
  return { id, state, total, replayed, failed, at, endedAt, ratePerMinute };
}
