import type { Receipt } from "../queue/request";
import type { Answer } from "./route";

/** The answer to many at once: what was refused by its place; `Retry-After` when some of it may be sent again. */
export function batchReport(receipts: readonly Receipt[]): Answer {
  const rejected = receipts.flatMap((each, index) => (each.ok ? [] : [{ index, code: each.code, detail: each.detail, errors: each.errors }]));
  const waits = receipts.flatMap((each) => (each.ok || each.retryAfter === undefined ? [] : [each.retryAfter]));
  const retryAfter: Record<string, string> = waits.length === 0 ? {} : { "retry-after": String(Math.max(1, Math.ceil(Math.max(...waits)))) };
  const ids = receipts.map((each) => (each.ok ? each.id : null));
  return { status: 202, body: { accepted: receipts.length - rejected.length, rejected, ids }, headers: retryAfter };
}
