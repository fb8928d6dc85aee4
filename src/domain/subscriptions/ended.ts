import { createOutbox, type Outbox } from "../../outbox";
import type { Enqueue, Receipt } from "../../queue/request";
import { jobEventOf } from "./model";

/** The end of a job, as subscriptions receive it. */
interface EndedJob {
  tenant: string;
  job: string;
  /** The delivery generation in which it ended: a replayed job ends again. */
  seq: number;
  state: string;
  at: number;
}

/** A delivery to enqueue; the caller decides the type of job. */
export interface EndedDelivery {
  tenant: string;
  subscription: string;
  key: string;
  body: Record<string, unknown>;
  about: readonly string[];
}

export type EndedJobPublisher = ReturnType<typeof createEndedJobPublisher>;

interface EndedJobsDeps {
  db: D1Database;
  enqueue: Enqueue;
  requestOf(delivery: EndedDelivery): Parameters<Enqueue>[0][number];
  /** A job's result with its personal fields masked. */
  masked(type: string, result: string | null): unknown;
}

const max = 100;
/** Tenants of one tick. */
const maxTenants = 50;
/** A longer result is omitted from the delivery; the receiver reads it by the job's id. Characters. */
const maxResult = 16_000;

/**
 * The trigger `jobs_ended` writes the rows, in the transaction that ends the job. A row is deleted once its deliveries are accepted, under keys that
 * derive from it. After a crash in between the same keys are sent again, so each end is published once.
 */
export function createEndedJobPublisher(deps: EndedJobsDeps) {
  return {
    /** Publishes the unpublished ends of one tenant; or (null, for the tick) some of each of many tenants. Returns how many jobs. Throws when the database cannot be reached. */
    publish: (tenant: string | null): Promise<number> => (tenant === null ? publishSome(deps) : publishAll(deps, tenant)),
  };
}

function outboxOf(db: D1Database): Outbox {
  return createOutbox(db, { table: "ended_jobs", key: ["tenant", "job", "seq"], maxTenants });
}

async function publishAll(deps: EndedJobsDeps, tenant: string): Promise<number> {
  let published = 0;
  for (;;) {
    const count = await publishPage(deps, tenant);
    published += count;
    if (count < max) return published;
  }
}

async function publishSome(deps: EndedJobsDeps): Promise<number> {
  let published = 0;
  for (const tenant of await outboxOf(deps.db).tenants()) published += await publishPage(deps, tenant);
  return published;
}

async function publishPage({ db, enqueue, requestOf, masked }: EndedJobsDeps, tenant: string): Promise<number> {
  const { results } = await db.prepare(pendingSql).bind(tenant).all<Row>();
  const rows = [...Map.groupBy(results, endedKey).values()];
  const deliveries = results.flatMap((row) => deliveryOf(row, masked));
  const receipts = deliveries.length > 0 ? await enqueue(deliveries.map(requestOf)) : [];
  const refused = new Set(deliveries.filter((_, index) => isForNow(receipts[index])).map(({ key }) => key));
  const settled = rows.flatMap(([first]) => (first && !refused.has(endedKey(first)) ? [[first.tenant, first.job, first.seq]] : []));
  await outboxOf(db).remove(settled);
  // Refused rows stay for the next tick; a further page would read them again.
  return refused.size > 0 ? 0 : rows.length;
}

/** A transient refusal. Rows that are refused for their content would be refused for ever, and are deleted. */
function isForNow(receipt: Receipt | undefined): boolean {
  return !receipt || (!receipt.ok && (receipt.code === "unavailable" || receipt.code === "too-many-requests"));
}

interface Row extends EndedJob {
  type: string | null;
  reason: string | null;
  result: string | null;
  entities: string | null;
  subscription: string | null;
  events: string | null;
}

/** The job's row, and every subscription, may be deleted: then there is nothing to publish. */
const pendingSql = `
  SELECT e.tenant, e.job, e.seq, e.state, e.at, j.type, j.reason, j.result, j.entities, s.name AS subscription, s.events
  FROM (SELECT * FROM ended_jobs WHERE tenant = ?1 LIMIT ${max}) e
  LEFT JOIN jobs j ON j.tenant = e.tenant AND j.id = e.job
  LEFT JOIN subscriptions s ON s.tenant = e.tenant AND s.jobs = 1 AND s.retired IS NULL`;

function deliveryOf(row: Row, shown: EndedJobsDeps["masked"]): EndedDelivery[] {
  const type = jobEventOf(row.state);
  const events = row.events === null ? [] : (JSON.parse(row.events) as string[]);
  if (type === undefined || row.subscription === null || row.type === null || !events.includes(type)) return [];
  const result = row.result !== null && row.result.length <= maxResult ? shown(row.type, row.result) : undefined;
  const data = { id: row.job, type: row.type, state: row.state, ...(row.reason ? { reason: row.reason } : {}), ...(result === undefined ? {} : { result }) };
  const id = `${row.job}.${row.seq}`;
  const body = { id, type, timestamp: new Date(row.at).toISOString(), data };
  return [{ tenant: row.tenant, subscription: row.subscription, key: endedKey(row), body, about: entitiesOf(row.entities) }];
}

function endedKey({ tenant, job, seq }: EndedJob): string {
  return `${tenant}/${job}/${seq}`;
}

function entitiesOf(text: string | null): string[] {
  const all = text === null ? [] : (JSON.parse(text) as unknown);
  return Array.isArray(all) ? all.filter((each): each is string => typeof each === "string") : [];
}
