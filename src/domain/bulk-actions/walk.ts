import { failureKind } from "../../ledger/failure-kind";
import type { Replayable } from "../../ledger/replayable";
import type { JobFilter, JobPage, JobView, PageBounds } from "../../ledger/views";
import { type CandidatePage, type Walk, walkOver } from "../replays/walk";
import type { Why } from "../report/model";
import type { BulkRequest, CancelFilter, RunNowFilter } from "./model";

export interface WalkDeps {
  now(): number;
  replayable: Replayable;
  jobs(tenant: string, filter: JobFilter, page: PageBounds): Promise<JobPage>;
  /** The open jobs among these ids, with their types. */
  openOf(tenant: string, ids: readonly string[]): Promise<{ id: string; type: string }[]>;
  /** The jobs of these ids, in any order. */
  jobsOf(tenant: string, ids: readonly string[]): Promise<JobView[]>;
  /** Why each job does not run, in the order of `jobs`. */
  why(tenant: string, jobs: readonly JobView[]): Promise<(Why | null)[]>;
}

/** The walk over the jobs of a bulk action. */
export function walkOf(deps: WalkDeps, tenant: string, request: BulkRequest): Walk {
  const { action, ids } = request;
  if (action === "dismiss") return walkOver(deps.replayable, tenant, request);
  if (action === "run-now") return ids ? overHeldIds(deps, tenant, ids) : overHeld(deps, tenant, request.filter ?? {});
  return ids ? overOpenIds(deps, tenant, ids) : overOpen(deps, tenant, request.filter ?? {});
}

function overOpenIds(deps: WalkDeps, tenant: string, ids: readonly string[]): Walk {
  let known: Promise<Map<string, string>> | undefined;
  return async (cursor, limit) => {
    known ??= deps.openOf(tenant, ids).then((rows) => new Map(rows.map(({ id, type }) => [id, type])));
    return idPage(ids, await known, cursor, limit);
  };
}

/** The ids are looked up once: a job that is run now does not appear on a further page. */
function overHeldIds(deps: WalkDeps, tenant: string, ids: readonly string[]): Walk {
  let known: Promise<Map<string, string>> | undefined;
  return async (cursor, limit) => {
    known ??= deps.jobsOf(tenant, ids).then(async (jobs) => new Map((await runnableJobs(deps, tenant, jobs)).map(({ id, type }) => [id, type])));
    return idPage(ids, await known, cursor, limit);
  };
}

function idPage(ids: readonly string[], types: ReadonlyMap<string, string>, cursor: string | null, limit: number): CandidatePage {
  const from = Number(cursor ?? 0);
  const page = ids.slice(from, from + limit);
  const next = from + page.length;
  const candidates = page.map((id, index) => ({ id, type: types.get(id) ?? null, bytes: 0, position: String(from + index + 1) }));
  return { candidates, cursor: next < ids.length ? String(next) : null };
}

/** A page may be empty without being the last. */
function overOpen(deps: WalkDeps, tenant: string, filter: CancelFilter): Walk {
  return async (cursor, limit) => {
    const page = await openPage(deps, tenant, filter, cursor, limit);
    const candidates = page.jobs.map(({ id, type, endedAt }) => ({ id, type: endedAt === null ? type : null, bytes: 0, position: id }));
    return { candidates, cursor: page.cursor };
  };
}

/** As above, without jobs that would be held again. Of a failure group only retrying jobs are open. */
function overHeld(deps: WalkDeps, tenant: string, { group, ...filter }: RunNowFilter): Walk {
  const narrowed: CancelFilter = group === undefined ? filter : { state: "retrying", ...filter };
  return async (cursor, limit) => {
    const page = await openPage(deps, tenant, narrowed, cursor, limit);
    const jobs = group === undefined ? page.jobs : await ofGroup(page.jobs, group);
    const candidates = (await runnableJobs(deps, tenant, jobs)).map(({ id, type }) => ({ id, type, bytes: 0, position: id }));
    return { candidates, cursor: page.cursor };
  };
}

function openPage(deps: WalkDeps, tenant: string, filter: CancelFilter, cursor: string | null, limit: number): Promise<JobPage> {
  return deps.jobs(tenant, { state: "open", ...filter, onlyMarkedTails: true, now: deps.now() }, { limit, ...(cursor === null ? {} : { cursor }) });
}

/** Jobs that would run now: those that a pause, an open circuit, a paused site or the plan of their campaign holds would be held again. */
async function runnableJobs(deps: WalkDeps, tenant: string, jobs: readonly JobView[]): Promise<JobView[]> {
  if (jobs.length === 0) return [];
  const why = await deps.why(tenant, jobs);
  return jobs.filter((_, index) => why[index]?.actions.some(({ path }) => path.endsWith("/run-now")));
}

/** The retrying jobs of the failure group. A reason that many jobs have is hashed once. */
async function ofGroup(jobs: readonly JobView[], group: string): Promise<JobView[]> {
  const alike = [...Map.groupBy(jobs, ({ type, reason }) => JSON.stringify([type, reason])).values()];
  const kinds = await Promise.all(alike.map(([job]) => failureKind(job?.type ?? "", job?.reason ?? "")));
  const members = new Set(alike.flatMap((each, index) => (kinds[index] === group ? each : [])));
  return jobs.filter((job) => job.state === "retrying" && members.has(job));
}
