import { agentGate, type AgentWork, type AgentWorld, type FailedJob } from "../domain/agents/capability";
import { agents } from "../domain/agents/list";
import { agentQueries } from "../domain/agents/queries";
import { waitsForMoney } from "../domain/agents/budget";
import { agentRuns, allAgents, decide, putBudget, putStopped } from "../domain/agents/store";
import { wake } from "../domain/agents/wake";
import type { MediaParts } from "../domain/media/capability";
import { productsLackingTexts, saveProductTexts } from "../domain/shop/products/texts";
import { troubles } from "../domain/shop/site/queries";
import type { WorkerEnv } from "../env";
import type { AgentDeps } from "../intake/agents/deps";
import { agent } from "../jobs/agent/job";
import { supplierOrders } from "../jobs/supplier-orders/job";
import { syncOrders } from "../jobs/sync-orders/job";
import { syncOrdersPart } from "../jobs/sync-orders-part/job";
import { syncProducts } from "../jobs/sync-products/job";
import { syncSingleOrder } from "../jobs/sync-single-order/job";
import type { createPayloads } from "../ledger/payloads";
import { createQueries } from "../ledger/queries";
import { ok } from "../queue/effect";
import type { CapabilityScope, Engine, Missing } from "../queue/engine";
import { retryNow } from "../queue/operate";
import type { Stores } from "./stores";

export interface AgentParts {
  env: WorkerEnv;
  stores: Pick<Stores, "sites">;
  media: MediaParts;
  payloads: ReturnType<typeof createPayloads>;
  now(): number;
  engine(): Engine;
}

/** What agents do about shops. */
const syncs: readonly string[] = [syncOrders, syncOrdersPart, syncProducts, syncSingleOrder, supplierOrders].map(({ type }) => type);
/** Failed jobs that an agent is shown, and groups of them. */
const maxShown = 50;
const maxGroups = 20;
const maxPictures = 20;
/** Jobs that one start of an agent wakes; others come by themselves within the hour. */
const maxWoken = 200;

/** The records and tools of one tenant's agents, for a run. */
export function agentsFor(parts: AgentParts, { tenant, onCall }: CapabilityScope): AgentWork | Missing {
  if (tenant === null) return { missing: "agents are a tenant's own" };
  return {
    runs: agentRuns(parts.env.DB, parts.payloads, tenant),
    world: worldOf(parts, tenant),
    went: (name, how) => onCall(agentGate(name), how),
  };
}

function worldOf({ env, stores, media, now, engine }: AgentParts, tenant: string): AgentWorld {
  const db = env.DB;
  const queries = createQueries(db);
  return {
    async productsLackingTexts(site, wanted) {
      if (!(await stores.sites.get(tenant, site))) return null;
      return productsLackingTexts({ db, tenant, site }, wanted);
    },
    saveProductTexts: (site, job, texts) => saveProductTexts({ db, tenant, site }, job, texts, now()),
    async altTexts(product) {
      const page = await media.queries.list(tenant, `products/${product}/`, { after: "", limit: maxPictures });
      return page.media.flatMap(({ key, altText }) => (altText ? [{ key, altText: altText.text }] : []));
    },
    async syncTroubles(siteId) {
      const filter = siteId === undefined ? {} : { siteId };
      const page = { limit: maxShown };
      // By type: other jobs that fail in numbers hide no sync.
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
    },
    async retrySyncs(ids) {
      const jobs = await Promise.all(ids.map((id) => queries.job(tenant, id)));
      const refs = jobs.flatMap((job) => (job && syncs.includes(job.type) ? [{ tenant, id: job.id }] : []));
      const changed = await retryNow(engine(), refs, { event: "retried", from: ["dead", "discarded"] });
      return ok(changed.map(({ id }) => id));
    },
  };
}

function newest<T extends { at: number }>(rows: readonly T[]): T[] {
  return rows.toSorted((one, other) => other.at - one.at).slice(0, maxShown);
}

interface Failing {
  id: string;
  type: string;
  state: string;
  siteId: string | null;
  reason: string | null;
  attempt: number;
  at: number;
}

function failedJobFrom({ id, type, state, siteId, reason, attempt, at }: Failing): FailedJob {
  return { id, type, state, siteId, reason: (reason ?? "").slice(0, 500), attempts: attempt, since: new Date(at).toISOString() };
}

/** What the routes about agents stand on. */
export function createAgentDeps(parts: AgentParts): AgentDeps {
  const { env, now } = parts;
  const { runs, run, agents: settings } = agentQueries(env.DB, parts.payloads);
  return {
    agents: () => agents,
    settings: (tenant) => settings(tenant, now()),
    runs,
    run,
    async decide(tenant, job, decision) {
      if (!(await decide(env.DB, tenant, job, decision, now()))) return false;
      await wake({ db: env.DB, engine: parts.engine() }, tenant, job);
      return true;
    },
    async putBudget(tenant, name, budget) {
      await putBudget(env.DB, tenant, name ?? allAgents, budget);
      await wakeWaiting(parts, tenant, "budget", waitsForMoney);
    },
    stop: (tenant, name, by) => putStopped(env.DB, tenant, name, { at: now(), by }),
    async start(tenant, name) {
      await putStopped(env.DB, tenant, name, null);
      await wakeWaiting(parts, tenant, "started", (reason) => reason.startsWith("the agent is stopped"));
    },
  };
}

/** Brings runs forward that wait for such a reason; one for which it still holds waits again. */
async function wakeWaiting({ env, engine }: AgentParts, tenant: string, event: string, isWanted: (reason: string) => boolean): Promise<void> {
  const { jobs } = await createQueries(env.DB).jobs(tenant, { type: agent.type, state: "waiting" }, { limit: maxWoken });
  const waiting = jobs.filter(({ reason }) => reason !== null && isWanted(reason));
  await retryNow(
    engine(),
    waiting.map(({ id }) => ({ tenant, id })),
    { event, from: ["waiting"] },
  );
}
