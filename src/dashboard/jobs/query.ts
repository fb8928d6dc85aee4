import type { Jobs, Sites, Stats, Types } from "../answers";
import { ApiProblem } from "../api";
import type { Visit } from "../page";
import { type Search, searchFrom, timeAt } from "./search";
import { unknownIn } from "./unknown";
import { minuteMs } from "../../time/day";

export interface JobsModel extends Jobs {
  search: Search;
  /** Jobs by state; empty for a filter without counters. */
  counts: Readonly<Record<string, number>>;
  types: string[];
  sites: string[];
  /** The reason of a refused search. */
  issue?: string;
  /** The name in the search that does not exist, for a search without results. */
  unknown: string | undefined;
}

const limit = "50";

export async function queryJobs({ api, url, now }: Visit): Promise<JobsModel> {
  const search = searchFrom(url.searchParams);
  const query = { ...search, from: timeAt(search.from, now), to: timeAt(search.to, now), cursor: url.searchParams.get("cursor") ?? undefined, limit };
  const [jobs, { groups = [], backlog }, { types }, { sites }] = await Promise.all([
    found(api, query),
    api.get<Stats>("/v1/stats", { by: "type", from: new Date(now - minuteMs).toISOString() }),
    api.get<Types>("/v1/types"),
    api.get<Sites>("/v1/sites"),
  ]);
  const isNarrowed = Object.keys(search).some((name) => name !== "state" && name !== "type");
  return {
    ...jobs,
    search,
    counts: isNarrowed ? {} : countsOf(groups, backlog, search.type),
    unknown: jobs.jobs.length === 0 && jobs.cursor === null ? unknownIn(search, { types, sites }) : undefined,
    types: types.map(({ type }) => type),
    sites: sites.map(({ site }) => site),
  };
}

/** A refused search has no results and its reason; the search box stays, to correct it. */
async function found(api: Visit["api"], query: Readonly<Record<string, string | undefined>>): Promise<Jobs & { issue?: string }> {
  try {
    return await api.get<Jobs>("/v1/jobs", query);
  } catch (thrown) {
    if (thrown instanceof ApiProblem && thrown.status === 422) return { jobs: [], cursor: null, issue: thrown.message };
    throw thrown;
  }
}

/** Jobs by state. Dead letters are not counted by type. */
function countsOf(groups: NonNullable<Stats["groups"]>, { deadLetters, discarded }: Stats["backlog"], type: string | undefined): Record<string, number> {
  const counted = groups.filter(({ name }) => type === undefined || name === type);
  const sum = (...kinds: string[]) => counted.reduce((total, { open }) => total + kinds.reduce((all, kind) => all + (open[kind] ?? 0), 0), 0);
  return {
    // The list of queued jobs includes scheduled ones.
    queued: sum("ready", "scheduled"),
    running: sum("running"),
    scheduled: sum("scheduled"),
    waiting: sum("held", "parked"),
    retrying: sum("retrying"),
    ...(type === undefined ? { dead: deadLetters - discarded, discarded } : {}),
  };
}
