import type { Code, Issue } from "../errors";
import type { EnqueueRequest, Receipt, Refused } from "../queue/request";
import type { IntakeDeps } from "./deps";
import type { RouteAnswer } from "./route";

/** Characters that an answer may have beyond twice its request. */
const allowance = 18_000;
/** Refusals of this many characters together are answered in full, however short the request is. */
const minFull = 6000;
/** Issues listed in one answer; the refusals after them have none. */
const maxListedIssues = 1000;

const leftOut = "Not listed in full: the refusals before it are enough for one answer.";

/** Stands for a missing receipt, which cannot occur: enqueue gives one for each request. It counts as not accepted. */
export const lostReceipt: Refused = { ok: false, code: "unavailable", detail: "The job was not accepted.", errors: [], retryAfter: 5 };

/** Enqueues the valid entries of a list. A receipt for each entry, in their order; a refused entry is its own. */
export async function enqueueValid({ enqueue }: Pick<IntakeDeps, "enqueue">, entries: readonly (EnqueueRequest | Refused)[]): Promise<Receipt[]> {
  const valid = entries.filter((each) => "tenant" in each);
  const receipts = valid.length > 0 ? await enqueue(valid) : [];
  const byRequest = new Map(valid.map((each, index) => [each, receipts[index]]));
  return entries.map((each) => ("tenant" in each ? (byRequest.get(each) ?? lostReceipt) : each));
}

/** The refused entries of a batch. */
interface Refusals {
  rejected: { index: number; code: Code; detail: string; errors: readonly Issue[] }[];
  /** How many refusals are not listed at all: their places in `ids` are null. */
  unlisted?: number;
}

/**
 * The refusals of a batch by their places, so that the answer is at most twice as long as its request (`length`, characters) and 20,000 characters.
 * Refusals are written in full while there is room for the short form of the following ones, then in short form; those that do not fit even so are counted.
 */
function refusalsIn(receipts: readonly Receipt[], length: number): Refusals {
  const refused = receipts.flatMap((each, index) => (each.ok ? [] : [{ index, code: each.code, detail: each.detail, errors: each.errors }]));
  const ids = receipts.reduce((sum, each) => sum + (each.ok ? each.id.length + 3 : 5), 0);
  const room = 2 * length + allowance - ids;
  const rejected: Refusals["rejected"] = [];
  let used = 0;
  let issues = 0;
  for (const each of refused) {
    const short = { ...each, detail: leftOut, errors: [] };
    const shortLength = lengthOf(short);
    const toCome = (refused.length - rejected.length - 1) * shortLength;
    const full = issues + each.errors.length <= maxListedIssues ? lengthOf(each) : Number.POSITIVE_INFINITY;
    const isFull = used + full + toCome <= room || used + full <= minFull;
    const next = isFull ? full : shortLength;
    if (!isFull && used + next > room) break;
    rejected.push(isFull ? each : short);
    used += next;
    issues += isFull ? each.errors.length : 0;
  }
  const unlisted = refused.length - rejected.length;
  return { rejected, ...(unlisted === 0 ? {} : { unlisted }) };
}

/** The rejected rows that fit into the answer to a list of this many bytes; the others are counted. */
export function listedRows<Row>(rows: readonly Row[], count: number, length: number): { rejected: Row[]; unlisted?: number } {
  const rejected: Row[] = [];
  let room = 2 * length + allowance;
  for (const row of rows) {
    room -= lengthOf(row);
    if (room < 0) break;
    rejected.push(row);
  }
  const unlisted = count - rejected.length;
  return { rejected, ...(unlisted === 0 ? {} : { unlisted }) };
}

/** Characters as JSON, with the comma. */
function lengthOf(value: unknown): number {
  return JSON.stringify(value).length + 1;
}

/** The answer to a batch: refusals by their place in the list, within the bounds of an answer; `Retry-After` when some entries may be sent again. */
export function batchReport(receipts: readonly Receipt[], bodyLength: number): RouteAnswer {
  const waits = receipts.flatMap((each) => (each.ok || each.retryAfter === undefined ? [] : [each.retryAfter]));
  const retryAfter: Record<string, string> = waits.length === 0 ? {} : { "retry-after": String(Math.max(1, Math.ceil(Math.max(...waits)))) };
  const ids = receipts.map((each) => (each.ok ? each.id : null));
  return { status: 202, body: { accepted: ids.filter((id) => id !== null).length, ...refusalsIn(receipts, bodyLength), ids }, headers: retryAfter };
}
