import { readLists } from "./look-up";
import { readOrderPage } from "./order-page";
import { behind, countRows, entering, expectedOf, inSteps, type Progress, startOfAll, type Step } from "./steps";
import { isVisit, listsAreOld, visit, type Visit, type VisitContext } from "./visit";
import type { Span } from "./window";
import { ok, type Reply } from "../../queue/effect";
import { done, isOutcome, type Outcome } from "../../queue/outcome";

export interface Cursor extends Progress, Span {
  // States, currencies and carriers are read again where there is an order to show with them.
  phase: "count" | "lists" | "orders" | "ended";
  orders: number;
  changed: number;
}

export interface Reading {
  span(here: Visit): Span;
  /** Statements that commit with the last page. */
  ended(here: Visit, cursor: Cursor): readonly unknown[];
}

/** Reads one window of orders, however many runs it takes. */
export async function readWindow(siteId: string, context: VisitContext, reading: Reading): Promise<Outcome> {
  const cursor = context.cursor as Cursor | undefined;
  if (cursor?.phase === "ended") return done(resultOf(cursor));
  const here = await visit(context, siteId, cursor?.pageSizes);
  if (!isVisit(here)) return here;
  const first = (): Cursor => ({ ...startOfAll, phase: "count", ...reading.span(here), orders: 0, changed: 0 });
  const end = await inSteps(context, here, cursor ?? first(), (at) => steps[at.phase as keyof typeof steps](context, here, at, reading));
  return isOutcome(end) ? end : done(resultOf(end));
}

export function resultOf({ orders, changed, unreadable, warnings, from, to }: Pick<Cursor, "orders" | "changed" | "unreadable" | "warnings" | "from" | "to">) {
  return { orders, changed, unreadable, warnings, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

type Take = (context: VisitContext, here: Visit, cursor: Cursor, reading: Reading) => Promise<Reply<Step<Cursor>>>;

const countOrders: Take = async (context, here, cursor, reading) => {
  const total = await countRows(here.shop, "orders", { from: cursor.from, to: cursor.to }, context.signal);
  if (!total.ok) return total;
  const phase = listsAreOld(here, "orders", context.now()) ? "lists" : "orders";
  const counted = entering(cursor, phase, total.value);
  return ok(total.value === 0 ? ended(here, counted, reading, []) : { cursor: counted, writes: [] });
};

const readStates: Take = async (context, here, cursor) => {
  const lists = await readLists(context, here, ["order_states", "currencies", "carriers"]);
  if (!lists.ok) return lists;
  return ok({ cursor: entering(cursor, "orders", cursor.total), writes: [...lists.value, ...here.data.listsRead("orders", context.now())] });
};

const readOrders: Take = async (context, here, cursor, reading) => {
  const request = { window: { from: cursor.from, to: cursor.to }, afterId: cursor.after, expected: expectedOf(cursor, true) };
  const page = await readOrderPage(context, here, request);
  if (!page.ok) return page;
  const { more, rows, changed, writes } = page.value;
  const next = { ...behind(cursor, page.value), orders: cursor.orders + rows, changed: cursor.changed + changed };
  return ok(more ? { cursor: next, writes } : ended(here, next, reading, writes));
};

const steps: Record<Exclude<Cursor["phase"], "ended">, Take> = { count: countOrders, lists: readStates, orders: readOrders };

function ended(here: Visit, cursor: Cursor, reading: Reading, writes: readonly unknown[]): Step<Cursor> {
  return { cursor: { ...cursor, phase: "ended" }, writes: [...writes, ...reading.ended(here, cursor)] };
}
