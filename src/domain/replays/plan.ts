import { replayUsd } from "../costs/model";
import type { ReplayPlan, ReplayRequest, ReplayFilter } from "./model";
import { patchedAll } from "./patch";
import { isSent, type StepDeps } from "./step";
import type { Candidate, Walk, ReplaySelection } from "./walk";

/** Dead letters of one page of a plan. */
export const maxPlanPage = 2000;
/** Pages that a plan counts, and payloads that it tries with the patch. */
const maxPages = 50;
const maxChecked = 500;
const maxRefused = 100;
/** Running replays of the tenant that a plan is compared with. */
const maxAlongside = 50;

/** Running replays that still send and may name the same dead letters as the request. */
export async function runningAlongside({ store }: StepDeps, tenant: string, request: ReplayRequest): Promise<string[]> {
  const running = await store.runningOf(tenant, maxAlongside);
  return running.filter((replay) => !isSent(replay) && mayOverlap(replay.request, request)).map(({ id }) => id);
}

type PlanCounts = Omit<ReplayPlan, "running">;

/** What the candidates of a walk are, page by page. A patch is tried on the first of them. */
export async function countPlan(deps: StepDeps, tenant: string, { patch }: ReplayRequest, walk: Walk): Promise<PlanCounts> {
  const sum: PlanCounts = { total: 0, byType: {}, refused: [], checked: 0, more: true, effects: { done: 0, inDoubt: 0 }, providerCalls: 0, usd: 0 };
  let cursor: string | null = null;
  for (let page = 0; page < maxPages && sum.more; page++) {
    const { candidates, cursor: next } = await walk(cursor, maxPlanPage);
    const letters = candidates.filter(({ type }) => type !== null);
    for (const { type } of letters) sum.byType[type ?? ""] = (sum.byType[type ?? ""] ?? 0) + 1;
    for (const { id, type } of candidates) if (type === null) refuse(sum, id, "it is no dead letter");
    sum.total += letters.length;
    await addEffects(deps, tenant, letters, sum);
    if (patch) await tryPatch(deps, tenant, letters, patch, sum);
    cursor = next;
    sum.more = next !== null;
  }
  sum.usd = replayUsd(sum.total, sum.providerCalls);
  return sum;
}

async function addEffects(deps: StepDeps, tenant: string, letters: readonly Candidate[], sum: PlanCounts): Promise<void> {
  const found = await deps.replayable.effects(
    tenant,
    letters.map(({ id }) => id),
  );
  for (const { type, done, inDoubt } of found) {
    sum.effects.done += done;
    sum.effects.inDoubt += inDoubt;
    // Only what has a gate counts: the others call nothing outside.
    const count = letters.filter((letter) => letter.type === type).length;
    if (deps.registry.find(type)?.contract.isGated) sum.providerCalls += Math.max(0, count - done - inDoubt);
  }
}

async function tryPatch(deps: StepDeps, tenant: string, letters: readonly Candidate[], patch: Record<string, unknown>, sum: PlanCounts): Promise<void> {
  const tried = letters.slice(0, maxChecked - sum.checked);
  sum.checked += tried.length;
  for (const each of await patchedAll(deps, tenant, tried, patch)) if (!each.ok) refuse(sum, each.id, each.reason);
}

function refuse({ refused }: PlanCounts, id: string, reason: string): void {
  if (refused.length < maxRefused) refused.push({ id, reason });
}

/** Fields of a filter that a dead letter has one value of. */
const fields = ["type", "queue", "state", "siteId", "group", "parent"] as const satisfies readonly (keyof ReplayFilter)[];

/**
 * Whether two replays may name the same dead letters. Two filters do unless a field or their times part them; two lists of ids when they share one. Of a
 * filter and a list this cannot be known without reading the jobs: false. Pure.
 */
export function mayOverlap(one: ReplaySelection, other: ReplaySelection): boolean {
  if (one.filter && other.filter) return !areApart(one.filter, other.filter);
  const named = new Set(other.ids);
  return one.ids?.some((id) => named.has(id)) ?? false;
}

function areApart(one: ReplayFilter, other: ReplayFilter): boolean {
  const isBefore = (first: ReplayFilter, second: ReplayFilter) => first.to !== undefined && second.from !== undefined && first.to <= second.from;
  const differs = fields.some((name) => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]);
  return differs || isBefore(one, other) || isBefore(other, one);
}
