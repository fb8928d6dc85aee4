import type { HeavyView } from "../../ledger/heavy";
import type { PauseView } from "../../ledger/pauses";
import { effectsInDoubt } from "../../ledger/review";
import type { JobView } from "../../ledger/views";
import { unpolledAfterMs } from "../work/model";
import { type GateSource, maxGates } from "./gates";
import type { Why } from "./model";
import { gateOf, prospectWhy, type PausedSite, type Prospect, type Surroundings, whyOf } from "./why";

interface JobsWhyDeps extends Pick<GateSource, "gatesNamed"> {
  db: D1Database;
  now(): number;
  pauses(tenant: string | null): Promise<PauseView[]>;
  heavy(tenant: string | null): Promise<HeavyView[]>;
  polls(tenant: string): Promise<ReadonlyMap<string, number | null>>;
  isRemote(type: string): boolean;
}

/** Why each of a tenant's jobs does not run. Reads only what its jobs may wait for. */
export async function jobsWhy(deps: JobsWhyDeps, tenant: string, jobs: readonly JobView[]): Promise<(Why | null)[]> {
  const open = jobs.filter(({ endedAt, state }) => endedAt === null && state !== "running");
  const named = [...new Set(open.flatMap((job) => gateOf(job) ?? []))].slice(0, maxGates);
  const discarded = jobs.flatMap(({ id, state }) => (state === "discarded" ? [id] : []));
  const [around, heavy, gates, doubts] = await Promise.all([
    holding(deps, tenant, open),
    open.some(({ state }) => state === "queued") ? deps.heavy(tenant) : [],
    named.length === 0 ? [] : deps.gatesNamed(tenant, named),
    discarded.length === 0 ? new Map<string, string[]>() : effectsInDoubt(deps.db, tenant, discarded),
  ]);
  const surroundings: Surroundings = { ...around, now: deps.now(), heavy, doubts, gates: new Map(gates.map((gate) => [gate.dependency, gate])) };
  return jobs.map((job) => whyOf(tenant, job, surroundings));
}

/** Why jobs that are about to be enqueued would wait: a pause, their paused site, no worker. Null: none of these. */
export async function prospectsWhy(deps: JobsWhyDeps, tenant: string, jobs: readonly Prospect[]): Promise<(Why | null)[]> {
  const around = await holding(deps, tenant, jobs);
  return jobs.map((job) => prospectWhy(tenant, job, around, deps.now()));
}

type Holding = Pick<Surroundings, "pauses" | "pausedSites" | "unpolled">;

async function holding(deps: JobsWhyDeps, tenant: string, jobs: readonly Pick<Prospect, "type" | "siteId">[]): Promise<Holding> {
  const [pauses, sites, unpolled] = await Promise.all([
    jobs.length === 0 ? [] : deps.pauses(tenant),
    jobs.some(({ siteId }) => siteId !== null) ? pausedSites(deps.db, tenant) : new Map<string, PausedSite>(),
    jobs.some(({ type }) => deps.isRemote(type)) ? silentTypes(deps, tenant) : new Map<string, number | null>(),
  ]);
  return { pauses, pausedSites: sites, unpolled };
}

/** Remote types that no worker has asked for lately, each with the time since when. */
export async function silentTypes({ polls, now }: Pick<JobsWhyDeps, "polls" | "now">, tenant: string): Promise<Map<string, number | null>> {
  return new Map([...(await polls(tenant))].filter(([, at]) => at === null || now() - at > unpolledAfterMs));
}

/** By `tenant site`; of null those of all tenants. */
export async function pausedSites(db: D1Database, tenant: string | null): Promise<ReadonlyMap<string, PausedSite>> {
  const sql = `SELECT tenant, site, paused_reason AS reason, paused_at AS since FROM shop_sites WHERE (?1 IS NULL OR tenant = ?1) AND paused_at IS NOT NULL LIMIT 500`;
  const { results } = await db.prepare(sql).bind(tenant).all<PausedSite & { tenant: string; site: string }>();
  return new Map(results.map(({ tenant: owner, site, reason, since }) => [`${owner} ${site}`, { reason, since }]));
}
