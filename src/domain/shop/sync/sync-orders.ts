import { ok, type Reply } from "../../../queue/effect";
import { done, isOutcome, type Outcome } from "../../../queue/outcome";
import { firstOrder } from "../orders/store";
import { listsRead } from "../site/store";
import type { DateRange } from "./date-range";
import { readOrderPage } from "./order-page";
import { compareIdsStep, readAgainStep } from "./passes";
import { hasToReadAgain } from "./read-again";
import { readLists } from "./referenced";
import { isSession, listsAreOld, openSyncSession, type SyncContext, type SyncSession } from "./session";
import { cursorAfterPage, countRows, entering, expectedOf, inSteps, type StepProgress, startOfAll, type SyncStep, withNotes } from "./steps";

interface Cursor extends StepProgress, DateRange {
  // States, currencies and carriers are read only when there are orders.
  phase: "again" | "ids" | "count" | "lists" | "orders" | "ended";
  /** When the run began: rows that it has read since are not read again. Milliseconds. */
  began: number;
  orders: number;
  changed: number;
  deleted: number;
}

interface OrderReading {
  span(session: SyncSession): DateRange;
  /** Whether unreadable rows are read again. */
  looksAgain: boolean;
  /** Whether the ids of all orders are compared with the stored ones, to find deleted orders. */
  compares(session: SyncSession): boolean;
  /** Statements that commit with the last page. */
  ended(session: SyncSession, cursor: Cursor): readonly unknown[];
}

/** Reads the orders of one range of change dates, in as many runs as needed. */
export async function readOrderRange(siteId: string, context: SyncContext, reading: OrderReading): Promise<Outcome> {
  const saved = context.cursor as Cursor | undefined;
  // A cursor of an earlier release has no `deleted`.
  const cursor = saved && { ...saved, deleted: saved.deleted ?? 0 };
  if (cursor?.phase === "ended") return done(orderSyncResult(cursor));
  const session = await openSyncSession(context, siteId, cursor?.pageSizes);
  if (!isSession(session)) return session;
  const end = await inSteps(session, cursor ?? (await start(session, reading)), (at) => steps[at.phase as keyof typeof steps](session, at, reading));
  return isOutcome(end) ? end : done(orderSyncResult(end));
}

export function orderSyncResult(cursor: Pick<Cursor, "orders" | "changed" | "deleted" | "unreadable" | "warnings" | "from" | "to">) {
  const { orders, changed, deleted, unreadable, warnings, from, to } = cursor;
  return { orders, changed, deleted, unreadable, warnings, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

async function start(session: SyncSession, reading: OrderReading): Promise<Cursor> {
  const first: Cursor = { ...startOfAll, phase: "again", began: session.now(), ...reading.span(session), orders: 0, changed: 0, deleted: 0 };
  return reading.looksAgain && hasToReadAgain(session, "orders") ? first : compareOrCount(session, first, reading);
}

/** The comparison begins with the first stored order: the shop may have many before it. */
async function compareOrCount(session: SyncSession, cursor: Cursor, reading: OrderReading): Promise<Cursor> {
  const first = reading.compares(session) ? await firstOrder(session.scope) : null;
  return first === null ? entering(cursor, "count", null) : { ...entering(cursor, "ids", null), after: first - 1 };
}

type Take = (session: SyncSession, cursor: Cursor, reading: OrderReading) => Promise<Reply<SyncStep<Cursor>>>;

const lookAgain: Take = async (session, cursor, reading) => {
  const step = await readAgainStep(session, "orders", cursor, false);
  if (!step.ok) return step;
  return ok(step.value ?? { cursor: await compareOrCount(session, cursor, reading), writes: [] });
};

const compareIds: Take = async (session, cursor) => {
  const step = await compareIdsStep(session, "orders", cursor);
  if (!step.ok || !step.value.isLast) return step;
  return ok({ ...step.value, cursor: entering(step.value.cursor, "count", null) });
};

const countOrders: Take = async (session, cursor, reading) => {
  const total = await countRows(session.shop, "orders", { from: cursor.from, to: cursor.to }, session.signal);
  if (!total.ok) return total;
  const phase = listsAreOld(session, "orders") ? "lists" : "orders";
  const counted = entering(cursor, phase, total.value);
  return ok(total.value === 0 ? finish(session, counted, reading, []) : { cursor: counted, writes: [] });
};

const readStates: Take = async (session, cursor) => {
  const lists = await readLists(session, ["order_states", "currencies", "carriers"]);
  if (!lists.ok) return lists;
  return ok({ cursor: entering(cursor, "orders", cursor.total), writes: [...lists.value, listsRead(session.scope, "orders", session.now())] });
};

const readOrders: Take = async (session, cursor, reading) => {
  const request = { window: { from: cursor.from, to: cursor.to }, afterId: cursor.after, expected: expectedOf(cursor, true) };
  const page = await readOrderPage(session, request);
  if (!page.ok) return page;
  const { more, rows, changed, writes } = page.value;
  const next = { ...cursorAfterPage(cursor, page.value), orders: cursor.orders + rows, changed: cursor.changed + changed };
  return ok(more ? { cursor: next, writes } : finish(session, next, reading, writes));
};

const steps: Record<Exclude<Cursor["phase"], "ended">, Take> = {
  again: lookAgain,
  ids: compareIds,
  count: countOrders,
  lists: readStates,
  orders: readOrders,
};

function finish(session: SyncSession, cursor: Cursor, reading: OrderReading, writes: readonly unknown[]): SyncStep<Cursor> {
  return { cursor: { ...cursor, phase: "ended" }, writes: [...writes, ...reading.ended(session, withNotes(cursor, session))] };
}
