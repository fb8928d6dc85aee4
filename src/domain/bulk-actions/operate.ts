import { canonical } from "../../json/canonical";
import { takeSteps, type Stepper } from "../replays/stepper";
import type { Walk } from "../replays/walk";
import type { Earlier } from "../replays/model";
import type { BulkActionName, BulkPlan, BulkRequest, BulkView, BulkAction } from "./model";
import type { BulkStore } from "./store";
import { type WalkDeps, walkOf } from "./walk";

interface BulkDeps extends WalkDeps {
  store: BulkStore;
  /** Each acts on jobs of one tenant and returns how many it changed; a repeat changes none. */
  act: Record<BulkActionName, (tenant: string, ids: readonly string[]) => Promise<number>>;
  /** The tenant whose action was served last. */
  lastServed: { read(): Promise<string>; write(tenant: string): Promise<void> };
}

/** Jobs of one step; steps within the request; steps of one tick for all actions together. */
const [maxStep, stepsAtOnce, stepsPerTick] = [500, 2, 10];
/** Jobs of one page of a plan, and its pages. */
const [planPage, maxPlanPages] = [2000, 50];

/** Bulk actions of operators. Throws only when the ledger cannot be reached. */
export type BulkActions = ReturnType<typeof createBulkActions>;

/**
 * Cancels jobs, runs them now and dismisses dead letters, by a filter or by ids. A request or a tick uses a bounded number of statements; the next tick
 * continues.
 */
export function createBulkActions(deps: BulkDeps) {
  const get = async (tenant: string, id: string) => {
    const action = await deps.store.get(tenant, id);
    return action && bulkView(action);
  };
  return {
    get,
    /** Counts the jobs that it would act on; changes nothing. */
    plan: (tenant: string, request: BulkRequest): Promise<BulkPlan> => plan(walkOf(deps, tenant, unique(request))),
    /** `id`: a UUID; created when left out. An action that has this id already is returned unchanged. */
    create: (tenant: string, request: BulkRequest, id: string = crypto.randomUUID()): Promise<BulkView> => create(deps, tenant, unique(request), id),
    /** The action of this id, and whether its request was the same; null: there is none. */
    earlier: async (tenant: string, id: string, request: BulkRequest): Promise<Earlier<BulkView> | null> => {
      const action = await deps.store.get(tenant, id);
      return action && { view: bulkView(action), isSame: canonical(action.request) === canonical(unique(request)) };
    },
    /** Newest first. */
    list: async (tenant: string, limit: number): Promise<BulkView[]> => (await deps.store.list(tenant, limit)).map(bulkView),
    /** Stops the action before the remaining jobs. `changed` false: it had ended. */
    abort: async (tenant: string, id: string): Promise<{ action: BulkView; changed: boolean } | null> => {
      const changed = await deps.store.stop(tenant, id, deps.now());
      const action = await get(tenant, id);
      return action && { action, changed };
    },
    continueAll: () => continueAll(deps),
  };
}

async function plan(walk: Walk): Promise<BulkPlan> {
  const sum: BulkPlan = { total: 0, byType: {}, more: true };
  let cursor: string | null = null;
  for (let page = 0; page < maxPlanPages && sum.more; page++) {
    const { candidates, cursor: next } = await walk(cursor, planPage);
    for (const { type } of candidates) {
      if (type === null) continue;
      sum.byType[type] = (sum.byType[type] ?? 0) + 1;
      sum.total++;
    }
    cursor = next;
    sum.more = next !== null;
  }
  return sum;
}

async function create(deps: BulkDeps, tenant: string, request: BulkRequest, id: string): Promise<BulkView> {
  const { action } = request;
  const blank: BulkAction = { tenant, id, action, state: "running", request, total: 0, done: 0, failed: 0, cursor: null, at: deps.now(), endedAt: null };
  const stepper = stepperOf(deps, blank);
  stepper.action = { ...blank, total: (await plan(stepper.walk)).total };
  // Another call with this id was first.
  if (!(await deps.store.insert(stepper.action))) return bulkView((await deps.store.get(tenant, id)) ?? stepper.action);
  await takeSteps([stepper], stepsAtOnce);
  return bulkView(stepper.action);
}

/** For the tick: each running action takes one step, the least recently served tenant first, then further steps within the tick's limit. */
async function continueAll(deps: BulkDeps): Promise<{ done: number; failed: number }> {
  const running = await deps.store.running(stepsPerTick, await deps.lastServed.read());
  const steppers = running.map((action) => stepperOf(deps, action));
  try {
    await takeSteps(steppers, stepsPerTick);
  } finally {
    const last = running.length === stepsPerTick ? running.at(-1) : undefined;
    if (last) await deps.lastServed.write(last.tenant);
  }
  const gained = (what: "done" | "failed") => steppers.reduce((sum, { action }, index) => sum + action[what] - (running[index]?.[what] ?? 0), 0);
  return { done: gained("done"), failed: gained("failed") };
}

interface BulkStepper extends Stepper {
  action: BulkAction;
  walk: Walk;
}

function stepperOf(deps: BulkDeps, begun: BulkAction): BulkStepper {
  const stepper: BulkStepper = {
    action: begun,
    walk: walkOf(deps, begun.tenant, begun.request),
    goesOn: () => stepper.action.state === "running",
    step: () => takeStep(deps, stepper),
  };
  return stepper;
}

async function takeStep(deps: BulkDeps, stepper: BulkStepper): Promise<void> {
  const { action } = stepper;
  const { candidates, cursor } = await stepper.walk(action.cursor, maxStep);
  const ids = candidates.flatMap(({ id, type }) => (type === null ? [] : [id]));
  const done = ids.length === 0 ? 0 : await deps.act[action.action](action.tenant, ids);
  const isOver = cursor === null;
  const after: BulkAction = {
    ...action,
    done: action.done + done,
    failed: action.failed + candidates.length - done,
    cursor,
    state: isOver ? "done" : "running",
    endedAt: isOver ? deps.now() : null,
  };
  const state = await deps.store.advance(after, action.cursor);
  stepper.action = state === after.state ? after : ((await deps.store.get(action.tenant, action.id)) ?? after);
}

function unique(request: BulkRequest): BulkRequest {
  return request.ids ? { ...request, ids: [...new Set(request.ids)] } : request;
}

function bulkView({ id, action, state, total, done, failed, at, endedAt }: BulkAction): BulkView {
  return { id, action, state, total, done, failed, at, endedAt };
}
