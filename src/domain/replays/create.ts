import { canonical } from "../../json/canonical";
import {
  type ChangedReplay,
  defaultCanary,
  type Earlier,
  type ReplayPlan,
  type ReplayRequest,
  type ReplayView,
  namedBy,
  notResumed,
  type Replay,
} from "./model";
import { countPlan, maxPlanPage, runningAlongside } from "./plan";
import { isSent, type ReplayStepper, settleReplay, type StepDeps, stepperOf } from "./step";
import { takeSteps } from "./stepper";
import { cursorAfterAll, walkOver } from "./walk";

/** Steps taken while the request that asked for it is answered, and by one tick for all replays together. */
const stepsAtOnce = 2;
const stepsPerTick = 10;
/** Replays of one list whose outcomes are counted anew. */
const maxCounted = 20;
/** Counts of one replay that a resumption waits for. */
const maxLooks = 10;
/** How long the count of what a stopped replay can still send holds in lists; of a list one is counted anew. */
const restHoldsMs = 600_000;

interface ReplayDeps extends StepDeps {
  /** The tenant whose replay was served last, when one tick could not serve all. */
  lastServed: { read(): Promise<string>; write(tenant: string): Promise<void> };
}

/** Bringing dead letters back, as operators ask for it. Throws only when the ledger or a payload's storage cannot be reached. */
export type Replays = ReturnType<typeof createReplays>;

/**
 * Bringing dead letters back: all of a filter or a list of ids, with the same payload or a patched one, at once or at a rate.
 * Whatever is asked for, a request or a tick takes a bounded number of statements; the next tick goes on from the recorded step.
 */
export function createReplays(deps: ReplayDeps) {
  return {
    /** What would be replayed; changes nothing. */
    plan: async (tenant: string, request: ReplayRequest): Promise<ReplayPlan> => {
      const named = withoutDoubles(request);
      const [counts, running] = await Promise.all([
        countPlan(deps, tenant, named, walkOver(deps.replayable, tenant, named)),
        runningAlongside(deps, tenant, named),
      ]);
      return { ...counts, running };
    },
    /**
     * `id`: a UUID that names it; made here when left out. One that is there already is returned as it is. `actor`: who asks, `root` or the id of a
     * token; default: not recorded.
     */
    create: (tenant: string, request: ReplayRequest, id: string = crypto.randomUUID(), actor: string | null = null): Promise<ReplayView> =>
      create(deps, blank(tenant, id, completed(request), actor, deps.now())),
    /** The one of this id, and whether it was asked for by the same request; null: there is none. */
    earlier: async (tenant: string, id: string, request: ReplayRequest): Promise<Earlier<ReplayView> | null> => {
      const replay = await deps.store.get(tenant, id);
      return replay && { view: await viewOf(deps, await settleReplay(deps, replay)), isSame: canonical(replay.request) === canonical(completed(request)) };
    },
    /** With the outcomes that are known by now. */
    get: (tenant: string, id: string): Promise<ReplayView | null> => get(deps, tenant, id),
    /** Newest first. Null: of all tenants. `cursor`: of the answer before; null there means the end. */
    list: async (tenant: string | null, page: { cursor?: string | undefined; limit: number }): Promise<{ replays: ReplayView[]; cursor: string | null }> => {
      const { replays, cursor } = await deps.store.list(tenant, page);
      return { replays: await counted(deps, replays), cursor };
    },
    /** Those of a group of dead letters, newest first. */
    ofGroup: async (tenant: string, group: string, limit: number): Promise<ReplayView[]> => counted(deps, await deps.store.ofGroup(tenant, group, limit)),
    /** Stops what has not been replayed yet. `changed` false: it had ended, or had sent all. Null: there is no such replay; so below. */
    abort: async (tenant: string, id: string): Promise<ChangedReplay | null> => {
      const replay = await deps.store.get(tenant, id);
      return replay && changedReplay(deps, tenant, id, await deps.store.stop(tenant, id, cursorAfterAll(replay.request), deps.now()));
    },
    /** The rate of a running replay, from the next tick on. Null: as fast as they can. `changed` false: it does not run. */
    setRate: async (tenant: string, id: string, ratePerMinute: number | null): Promise<ChangedReplay | null> =>
      changedReplay(deps, tenant, id, await deps.store.setRate(tenant, id, ratePerMinute)),
    /**
     * Resumes a stopped replay: the next tick sends a new canary. `changed` false: it was not stopped, has nothing left to send, or jobs of it are
     * open, which would count for the new canary.
     */
    resume: async (tenant: string, id: string, actor: string | null = null): Promise<ChangedReplay | null> => {
      const replay = await fullyCounted(deps, tenant, id);
      if (!replay || replay.unsent === 0 || replay.open > 0) return replay && { replay, changed: false };
      return changedReplay(deps, tenant, id, await deps.store.resume(tenant, id, { at: deps.now(), actor }));
    },
    continueAll: () => continueAll(deps),
  };
}

async function changedReplay(deps: ReplayDeps, tenant: string, id: string, changed: boolean): Promise<ChangedReplay | null> {
  const replay = await get(deps, tenant, id);
  return replay && { replay, changed };
}

async function get(deps: ReplayDeps, tenant: string, id: string): Promise<ReplayView | null> {
  const replay = await deps.store.get(tenant, id);
  return replay && viewOf(deps, await settleReplay(deps, replay));
}

/** One look counts at most 5,000 ended jobs: looks again while that changes what is open. */
async function fullyCounted(deps: ReplayDeps, tenant: string, id: string): Promise<ReplayView | null> {
  let replay = await get(deps, tenant, id);
  for (let look = 1; look < maxLooks && replay && replay.open > 0; look++) {
    const again = await get(deps, tenant, id);
    if (again?.open === replay.open) break;
    replay = again;
  }
  return replay;
}

