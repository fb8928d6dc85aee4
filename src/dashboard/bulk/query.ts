import type { BulkAction, BulkPlan, Plan, Sites, Types } from "../answers";
import { ApiProblem } from "../api";
import { unknownIn } from "../jobs/unknown";
import type { Visit } from "../page";
import { bulkPaths } from "./actions";
import { type BulkVerb, type Selection, selectionFrom } from "./selection";

/** `unknown`: the name in the filter that does not exist, for a plan without jobs. */
export type PlanModel = { selection: Selection; unknown: string | undefined } & (
  | { verb: "replay"; plan: Plan }
  | { verb: Exclude<BulkVerb, "replay">; plan: BulkPlan }
);

/** The plan of an action on many jobs. */
export async function queryPlan({ api, url, now, may }: Visit): Promise<PlanModel> {
  if (!may("operate")) throw new ApiProblem(403, "This token may not act on jobs.");
  const selected = selectionFrom(url.searchParams, now);
  if (!selected) throw new ApiProblem(422, "Tick jobs, or narrow the list by a filter, and choose what to do with them.");
  const { verb, selection } = selected;
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
