import type { BulkAction, BulkPlan, Plan, Sites, Types } from "../answers";
import { ApiProblem } from "../api";
import { unknownIn } from "../jobs/unknown";
import type { Visit } from "../page";
import { bulkPaths } from "./actions";
import { type BulkVerb, type Selection, selectionFrom, verbIn } from "./selection";

/** A selection that was refused, and why. Without a verb there is no plan to correct. */
export interface RefusedPlan {
  verb: BulkVerb | undefined;
  issue: string;
}

/** `unknown`: the name in the filter that does not exist, for a plan without jobs. */
export type AcceptedPlan = { selection: Selection; unknown: string | undefined } & (
  | { verb: "replay"; plan: Plan }
  | { verb: Exclude<BulkVerb, "replay">; plan: BulkPlan }
);

export type PlanModel = AcceptedPlan | RefusedPlan;

/** The plan of an action on many jobs, or the reason why the filter is refused. */
export async function queryPlan({ api, url, now, may }: Visit): Promise<PlanModel> {
  if (!may("operate")) throw new ApiProblem(403, "This token may not act on jobs.");
  const verb = verbIn(url.searchParams);
  if (!verb) return { verb, issue: "There is no such action. Tick jobs or filter the list, then choose an action." };
  const selection = selectionFrom(url.searchParams, now);
  if (!selection) return { verb, issue: "No job is ticked and no filter is set. Tick jobs, or give a filter." };
  try {
    return await planFor(api, verb, selection);
  } catch (thrown) {
    if (thrown instanceof ApiProblem && thrown.status === 422) return { verb, issue: thrown.message };
    throw thrown;
  }
}

async function planFor(api: Visit["api"], verb: BulkVerb, selection: Selection): Promise<AcceptedPlan> {
  const body = { ...selection, plan: true };
  if (verb === "replay") {
    const plan = await api.send<Plan>("POST", "/v1/replays", body);
    return { verb, selection, plan, unknown: await unknownName(api, selection, plan.total) };
  }
  const plan = await api.send<BulkPlan>("POST", bulkPaths[verb], body);
  return { verb, selection, plan, unknown: await unknownName(api, selection, plan.total) };
}

async function unknownName(api: Visit["api"], selection: Selection, total: number): Promise<string | undefined> {
  if (total > 0 || "ids" in selection) return undefined;
  const [{ types }, { sites }] = await Promise.all([api.get<Types>("/v1/types"), api.get<Sites>("/v1/sites")]);
  return unknownIn(selection.filter, { types, sites });
}

export function queryBulk({ api, params }: Visit): Promise<BulkAction> {
  return api.get<BulkAction>(`/v1/bulk-actions/${encodeURIComponent(params["id"] ?? "")}`);
}
