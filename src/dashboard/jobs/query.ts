import type { Jobs, Queues, Sites, Stats, Types } from "../answers";
import type { Visit } from "../page";
import { type Search, searchFrom, timeAt } from "./search";

export interface JobsModel extends Jobs {
  search: Search;
  /** How many there are by state, where that is known. */
  counts: Readonly<Record<string, number>>;
  types: string[];
  sites: string[];
}

const limit = "50";

export async function queryJobs({ api, url, now }: Visit): Promise<JobsModel> {
  const search = searchFrom(url.searchParams);
  const query = { ...search, from: timeAt(search.from, now), to: timeAt(search.to, now), cursor: url.searchParams.get("cursor") ?? undefined, limit };
  const [jobs, { queues }, stats, { types }, { sites }] = await Promise.all([
    api.get<Jobs>("/v1/jobs", query),
    api.get<Queues>("/v1/queues"),
    api.get<Stats>("/v1/stats", { from: new Date(now - 60_000).toISOString() }),
    api.get<Types>("/v1/types"),
    api.get<Sites>("/v1/sites"),
  ]);
  const sum = (name: "ready" | "running" | "scheduled" | "held" | "retrying") => queues.reduce((total, queue) => total + queue[name], 0);
  return {
    ...jobs,
    search,
    counts: {
      queued: sum("ready"),
      running: sum("running"),
      scheduled: sum("scheduled"),
      waiting: sum("held"),
      retrying: sum("retrying"),
      failed: stats.backlog.deadLetters,
    },
    types: types.map(({ type }) => type),
    sites: sites.map(({ site }) => site),
  };
}
