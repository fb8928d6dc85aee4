import { ApiProblem } from "../api";
import type { Groups, Plan, Replay } from "../answers";
import type { Visit } from "../page";

export interface FailuresModel {
  groups: Groups["groups"];
  replays: Replay[];
}

export async function queryFailures({ api }: Visit): Promise<FailuresModel> {
  const [{ groups }, { replays }] = await Promise.all([
    api.get<Groups>("/v1/dead-letters/groups"),
    api.get<{ replays: Replay[] }>("/v1/replays", { limit: "20" }),
  ]);
  return { groups, replays };
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
  group: Groups["groups"][number];
  letters: Letter[];
  cursor: string | null;
  /** What a replay of the group would do; for those who may replay it. */
  plan: Plan | null;
}

export async function queryGroup({ api, params, url, may }: Visit): Promise<GroupModel> {
  const name = params["group"] ?? "";
  const cursor = url.searchParams.get("cursor") ?? undefined;
  const [{ groups }, { deadLetters, cursor: next }, plan] = await Promise.all([
    api.get<Groups>("/v1/dead-letters/groups"),
    api.get<{ deadLetters: Letter[]; cursor: string | null }>("/v1/dead-letters", { group: name, limit: "50", cursor }),
    may("operate") ? api.send<Plan>("POST", "/v1/replays", { filter: { group: name }, plan: true }) : null,
  ]);
  const group = groups.find((each) => each.group === name);
  if (!group) throw new ApiProblem(404, "None of these is dead any more.");
  return { group, letters: deadLetters, cursor: next, plan };
}

export function queryReplay({ api, params }: Visit): Promise<Replay> {
  return api.get<Replay>(`/v1/replays/${encodeURIComponent(params["id"] ?? "")}`);
}
