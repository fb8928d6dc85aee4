import type { BulkAction, BulkPlan, Plan } from "../answers";
import { ApiProblem } from "../api";
import type { Visit } from "../page";
import { bulkPaths } from "./actions";
import { type BulkVerb, type Selection, selectionFrom } from "./selection";

export type PlanModel = { selection: Selection } & ({ verb: "replay"; plan: Plan } | { verb: Exclude<BulkVerb, "replay">; plan: BulkPlan });

/** What would be done, before anything is. */
export async function queryPlan({ api, url, now, may }: Visit): Promise<PlanModel> {
  if (!may("operate")) throw new ApiProblem(403, "This token may not act on jobs.");
  const selected = selectionFrom(url.searchParams, now);
  if (!selected) throw new ApiProblem(422, "Tick jobs, or narrow the list by a filter, and choose what to do with them.");
  const { verb, selection } = selected;
  const body = { ...selection, plan: true };
  if (verb === "replay") return { verb, selection, plan: await api.send<Plan>("POST", "/v1/replays", body) };
  return { verb, selection, plan: await api.send<BulkPlan>("POST", bulkPaths[verb], body) };
}

export function queryBulk({ api, params }: Visit): Promise<BulkAction> {
  return api.get<BulkAction>(`/v1/bulk-actions/${encodeURIComponent(params["id"] ?? "")}`);
}
