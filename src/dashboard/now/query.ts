import { dayMs, hourMs } from "../../time/day";
import type { Failures, Jobs, Queue, Queues, Report, Stats } from "../answers";
import type { Visit } from "../page";

export interface NowModel {
  ok: boolean;
  findings: Report["findings"];
  /** Only on a tenant's page. */
  running: Jobs["jobs"];
  /** Queues that are not idle. */
  queues: Queue[];
  idle: string[];
  groups: Failures["failures"];
  stats: Stats;
  hours: number;
}

const maxRunning = "20";
const maxGroups = "10";
/** Groups whose last failure is older are only on the page Failures. Milliseconds. */
const failingForMs = 7 * dayMs;
export const ranges: readonly number[] = [1, 6, 24, 168];

export async function queryNow({ api, tenant, url, now }: Visit): Promise<NowModel> {
  const hours = ranges.find((each) => String(each) === url.searchParams.get("hours")) ?? 1;
  // Both ends: without `to` the API takes its own clock, by which the longest range would be too long.
  const [from, to] = [now - hours * hourMs + 1, now].map((at) => new Date(at).toISOString());
  const isOne = tenant !== "*";
  const [report, { queues }, stats, jobs, groups] = await Promise.all([
    api.get<Report>("/v1/report"),
    api.get<Queues>("/v1/queues"),
    api.get<Stats>("/v1/stats", { from, to, by: isOne ? undefined : "tenant" }),
    isOne ? api.get<Jobs>("/v1/jobs", { state: "running", limit: maxRunning }) : undefined,
    api.get<Failures>("/v1/failures", { status: "open", from: new Date(now - failingForMs).toISOString(), limit: maxGroups }),
  ]);
  return {
    ...report,
    running: jobs?.jobs ?? [],
    queues: queues.filter(({ health }) => health !== "idle"),
    idle: queues.filter(({ health }) => health === "idle").map(({ queue }) => queue),
    groups: groups.failures.filter(({ retrying, dead }) => retrying + dead > 0),
    stats,
    hours,
  };
}
