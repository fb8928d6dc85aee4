import type { Queries } from "../../ledger/queries";
import { ok } from "../../queue/effect";
import type { CapabilityScope, Engine } from "../../queue/engine";
import { retryNow } from "../../queue/operate";
import type { SiteStore } from "../../tenants/site";
import { listMedia } from "../media/queries";
import { productsLackingTexts, saveProductTexts } from "../shop/products/texts";
import { troubles } from "../shop/site/queries";
import { agentGate, type AgentWork, type AgentWorld, type FailedJob, type SyncTroubles } from "./capability";
import type { Texts } from "./rows";
import { createAgentRuns } from "./store";

/** Failed jobs, groups of them and pictures that an agent reads. */
const maxShown = 50;
const maxGroups = 20;
const maxPictures = 20;

export interface AgentDeps {
  db: D1Database;
  payloads: Texts;
  sites: Pick<SiteStore, "get">;
  queries: Pick<Queries, "job" | "jobs" | "deadLetters" | "groups">;
  /** The types of jobs that sync shops. */
  syncs: readonly string[];
  engine(): Engine;
  now(): number;
}

/** The records and tools of one tenant's agents, for a run. */
export function createAgentWork(deps: AgentDeps, tenant: string, onResult: CapabilityScope["onResult"]): AgentWork {
  return {
    runs: createAgentRuns(deps.db, deps.payloads, tenant),
    world: createWorld(deps, tenant),
    reportResult: (name, result) => onResult(agentGate(name), result),
  };
}

function createWorld(deps: AgentDeps, tenant: string): AgentWorld {
  const { db, sites, now } = deps;
  return {
    productsLackingTexts: async (site, wanted) => ((await sites.get(tenant, site)) ? productsLackingTexts({ db, tenant, site }, wanted) : null),
    saveProductTexts: (site, job, texts) => saveProductTexts({ db, tenant, site }, job, texts, now()),
    async altTexts(product) {
      const page = await listMedia({ db, tenant }, `products/${product}/`, { after: "", limit: maxPictures });
      return page.media.flatMap(({ key, altText }) => (altText ? [{ key, altText: altText.text }] : []));
    },
    syncTroubles: (siteId) => syncTroubles(deps, tenant, siteId),
    retrySyncs: async (ids) => ok(await retrySyncs(deps, tenant, ids)),
  };
}

async function syncTroubles({ db, queries, syncs }: AgentDeps, tenant: string, siteId: string | undefined): Promise<SyncTroubles> {
  const filter = siteId === undefined ? {} : { siteId };
  const page = { limit: maxShown };
  // One query a type, so that many failures of other types hide no sync.
  const dead = await Promise.all(syncs.map((type) => queries.deadLetters(tenant, { ...filter, type }, page)));
  const held = await Promise.all(
    syncs.flatMap((type) => (["retrying", "waiting"] as const).map((state) => queries.jobs(tenant, { ...filter, type, state }, page))),
  );
  const ended = dead.flatMap(({ deadLetters }) => deadLetters.map((letter) => ({ ...letter, at: letter.diedAt })));
  const jobs = [newest(ended), newest(held.flatMap((each) => each.jobs))].flat().slice(0, maxShown);
  const groups = (await queries.groups(tenant)).filter(({ type }) => syncs.includes(type)).slice(0, maxGroups);
  const sites = [...(await troubles(db, tenant))].filter(([site]) => siteId === undefined || site === siteId);
  return {
    jobs: jobs.map(failedJobFrom),
    groups: groups.map(({ type, reason, count }) => ({ type, reason, count })),
    sites: sites.map(([site, { paused, lastError }]) => ({ site, paused: paused?.reason ?? null, lastError: lastError?.reason ?? null })),
  };
}

async function retrySyncs({ queries, syncs, engine }: AgentDeps, tenant: string, ids: readonly string[]): Promise<string[]> {
  const jobs = await Promise.all(ids.map((id) => queries.job(tenant, id)));
  const refs = jobs.flatMap((job) => (job && syncs.includes(job.type) ? [{ tenant, id: job.id }] : []));
  const changed = await retryNow(engine(), refs, { event: "retried", from: ["dead", "discarded"] });
  return changed.map(({ id }) => id);
}

function newest<T extends { at: number }>(rows: readonly T[]): T[] {
  return rows.toSorted((one, other) => other.at - one.at).slice(0, maxShown);
}

function failedJobFrom({ id, type, state, siteId, reason, attempt, at }: FailingJob): FailedJob {
  return { id, type, state, siteId, reason: (reason ?? "").slice(0, 500), attempts: attempt, since: new Date(at).toISOString() };
}

type FailingJob = Pick<FailedJob, "id" | "type" | "state" | "siteId"> & { reason: string | null; attempt: number; at: number };
