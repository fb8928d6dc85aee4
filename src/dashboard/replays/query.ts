import type { Replay, Replays } from "../answers";
import type { Visit } from "../page";

export function queryReplays({ api, url }: Visit): Promise<Replays> {
  return api.get<Replays>("/v1/replays", { limit: "50", cursor: url.searchParams.get("cursor") ?? undefined });
}

export function queryReplay({ api, params }: Visit): Promise<Replay> {
  return api.get<Replay>(`/v1/replays/${encodeURIComponent(params["id"] ?? "")}`);
}
