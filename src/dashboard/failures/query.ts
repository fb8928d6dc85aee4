import type { BulkAction, DeadLetters, Failure, Failures, Replay, Replays } from "../answers";
import type { Visit } from "../page";

export interface FailuresModel extends Failures {
  /** Status of the listed groups: open, or all. */
  isAll: boolean;
  /** Only groups that failed since the newest version of the Worker was first seen. */
  sinceDeploy: boolean;
  /** Whether the list leaves groups out; read only for an empty list. */
  hasOthers: boolean;
  replays: Replay[];
  bulk: BulkAction[];
}

export async function queryFailures({ api, tenant, url }: Visit): Promise<FailuresModel> {
  const isAll = url.searchParams.get("status") === "all";
  const sinceDeploy = url.searchParams.get("since") === "deploy";
  const filter = { status: isAll ? undefined : "open", since: sinceDeploy ? "deploy" : undefined, cursor: url.searchParams.get("cursor") ?? undefined };
  const isOne = tenant !== "*";
  const [failures, replays, bulk] = await Promise.all([
    api.get<Failures>("/v1/failures", filter),
    isOne ? api.get<Replays>("/v1/replays", { limit: "5" }) : undefined,
    isOne ? api.get<{ actions: BulkAction[] }>("/v1/bulk-actions", { limit: "10" }) : undefined,
  ]);
  const isEmpty = failures.failures.length === 0 && (!isAll || sinceDeploy);
  const hasOthers = isEmpty && (await api.get<Failures>("/v1/failures", { limit: "1" })).failures.length > 0;
  return { ...failures, isAll, sinceDeploy, hasOthers, replays: replays?.replays ?? [], bulk: bulk?.actions ?? [] };
}

/** The address of the list with one filter changed. */
export function failuresAddress(base: string, { isAll, sinceDeploy, cursor }: { isAll: boolean; sinceDeploy: boolean; cursor?: string }): string {
  const query = new URLSearchParams({
    ...(isAll ? { status: "all" } : {}),
    ...(sinceDeploy ? { since: "deploy" } : {}),
    ...(cursor === undefined ? {} : { cursor }),
  });
  return `${base}/failures${query.size === 0 ? "" : `?${query}`}`;
}

export interface GroupModel {
  group: Failure;
  letters: DeadLetters["deadLetters"];
  cursor: string | null;
}

export async function queryGroup({ api, params, url }: Visit): Promise<GroupModel> {
  const name = params["group"] ?? "";
  const cursor = url.searchParams.get("cursor") ?? undefined;
  const [group, { deadLetters, cursor: next }] = await Promise.all([
    api.get<Failure>(`/v1/failures/${encodeURIComponent(name)}`),
    api.get<DeadLetters>("/v1/dead-letters", { group: name, limit: "50", cursor }),
  ]);
  return { group, letters: deadLetters, cursor: next };
}
