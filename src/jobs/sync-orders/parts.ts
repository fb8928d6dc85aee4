import { removeBulkParts, nameBulkParts, recordBulkParts, type BulkPart, bulkParts } from "../../domain/shop/sync/bulk-parts";
import { firstDays, lastDaysSpan, type DateRange, halves } from "../../domain/shop/sync/date-range";
import type { SyncContext } from "../../domain/shop/sync/session";
import { allUnreadable, allWarnings } from "../../domain/shop/sync/steps";
import { orderSyncResult } from "../../domain/shop/sync/sync-orders";
import type { PayloadOf } from "../../queue/job";
import { discard, done, type Outcome, wait } from "../../queue/outcome";
import { syncOrdersPart } from "../sync-orders-part/job";
import type { syncOrders } from "./job";
import { minuteMs } from "../../time/day";

interface Cursor extends DateRange {
  enqueued?: true;
  /** All parts are read. */
  sum?: ReturnType<typeof sumOf>;
}

const ended = ["dead", "discarded", "cancelled"];

/** Splits the range into jobs of one week, and ends when they have ended. */
export async function runInParts({ siteId, lastDays = firstDays }: PayloadOf<typeof syncOrders>, context: SyncContext): Promise<Outcome> {
  const opened = await context.shops.open(siteId);
  if (!opened.ok && opened.failure.code === "site") return discard(opened.failure.reason);
  const scope = { ...context.scope, site: siteId };
  const cursor: Cursor = (context.cursor as Cursor | undefined) ?? lastDaysSpan(lastDays, context.now());
  if (cursor.sum) return doneWith(cursor, cursor.sum);
  if (!cursor.enqueued) await enqueueParts(siteId, cursor, context);
  const parts = await bulkParts(scope, context.id);
  const read = parts.filter(({ isRead }) => isRead);
  await context.progress(read.length, parts.length, "parts of the window are read");
  const lost = parts.find(({ isRead, state }) => !isRead && ended.includes(state ?? ""));
  if (lost) return discard(`the part from ${date(lost.from)} to ${date(lost.to)} was not read: its job ${lost.job} is ${lost.state}`);
  if (read.length < parts.length) return wait("its parts are being read", { until: nextLook(context) });
  const sum = sumOf(parts);
  await context.checkpoint({ ...cursor, sum }, [removeBulkParts(scope, context.id)]);
  return doneWith(cursor, sum);
}

async function enqueueParts(siteId: string, span: DateRange, context: SyncContext): Promise<void> {
  const scope = { ...context.scope, site: siteId };
  const parts = halves(span);
  await context.checkpoint(span, recordBulkParts(scope, context.id, parts));
  const jobs = [];
  for (const [index, { from, to }] of parts.entries()) {
    jobs.push({ from, job: await context.enqueue(syncOrdersPart, { siteId, run: context.id, from, to }, { key: `part-${index}` }) });
  }
  await context.checkpoint({ ...span, enqueued: true } satisfies Cursor, [nameBulkParts(scope, context.id, jobs)]);
}

// Every 10 seconds at first, later once a minute: a job may run 10,000 times.
function nextLook({ at, now }: SyncContext): number {
  return now() + Math.min(minuteMs, Math.max(10_000, (now() - at) / 20));
}

function sumOf(parts: readonly BulkPart[]) {
  const sum = (field: "orders" | "changed" | "deleted") => parts.reduce((total, part) => total + part[field], 0);
  const unreadable = allUnreadable(parts.flatMap((part) => part.unreadable));
  const warnings = allWarnings(parts.flatMap((part) => part.warnings));
  return { orders: sum("orders"), changed: sum("changed"), deleted: sum("deleted"), unreadable, warnings, parts: parts.length };
}

function doneWith(span: DateRange, { parts, ...sums }: NonNullable<Cursor["sum"]>): Outcome {
  return done({ ...orderSyncResult({ from: span.from, to: span.to, ...sums }), parts });
}

function date(at: number): string {
  return new Date(at).toISOString();
}
