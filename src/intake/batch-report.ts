import type { Receipt } from "../queue/request";
import { refusalsIn } from "./refusals";
import type { RouteAnswer } from "./route";

/** The answer to a batch: refusals by their place in the list, within the bounds of an answer; `Retry-After` when some entries may be sent again. */
export function batchReport(receipts: readonly Receipt[], bodyLength: number): RouteAnswer {
  const waits = receipts.flatMap((each) => (each.ok || each.retryAfter === undefined ? [] : [each.retryAfter]));
  const retryAfter: Record<string, string> = waits.length === 0 ? {} : { "retry-after": String(Math.max(1, Math.ceil(Math.max(...waits)))) };
  const ids = receipts.map((each) => (each.ok ? each.id : null));
  return { status: 202, body: { accepted: ids.filter((id) => id !== null).length, ...refusalsIn(receipts, bodyLength), ids }, headers: retryAfter };
}
