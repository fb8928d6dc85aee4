import type { BulkAction, Failure, Failures, Replay } from "../answers";
import type { Visit } from "../page";

export interface FailuresModel extends Failures {
  /** Shown: those that are open, or all. */
  isAll: boolean;
  replays: Replay[];
  bulk: BulkAction[];
}

export async function queryFailures({ api, tenant, url }: Visit): Promise<FailuresModel> {
  const isAll = url.searchParams.get("status") === "all";
  const filter = { status: isAll ? undefined : "open", since: url.searchParams.get("since") ?? undefined, cursor: url.searchParams.get("cursor") ?? undefined };
  const isOne = tenant !== "*";
  const [failures, replays, bulk] = await Promise.all([
    api.get<Failures>("/v1/failures", filter),
    isOne ? api.get<{ replays: Replay[] }>("/v1/replays", { limit: "20" }) : undefined,
    isOne ? api.get<{ actions: BulkAction[] }>("/v1/bulk-actions", { limit: "10" }) : undefined,
  ]);
  return { ...failures, isAll, replays: replays?.replays ?? [], bulk: bulk?.actions ?? [] };
}

export interface Letter {
  id: string;
  state: string;
  siteId: string | null;
  reason: string;
  attempt: number;
  diedAt: string;
}

export interface GroupModel {
  group: Failure;
  letters: Letter[];
  cursor: string | null;
}

export async function queryGroup({ api, params, url }: Visit): Promise<GroupModel> {
  const name = params["group"] ?? "";
  const cursor = url.searchParams.get("cursor") ?? undefined;
  const [group, { deadLetters, cursor: next }] = await Promise.all([
    api.get<Failure>(`/v1/failures/${encodeURIComponent(name)}`),
    api.get<{ deadLetters: Letter[]; cursor: string | null }>("/v1/dead-letters", { group: name, limit: "50", cursor }),
  ]);
  return { group, letters: deadLetters, cursor: next };
}

export function queryReplay({ api, params }: Visit): Promise<Replay> {
  return api.get<Replay>(`/v1/replays/${encodeURIComponent(params["id"] ?? "")}`);
}