async function counted(deps: ReplayDeps, replays: readonly Replay[]): Promise<ReplayView[]> {
  const unsure = replays.filter((replay) => replay.open > 0 || replay.state === "running").slice(0, maxCounted);
  const known = new Map(await Promise.all(unsure.map(async (replay) => [replay, await settleReplay(deps, replay)] as const)));
  const current = replays.map((replay) => known.get(replay) ?? replay);
  const stalest = current.filter((replay) => isRestStale(replay, deps.now())).toSorted((one, other) => (one.rest?.at ?? 0) - (other.rest?.at ?? 0))[0];
  return Promise.all(current.map((replay) => (replay === stalest ? viewOf(deps, replay) : replayView(replay, knownRest(replay)))));
}

async function viewOf(deps: ReplayDeps, replay: Replay): Promise<ReplayView> {
  return replayView(replay, await unsentOf(deps, replay));
}

/** Dead letters that a replay has not sent yet. A stopped one is counted anew: other acts may have taken some of them. */
async function unsentOf(deps: ReplayDeps, replay: Replay): Promise<number> {
  const rest = plannedRest(replay);
  if (hasSentAll(replay) || (replay.state === "running" && rest > 0)) return rest;
  const { candidates, cursor } = await walkOver(deps.replayable, replay.tenant, replay.request)(replay.cursor, maxPlanPage);
  const found = candidates.filter(({ type }) => type !== null).length;
  const unsent = cursor === null ? found : Math.max(rest, found);
  if (unsent !== replay.rest?.unsent || isRestStale(replay, deps.now())) await deps.store.noteRest(replay, unsent, deps.now());
  return unsent;
}

/** Whether what a stopped replay can still send was not counted for a while. None left stays none. */
function isRestStale(replay: Replay, now: number): boolean {
  const { unsent, at } = replay.rest ?? { unsent: null, at: 0 };
  return replay.state === "stopped" && !isSent(replay) && unsent !== 0 && now - at >= restHoldsMs;
}

/** As it was last counted, else by its counts alone. */
function knownRest(replay: Replay): number {
  return hasSentAll(replay) ? 0 : (replay.rest?.unsent ?? plannedRest(replay));
}

/** By its counts alone. */
function plannedRest(replay: Replay): number {
  return hasSentAll(replay) ? 0 : Math.max(0, replay.total - replay.sent - replay.failed);
}

/** A replay that an earlier release ended has no cursor behind its jobs. */
function hasSentAll(replay: Replay): boolean {
  return replay.state === "done" || isSent(replay);
}

async function create(deps: ReplayDeps, begun: Replay): Promise<ReplayView> {
  const { tenant, id, request } = begun;
  const stepper = stepperOf(deps, begun);
  const { total } = await countPlan(deps, tenant, { ...request, patch: undefined }, stepper.walk);
  const inserted = await deps.store.insert({ ...stepper.replay, total });
  // Another call under this id was first.
  if (!inserted) return (await get(deps, tenant, id)) ?? viewOf(deps, { ...stepper.replay, total });
  stepper.replay = inserted;
  await takeSteps([stepper], stepsAtOnce);
  // What was just sent has not ended yet.
  return viewOf(deps, stepper.replay.open > 0 ? stepper.replay : await settleReplay(deps, stepper.replay));
}

function blank(tenant: string, id: string, request: CompletedRequest, actor: string | null, at: number): Replay {
  const nothing = { sent: 0, succeeded: 0, failedAgain: 0, cancelled: 0, open: 0, failed: 0, examples: [], looked: "", cursor: null };
  const { canary, ratePerMinute = null } = request;
  const fromRequest = { request, ...namedBy(request), canary, ratePerMinute, actor, actorName: null };
  return { ...nothing, ...fromRequest, tenant, id, state: "running", reason: null, total: 0, at, endedAt: null, before: notResumed, rest: null, resumed: null };
}

/** The tick's step: every replay that runs is counted, and goes on by a step, then by another while the tick may. */
async function continueAll(deps: ReplayDeps): Promise<{ sent: number; failed: number }> {
  const running = await deps.store.running(stepsPerTick, await deps.lastServed.read());
  const steppers: ReplayStepper[] = [];
  try {
    for (const replay of running) steppers.push(stepperOf(deps, await settleReplay(deps, replay)));
    await takeSteps(steppers, stepsPerTick);
  } finally {
    const last = running.length === stepsPerTick ? running.at(-1) : undefined;
    if (last) await deps.lastServed.write(last.tenant);
  }
  const gained = (what: "sent" | "failed") => steppers.reduce((sum, { replay }, index) => sum + replay[what] - (running[index]?.[what] ?? 0), 0);
  return { sent: gained("sent"), failed: gained("failed") };
}

type CompletedRequest = ReplayRequest & { canary: number };

function completed(request: ReplayRequest): CompletedRequest {
  return { ...withoutDoubles(request), canary: request.canary ?? defaultCanary };
}

function withoutDoubles(request: ReplayRequest): ReplayRequest {
  return request.ids ? { ...request, ids: [...new Set(request.ids)] } : request;
}

/** What neither was sent nor can be is no dead letter any more: it counts as `failed`. */
function replayView({ request: _request, cursor: _cursor, looked: _looked, before: _before, rest: _rest, ...view }: Replay, unsent: number): ReplayView {
  return { ...view, unsent, failed: Math.max(view.failed, view.total - view.sent - unsent) };
}
