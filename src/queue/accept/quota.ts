import type { Engine } from "../engine";
import { orTrouble } from "../or-trouble";
import { idsOf } from "./prepare";
import { tooManyRequests } from "./receipts";
import type { EnqueueRequest, Refused } from "../request";
import { isFull } from "../send/send";

interface Limited {
  /** Requests beyond their tenant's quota. The first requests of each tenant pass until the quota is used up. */
  refused: Map<EnqueueRequest, Refused>;
  /** Requests whose key has a row already: they cost no quota and are not refused. Looked up only where a request may be refused. */
  repeats: Set<EnqueueRequest>;
}

/** Applies the tenants' quotas. Never throws: while the ledger is away every keyed request counts as new. */
export async function applyQuotas(engine: Engine, requests: readonly EnqueueRequest[]): Promise<Limited> {
  const refused = new Map<EnqueueRequest, Refused>();
  const repeats = new Set<EnqueueRequest>();
  for (const [tenant, own] of Map.groupBy(requests, (request) => request.tenant)) {
    const limited = await engine.quota.isSet(tenant);
    if (!limited && !own.some((request) => meetsFullQueue(engine, request))) continue;
    const named = await Promise.all(own.map(async (request) => ({ request, ids: await idsOf(engine, request) })));
    const existing = await existingIds(
      engine,
      tenant,
      named.flatMap(({ ids }) => ids),
    );
    for (const { request, ids } of named) if (ids.some((id) => existing.has(id))) repeats.add(request);
    if (!limited) continue;
    // Several new requests under one key are charged as one.
    const fresh = named.filter(({ request }) => !repeats.has(request));
    const charged = Map.groupBy(fresh, ({ request, ids }) => ids[0] ?? request);
    const { granted, retryAfter } = await engine.quota.take(tenant, charged.size);
    for (const { request } of [...charged.values()].slice(granted).flat())
      refused.set(request, tooManyRequests("the tenant's quota of jobs per minute is used up", retryAfter));
  }
  return { refused, repeats };
}

function meetsFullQueue(engine: Engine, { type, key, own }: EnqueueRequest): boolean {
  if (key === undefined && own === undefined) return false;
  return engine.registry.find(type)?.contract.queues.some((queue) => isFull(engine, queue)) ?? false;
}

async function existingIds(engine: Engine, tenant: string, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const missing = await orTrouble(engine, "ledger", () => engine.ledger.missing(ids.map((id) => ({ tenant, id }))), { tenant });
  if (!missing) return new Set();
  const unknown = new Set(missing.map(({ id }) => id));
  return new Set(ids.filter((id) => !unknown.has(id)));
}
