import { canonical } from "../../src/json/canonical";
import type { ReplayRequest, Replays, ReplayView } from "../../src/domain/replays/model";

/** Replays that send nothing and stay as they began. */
export function replaysOn(seen: { replays: Map<string, ReplayView & { request: ReplayRequest }> }, now: number): Replays {
  const change = (state: ReplayView["state"], changes: Partial<ReplayView>) => async (tenant: string, id: string) => {
    const replay = viewOf(seen.replays.get(`${tenant}/${id}`));
    if (!replay) return null;
    const changed = replay.state === state;
    const after = changed ? { ...replay, ...changes } : replay;
    seen.replays.set(`${tenant}/${id}`, { ...after, request: {} });
    return { replay: after, changed };
  };
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
    create: async (tenant, request, id = `r${seen.replays.size + 1}`, actor = null) => {
      const replay = {
        id,
        tenant,
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
        filter: request.filter ?? null,
        ids: request.ids?.length ?? null,
        patched: Object.keys(request.patch ?? {}),
        actor,
        actorName: null,
      } as const;
      seen.replays.set(`${tenant}/${id}`, { ...replay, request });
      return replay;
    },
    earlier: async (tenant, id, request) => {
      const replay = seen.replays.get(`${tenant}/${id}`);
      return replay ? { view: viewOf(replay)!, isSame: canonical(replay.request) === canonical(request) } : null;
    },
    list: async (tenant) => ({
      replays: [...seen.replays.values()].filter((replay) => tenant === null || replay.tenant === tenant).map((replay) => viewOf(replay)!),
      cursor: null,
    }),
    ofGroup: async (tenant, group) =>
      [...seen.replays.values()].filter(({ request }) => request.filter?.group === group && tenant !== "").map((replay) => viewOf(replay)!),
    get: async (tenant, id) => viewOf(seen.replays.get(`${tenant}/${id}`)),
    abort: change("running", { state: "stopped", reason: "an operator stopped it", endedAt: now }),
    setRate: (tenant, id, ratePerMinute) => change("running", { ratePerMinute })(tenant, id),
    resume: change("stopped", { state: "running", reason: null, endedAt: null }),
  };
}

function viewOf(replay: (ReplayView & { request: ReplayRequest }) | undefined): ReplayView | null {
  if (!replay) return null;
  const { request: _, ...view } = replay;
  return view;
}
