import { claimedKey, type Queue } from "./queue.ts";
import type { Connection } from "./redis.ts";
import type { Request } from "./request.ts";

/** What is remembered of a taken job, so that it can be put back. */
export interface Taken {
  tenant: string;
  name: string;
  place: string;
  seq: number;
  /** When it was taken, in milliseconds. */
  at: number;
}

export interface Claimed {
  id: string;
  taken: Taken;
  request: Request;
}

/** Jobs that were taken and of which it is not known yet whether the product has them, the first taken first. */
export async function readClaimed(connection: Connection, queue: Queue): Promise<Claimed[]> {
  const ids = await connection.client.zrange(claimedKey(queue), 0, -1);
  if (ids.length === 0) return [];
  const own = `${queue.base}jobyard:`;
  const [taken, requests] = await Promise.all([connection.client.hmget(`${own}from`, ...ids), connection.client.hmget(`${own}request`, ...ids)]);
  return ids.flatMap((id, index) => {
    const [from, request] = [taken[index], requests[index]];
    return from && request ? [{ id, taken: JSON.parse(from) as Taken, request: JSON.parse(request) as Request }] : [];
  });
}

/** What became of a claimed job: the product's id for it, or why it was refused. */
export type Fate = { id: string; done: string } | { id: string; refused: Refusal };

export interface Refusal {
  code: string;
  detail: string;
}

export async function settle(connection: Connection, queue: Queue, fates: readonly Fate[]): Promise<number> {
  if (fates.length === 0) return 0;
  const values = fates.flatMap((fate) => ("done" in fate ? ["done", fate.id, fate.done] : ["refused", fate.id, JSON.stringify(fate.refused)]));
  return Number(await connection.run("settle", claimedKey(queue), queue.base, ...values));
}

/** Whether the product may have the job all the same: such a job is neither put back nor sent again without a person. */
export function isUncertain({ code }: Refusal): boolean {
  return code === "stale" || code === "idempotency-mismatch";
}

export async function readRefused(connection: Connection, queue: Queue): Promise<Map<string, Refusal>> {
  const found = await connection.client.hgetall(`${queue.base}jobyard:refused`);
  return new Map(Object.entries(found).map(([id, text]) => [id, JSON.parse(text) as Refusal]));
}
