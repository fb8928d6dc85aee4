import { type Claimed, type Fate, readClaimed, settle } from "./claimed.ts";
import { Failure, interrupted } from "./failure.ts";
import { detailOf, type Product } from "./product.ts";
import type { Queue } from "./queue.ts";
import type { Connection } from "./redis.ts";

export interface Sending {
  connection: Connection;
  product: Product;
  now: () => number;
  /** Answers false when it was interrupted. */
  sleep: (milliseconds: number) => Promise<boolean>;
  /** Is shown while the product takes nothing. */
  trouble: (sentence: string) => void;
}

export interface Sent {
  accepted: number;
  refused: number;
}

/** Jobs of one request, and bytes of their JSON. */
export const maxBatch = 100;
const maxBytes = 4 * 1024 * 1024;
/** A key lives as long as its job's row, and that at least a day. Milliseconds. */
const maxAge = 24 * 3_600_000;
/** How long the product may take none of the claimed jobs for reasons that pass, in milliseconds. */
const maxWaitMs = 600_000;

/**
 * Sends every claimed job until the product has accepted or refused it, and notes which. `delay` makes all of them wait in the product.
 * Throws a Failure when the product does not; what is claimed then stays claimed, and the next run goes on with it.
 */
export async function sendClaimed(sending: Sending, queue: Queue, delay?: number): Promise<Sent> {
  const sum: Sent = { accepted: 0, refused: 0 };
  let until = sending.now() + maxWaitMs;
  for (let pause = 500; ; pause = Math.min(pause * 2, 30_000)) {
    const claimed = (await readClaimed(sending.connection, queue)).filter(
      ({ request: { tenant } }) => sending.product.tenant === undefined || tenant === sending.product.tenant,
    );
    if (claimed.length === 0) return sum;
    const before = sum.accepted + sum.refused;
    const wait = await sendAll(sending, queue, claimed, delay, sum);
    if (sum.accepted + sum.refused > before) [pause, until] = [250, sending.now() + maxWaitMs];
    if (wait === 0) continue;
    const longest = Math.max(pause, Math.min(wait * 1000, 300_000));
    if (sending.now() + longest > until)
      throw new Failure(4, `The product does not take ${claimed.length} jobs of the queue ${queue.name}. They stay claimed; run the same command again.`);
    sending.trouble(`The product takes no more jobs now; going on in ${Math.ceil(longest / 1000)} s.`);
    if (!(await sending.sleep(longest))) throw interrupted();
  }
}

/** One request for each hundred. @returns Seconds to wait before what is left is sent again; 0: nothing was put off. */
async function sendAll(sending: Sending, queue: Queue, claimed: readonly Claimed[], delay: number | undefined, sum: Sent): Promise<number> {
  const old = claimed.filter(({ taken }) => sending.now() - taken.at > maxAge);
  const stale: Fate[] = old.map(({ id }) => ({
    id,
    refused: { code: "stale", detail: "claimed more than 24 hours ago; whether the product has it is unknown" },
  }));
  sum.refused += await settle(sending.connection, queue, stale);
  let wait = 0;
  const fresh = claimed.filter((each) => !old.includes(each));
  for (const group of Map.groupBy(fresh, ({ request }) => request.tenant).values()) {
    for (const batch of batchesOf(group)) wait = Math.max(wait, await sendBatch(sending, queue, batch, delay, sum));
  }
  return wait;
}

async function sendBatch(sending: Sending, queue: Queue, batch: readonly Claimed[], delay: number | undefined, sum: Sent): Promise<number> {
  const [first] = batch;
  if (!first) return 0;
  const later = delay === undefined ? {} : { runAt: new Date(sending.now() + delay).toISOString() };
  const jobs = batch.map(({ request }) => ({ ...request.job, ...(request.job.failed === undefined ? later : {}) }));
  const answer = await sending.product.ask("POST", "/v1/jobs/batch", { tenant: first.request.tenant, body: { jobs } });
  if (answer.status === 202) {
    const { fates, wait } = fatesOf(batch, answer.body);
    await note(sending, queue, fates, sum);
    return Math.max(wait, wait > 0 ? answer.retryAfter : 0);
  }
  if (![400, 413, 422].includes(answer.status)) {
    throw new Failure(
      [401, 403].includes(answer.status) ? 3 : 4,
      `The product answered POST /v1/jobs/batch for ${first.request.tenant} with ${answer.status}: ${detailOf(answer)}`,
    );
  }
  // One job made the whole request unacceptable: it is found by halves.
  if (batch.length > 1) {
    const half = Math.ceil(batch.length / 2);
    const waited = await sendBatch(sending, queue, batch.slice(0, half), delay, sum);
    return Math.max(waited, await sendBatch(sending, queue, batch.slice(half), delay, sum));
  }
  await note(sending, queue, [{ id: first.id, refused: { code: String(answer.body["code"] ?? answer.status), detail: detailOf(answer) } }], sum);
  return 0;
}

async function note(sending: Sending, queue: Queue, fates: readonly Fate[], sum: Sent): Promise<void> {
  await settle(sending.connection, queue, fates);
  const done = fates.filter((fate) => "done" in fate).length;
  sum.accepted += done;
  sum.refused += fates.length - done;
}

interface Rejected {
  index: number;
  code: string;
  detail?: string;
  errors?: { path: string; message: string }[];
}

const passing = ["unavailable", "too-many-requests", "internal"];

/** The product's answer for each job; those it neither accepted nor named stay claimed and are sent again. */
function fatesOf(batch: readonly Claimed[], body: Record<string, unknown>): { fates: Fate[]; wait: number } {
  const ids = Array.isArray(body["ids"]) ? (body["ids"] as unknown[]) : [];
  const rejected = new Map((Array.isArray(body["rejected"]) ? (body["rejected"] as Rejected[]) : []).map((each) => [each.index, each]));
  const fates: Fate[] = [];
  let wait = 0;
  for (const [index, { id }] of batch.entries()) {
    const accepted = ids[index];
    const refusal = rejected.get(index);
    if (typeof accepted === "string") fates.push({ id, done: accepted });
    else if (!refusal || passing.includes(refusal.code)) wait = 1;
    else fates.push({ id, refused: { code: refusal.code, detail: sentenceOf(refusal) } });
  }
  return { fates, wait };
}

function sentenceOf({ detail = "", errors = [] }: Rejected): string {
  const issues = errors.slice(0, 3).map(({ path, message }) => `${path}: ${message}`);
  return (issues.length > 0 ? issues.join("; ") : detail).slice(0, 300);
}

function* batchesOf(claimed: readonly Claimed[]): Generator<Claimed[]> {
  let batch: Claimed[] = [];
  let bytes = 0;
  for (const each of claimed) {
    const size = JSON.stringify(each.request.job).length;
    if (batch.length === maxBatch || (batch.length > 0 && bytes + size > maxBytes)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(each);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
