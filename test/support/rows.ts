import { env } from "cloudflare:workers";
import { createQueries } from "../../src/ledger/queries";
import { createIds } from "../../src/queue/id";
import type { NewJob } from "../../src/queue/ports/intake-ledger";
import type { Lease, Transition } from "../../src/queue/ports/run-ledger";

export const ids = createIds("the id secret of the ledger's tests");
export const noon = Date.UTC(2026, 10, 21, 12);

/** A row as enqueue writes it: no key, no delay, no entity. */
export function newJob(more: Partial<NewJob> & { tenant: string; id: string }): NewJob {
  return {
    type: "email",
    version: 1,
    queue: "events",
    seq: 0,
    at: noon,
    due: null,
    trace: null,
    sent: noon,
    wake: null,
    boot: "",
    payload: "{}",
    ref: null,
    fp: null,
    parent: null,
    site: null,
    entities: [],
    dry: false,
    maxAttempts: 3,
    attempt: 0,
    ...more,
  };
}

/** Children of a job have derived ids, as they do when a run enqueues them. */
export async function newJobs(tenant: string, count: number, more: Partial<NewJob> = {}): Promise<NewJob[]> {
  const { parent = null } = more;
  const idAt = (index: number) => (parent === null ? ids.make(tenant, noon + index) : ids.derive(tenant, ["child", parent, crypto.randomUUID()]));
  return Promise.all(Array.from({ length: count }, async (_, index) => newJob({ tenant, id: await idAt(index), ...more })));
}

export function lease(token: string, now = noon): Lease {
  return { token, until: now + 90_000, now, boot: "" };
}

/** Done, quietly; or what the caller gives. */
export function transition(job: { tenant: string; id: string }, more: Partial<Transition> = {}): Transition {
  return {
    tenant: job.tenant,
    id: job.id,
    seq: 0,
    state: "done",
    counted: true,
    bump: 0,
    attempt: 0,
    due: null,
    sent: null,
    wake: null,
    gate: null,
    reason: null,
    cursor: undefined,
    progress: undefined,
    result: null,
    ended: noon,
    event: null,
    folds: false,
    was: { wake: null, gate: null },
    doubt: 0,
    type: "email",
    ms: 1,
    ...more,
  };
}

export function messageOf({ tenant, id, seq, fp, at, maxAttempts }: NewJob) {
  return { tenant, id, seq, fp, at, maxAttempts };
}

export async function stored(job: { tenant: string; id: string }): Promise<Record<string, unknown> | null> {
  return env.DB.prepare("SELECT * FROM jobs WHERE tenant = ? AND id = ?").bind(job.tenant, job.id).first();
}

const sides = {
  due: "SELECT 'due ' || at || ' ' || id AS row FROM due",
  parked: "SELECT 'parked ' || gate || ' ' || at || ' ' || id AS row FROM parked",
  gates: "SELECT 'gate ' || gate AS row FROM parked_gates",
  letters: "SELECT 'letter ' || state || ' ' || id AS row FROM dead_letters",
  history: "SELECT 'history ' || event || ' ' || job AS row FROM history",
  entities: "SELECT 'entity ' || key || ' ' || id AS row FROM entities",
};

/** The ids of the tenant's newest jobs, newest first. */
export async function listed(tenant: string): Promise<string[]> {
  return (await createQueries(env.DB).jobs(tenant, {}, { limit: 100 })).jobs.map(({ id }) => id);
}

/** The ids of the tenant's jobs that a search finds by this entity key. */
export async function foundBy(tenant: string, key: string): Promise<string[]> {
  return (await createQueries(env.DB).jobs(tenant, { q: key }, { limit: 100 })).jobs.map(({ id }) => id);
}

/** What stands beside a tenant's jobs, as text. */
export async function sideRows(tenant: string): Promise<string[]> {
  const results = await env.DB.batch<{ row: string }>(Object.values(sides).map((sql) => env.DB.prepare(`${sql} WHERE tenant = ?`).bind(tenant)));
  return results.flatMap(({ results: rows }) => rows.map(({ row }) => row)).sort();
}
