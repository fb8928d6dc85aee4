import { canonical } from "../../src/json/canonical";
import type { ReplayRequest, Replays, ReplayView } from "../../src/domain/replays/model";

/** Replays that send nothing and stay as they began. */
export function replaysOn(seen: { replays: Map<string, ReplayView & { request: ReplayRequest }> }, now: number): Replays {
  return {
    plan: async (_tenant, request) => ({
      total: request.ids?.length ?? 7,
      byType: { note: 7 },
      refused: [],
      checked: 0,
      more: false,
      effects: { done: 0, inDoubt: 0 },
      providerCalls: 7,
      usd: 0.0001,
    }),
    create: async (tenant, request, id = `r${seen.replays.size + 1}`) => {
      const replay = {
        id,
        state: "running",
        reason: null,
        total: 7,
        sent: 0,
        succeeded: 0,
        failedAgain: 0,
        cancelled: 0,
        open: 0,
        failed: 0,
        canary: request.canary ?? 5,
        examples: [],
        at: now,
        endedAt: null,
        ratePerMinute: request.ratePerMinute ?? null,
      } as const;
      seen.replays.set(`${tenant}/${id}`, { ...replay, request });
      return replay;
    },
    earlier: async (tenant, id, request) => {
      const replay = seen.replays.get(`${tenant}/${id}`);
      return replay ? { view: viewOf(replay)!, isSame: canonical(replay.request) === canonical(request) } : null;
    },
    list: async (tenant) => [...seen.replays].filter(([key]) => key.startsWith(`${tenant}/`)).map(([, replay]) => viewOf(replay)!),
    ofGroup: async (tenant, group) =>
      [...seen.replays.values()].filter(({ request }) => request.filter?.group === group && tenant !== "").map((replay) => viewOf(replay)!),
    get: async (tenant, id) => viewOf(seen.replays.get(`${tenant}/${id}`)),
    abort: async (tenant, id) => {
      const replay = viewOf(seen.replays.get(`${tenant}/${id}`));
      if (!replay) return null;
      const aborted = { ...replay, state: "stopped", reason: "an operator stopped it", endedAt: now } as const;
      seen.replays.set(`${tenant}/${id}`, { ...aborted, request: {} });
      return { replay: aborted, changed: replay.state === "running" };
    },
  };
}

function viewOf(replay: (ReplayView & { request: ReplayRequest }) | undefined): ReplayView | null {
  if (!replay) return null;
  const { request: _, ...view } = replay;
  return view;
}
