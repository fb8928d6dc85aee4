import { createHash } from "node:crypto";
import { type BullJob, dueOf, optionsOf, parse } from "./job.ts";
import type { Entry, JobMap } from "./map.ts";
import type { Queue } from "./queue.ts";
import { resolve } from "./value.ts";

/** What is sent to the product for one job. */
export interface Request {
  tenant: string;
  job: { type: string; payload: unknown; idempotencyKey: string; runAt?: string; failed?: string; attemptsMade?: number };
}

/** Attempts of a job before it is taken. */
export interface Attempts {
  made: number;
  /** `opts.attempts`; undefined: not set. */
  configured: number | undefined;
}

/** Why a job stays where it is. The first seven are read from Redis. */
export const reasons = {
  schedule: "a run of a schedule: taken over by --finish",
  flow: "parent or child of a flow: the old workers finish flows",
  group: "of a group of BullMQ Pro, which is not supported",
  locked: "a worker holds its lock",
  gone: "the list names it, but its hash is gone",
  options: "its options cannot be read",
  "dedup-next": "another job waits behind its deduplication id",
  data: "its data is no JSON",
  unmapped: "the map has no entry for its name",
  tenant: "the map finds no tenant in it",
  "unknown-tenant": "the product has no such tenant",
  "foreign-tenant": "of a tenant that the token is not for",
  dedup: 'has a deduplication id, and its entry does not say "dedup": "accept"',
  type: "the product has no such type",
  version: "the product has another version of the type",
  payload: "its payload does not fit the type",
  size: "larger than a request to the product may be",
  due: "due in more than 366 days",
  unselected: "not selected by --name or --tenant",
} as const;
export type Reason = keyof typeof reasons;

/** Reasons that keep jobs out of the product until a person acts. */
export const blocking: readonly Reason[] = ["options", "data", "unmapped", "tenant", "unknown-tenant", "dedup", "type", "version", "payload", "size", "due"];

/** Either what to send, or why not. */
export type Judged = { request: Request; entry: Entry; attempts: Attempts } | { reason: Reason; detail?: string };

export interface Selection {
  names: readonly string[];
  tenants: readonly string[];
}

const maxDays = 366;
const maxReasonLength = 500;
const namePattern = /^[a-z0-9-]{1,63}$/;

/** Turns a job into a request by the map, without a call to the product. */
export function requestFrom(job: BullJob, queue: Queue, map: JobMap, { names, tenants }: Selection, now: number): Judged {
  if (job.why !== "") return { reason: job.why in reasons ? (job.why as Reason) : "options" };
  if (names.length > 0 && !names.includes(job.name)) return { reason: "unselected" };
  const entry = map.find(queue.name, job.name);
  if (!entry) return { reason: "unmapped" };
  const data = parse(job.data);
  if (data === undefined) return { reason: "data" };
  const scope = { data, name: job.name, id: job.id, queue: queue.name, timestamp: Number(job.timestamp), opts: optionsOf(job) };
  const tenant = tenantFrom(resolve(entry.tenant, scope));
  if (tenant === undefined) return { reason: "tenant" };
  if (tenants.length > 0 && !tenants.includes(tenant)) return { reason: "unselected" };
  if (job.dedup !== "" && entry.dedup !== "accept") return { reason: "dedup" };
  const due = dueOf(job);
  if (due !== undefined && due > now + maxDays * 86_400_000) return { reason: "due" };
  const payload = resolve(entry.payload ?? { path: "data" }, scope);
  if (payload === undefined) return { reason: "payload", detail: "the map finds none" };
  const runAt = due !== undefined && due > now ? { runAt: new Date(due).toISOString() } : {};
  const failed = job.place === "failed" ? { failed: `imported-failed: ${job.failedReason}`.slice(0, maxReasonLength).toWellFormed() } : {};
  return { entry, attempts: attemptsOf(job), request: { tenant, job: { type: entry.type, payload, idempotencyKey: keyOf(queue, job), ...runAt, ...failed } } };
}

/** A run whose worker died counts: Bull adds it when the run ends. */
function attemptsOf(job: BullJob): Attempts {
  const { attempts } = optionsOf(job);
  const configured = typeof attempts === "number" && attempts > 0 ? attempts : undefined;
  return { made: job.attempts + (job.place === "active" ? 1 : 0), configured };
}

/** How many attempts of a type count as made, so that as many are left as in Bull: one at least, and no more than the type has. */
export function attemptsMade({ made, configured }: Attempts, max: number): number {
  const left = Math.max(1, (configured ?? max) - made);
  return max - Math.min(max, left);
}

function tenantFrom(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && namePattern.test(text) ? text : undefined;
}

/** The timestamp distinguishes a job from a later one of the same id. */
export function keyOf({ prefix, name }: Pick<Queue, "prefix" | "name">, { id, timestamp }: Pick<BullJob, "id" | "timestamp">): string {
  const key = `bull:${prefix}:${name}:${id}:${timestamp}`;
  if (/^[\x20-\x7e]{1,256}$/.test(key)) return key;
  return `bull:sha256:${createHash("sha256").update(key).digest("hex")}`;
}
