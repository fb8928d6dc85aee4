import { isRecord } from "../json/record";
import type { StoredJob } from "./ports/tick-ledger";

/** A job as it travels in a message. Version 1 of this shape; a higher `v` belongs to a newer deployment and is left to it. */
export interface Envelope {
  v: 1;
  id: string;
  /** Delivery generation, see docs/lifecycle.md. */
  seq: number;
  type: string;
  /** Version of the payload's shape. */
  version: number;
  tenant: string;
  queue: string;
  /** Milliseconds; when it was enqueued. */
  at: number;
  /** The payload as JSON text; absent when it lies in R2. */
  payload?: string;
  /** Claim check: the R2 key of the payload. */
  ref?: string;
  /** Fingerprint of the payload, or of what the sender gave instead; only for jobs with an idempotency key. */
  fp?: string;
  parent?: string;
  /** `{trace id}-{flags}` that its sender named, or its parent had to hand on (src/trace.ts). Deployments that do not know it ignore it. */
  trace?: string;
  dry?: true;
  /** Attempts that were made in another system. */
  made?: number;
  /** Not before this time, milliseconds. */
  due?: number;
  /** The second copy of a job whose first waits in its own queue. Deployments that do not know it ignore it. */
  copy?: true;
  /** Accepted under its key while the ledger was away: whether the key's job has ended, and is to run again, is seen at delivery. */
  unasked?: true;
}

/** Several jobs of one tenant, type, queue and delay in one message. Its id is that of its first job. */
export interface Pack {
  v: 2;
  id: string;
  tenant: string;
  queue: string;
  jobs: readonly PackedJob[];
}

/** A job within a pack, which names tenant and queue for all of them. */
export type PackedJob = Omit<Envelope, "tenant" | "queue">;

/** What a message body turned out to be. */
type Parsed =
  /** One job, or those of a pack. */
  | { kind: "jobs"; jobs: readonly Envelope[] }
  /** From a newer deployment. */
  | { kind: "future"; version: number }
  | { kind: "foreign"; raw: string };

/** A payload whose JSON has more bytes goes to R2; leaves room for the rest of a message, which has at most 128,000 bytes. */
export const maxInlineBytes = 96 * 1024;
/** So does one that has more bytes once it is escaped as a text within the message. */
const maxEscapedBytes = 124_000;

/** A batch has at most this many jobs: as many points may one invocation write to Analytics Engine. */
export const maxBatchJobs = 250;

/** Whether a payload, as JSON text, travels in its message. There it is escaped once more: quotes make it longer than its own bytes. */
export function fitsMessage(text: string): boolean {
  // A character has at most three bytes, so short texts need no counting.
  if (text.length * 3 <= maxInlineBytes) return true;
  const encoder = new TextEncoder();
  return encoder.encode(text).length <= maxInlineBytes && encoder.encode(JSON.stringify(text)).length <= maxEscapedBytes;
}

/** Reads a message body. Never throws; what is no envelope comes back as text, cut at 64 KB. */
export function parseEnvelope(body: unknown): Parsed {
  if (isRecord(body)) {
    if (body["v"] === 1 && isEnvelope(body)) return { kind: "jobs", jobs: [body] };
    const jobs = body["v"] === 2 ? unpacked(body) : undefined;
    if (jobs) return { kind: "jobs", jobs };
    if (typeof body["v"] === "number" && body["v"] > 1 && typeof body["id"] === "string" && typeof body["tenant"] === "string") {
      return { kind: "future", version: body["v"] };
    }
  }
  return { kind: "foreign", raw: rawText(body) };
}

/** The jobs of a pack; undefined when it is none that this deployment can read. */
function unpacked({ tenant, queue, jobs }: Record<string, unknown>): Envelope[] | undefined {
  if (!Array.isArray(jobs) || jobs.length === 0 || jobs.length > maxBatchJobs) return undefined;
  const envelopes = jobs.flatMap((job: unknown) => {
    const envelope: Record<string, unknown> = { ...(isRecord(job) ? job : {}), tenant, queue };
    return envelope["v"] === 1 && isEnvelope(envelope) ? [envelope] : [];
  });
  return envelopes.length === jobs.length ? envelopes : undefined;
}

/** What a name may be, so that it comes back from the ledger as it is: visible ASCII. */
const name = /^[\x21-\x7e]{1,256}$/;
const optionalTexts = ["payload", "ref", "fp", "parent", "trace"];

function isEnvelope(body: Record<string, unknown>): body is Record<string, unknown> & Envelope {
  const areNamed = isName(body["id"]) && isName(body["type"]) && isName(body["tenant"]) && isName(body["queue"]);
  const areCounted = Number.isSafeInteger(body["seq"]) && Number.isSafeInteger(body["version"]) && Number.isSafeInteger(body["at"]);
  if (!areNamed || !areCounted) return false;
  for (const each of optionalTexts) if (body[each] !== undefined && typeof body[each] !== "string") return false;
  const due = body["due"] === undefined || Number.isSafeInteger(body["due"]);
  const made = body["made"] === undefined || (Number.isSafeInteger(body["made"]) && Number(body["made"]) >= 0);
  const mark = body["unasked"] === undefined || body["unasked"] === true;
  return due && made && mark && (body["payload"] !== undefined || body["ref"] !== undefined);
}

function isName(value: unknown): boolean {
  return typeof value === "string" && name.test(value);
}

function rawText(body: unknown): string {
  try {
    const text = typeof body === "string" ? body : (JSON.stringify(body) ?? String(body));
    return text.toWellFormed().slice(0, 64 * 1024);
  } catch {
    // A v8-serialised body may hold what JSON cannot (BigInt, cycles); its kind is all that can be kept.
    return String(Object.prototype.toString.call(body));
  }
}

/** The envelope of a stored row. */
export function envelopeOf(row: StoredJob): Envelope {
  return {
    v: 1,
    id: row.id,
    seq: row.seq,
    type: row.type,
    version: row.version,
    tenant: row.tenant,
    queue: row.queue,
    at: row.at,
    ...(row.payload === null ? { ref: row.ref ?? "" } : { payload: row.payload }),
    ...(row.fp === null ? {} : { fp: row.fp }),
    ...(row.parent === null ? {} : { parent: row.parent }),
    ...(row.trace === null ? {} : { trace: row.trace }),
    ...(row.dry ? { dry: true } : {}),
  };
}
