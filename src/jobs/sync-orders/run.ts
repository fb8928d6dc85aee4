import { readLists } from "../../domain/shop/look-up";
import { readOrderPage } from "../../domain/shop/order-page";
import { behind, countRows, entering, expectedOf, inSteps, type Progress, startOfAll, type Step } from "../../domain/shop/steps";
import { isVisit, listsAreOld, visit, type Visit, type VisitContext } from "../../domain/shop/visit";
import { firstDays, lastDaysSpan, nextSpan, type Span, split } from "../../domain/shop/window";
import { ok, type Reply } from "../../queue/effect";
import type { PayloadOf, Run } from "../../queue/job";
import { done, isOutcome, type Outcome } from "../../queue/outcome";
import { syncOrders } from "./job";

type Payload = PayloadOf<typeof syncOrders>;

interface Cursor extends Progress, Span {
  phase: "lists" | "count" | "orders" | "ended";
  orders: number;
  changed: number;
}

export const runSyncOrders: Run<typeof syncOrders> = async (payload, context) => {
  if (context.dryRun) return dryRun(payload, context);
  if (payload.bulkMode && !payload.part) return splitUp(payload, context);
  const cursor = context.cursor as Cursor | undefined;
  if (cursor?.phase === "ended") return done(resultOf(cursor));
  const here = await visit(context, payload.siteId, cursor?.pageSizes);
  if (!isVisit(here)) return here;
  const end = await inSteps(context, here, cursor ?? start(payload, context, here), (at) => steps[at.phase as keyof typeof steps](context, here, at, payload));
  return isOutcome(end) ? end : done(resultOf(end));
};

// The window is fixed before the first page, so that every page of every run is of the same one.
function start(payload: Payload, context: VisitContext, here: Visit): Cursor {
  const span = spanOf(payload, context.now(), here.state?.orders.readTo ?? null, here.settings.timeZone);
  const phase = listsAreOld(here, "orders", context.now()) ? "lists" : "count";
  return { ...startOfAll, phase, ...span, orders: 0, changed: 0 };
}

function spanOf({ lastDays, part }: Payload, now: number, readTo: number | null, zone: string | null): Span {
  if (part) return { from: part.from, to: part.to };
  return lastDays === undefined ? nextSpan(readTo, zone, now) : lastDaysSpan(lastDays, now);
}

type Take = (context: VisitContext, here: Visit, cursor: Cursor, payload: Payload) => Promise<Reply<Step<Cursor>>>;

const readStates: Take = async (context, here, cursor) => {
  const lists = await readLists(context, here, ["order_states", "currencies", "carriers"]);
  if (!lists.ok) return lists;
  return ok({ cursor: entering(cursor, "count", null), writes: [...lists.value, ...here.data.listsRead("orders", context.now())] });
};

const countOrders: Take = async (context, here, cursor, payload) => {
  const total = await countRows(here.shop, "orders", { from: cursor.from, to: cursor.to }, context.signal);
  if (!total.ok) return total;
  const counted = entering(cursor, "orders", total.value);
  return ok(total.value > 0 ? { cursor: counted, writes: [] } : ended(context, here, counted, payload, []));
};

const readOrders: Take = async (context, here, cursor, payload) => {
  const request = { window: { from: cursor.from, to: cursor.to }, afterId: cursor.after, expected: expectedOf(cursor) };
  const page = await readOrderPage(context, here, request);
  if (!page.ok) return page;
  const { more, rows, changed, writes } = page.value;
  const next = { ...behind(cursor, page.value), orders: cursor.orders + rows, changed: cursor.changed + changed };
  return ok(more ? { cursor: next, writes } : ended(context, here, next, payload, writes));
};

const steps: Record<Exclude<Cursor["phase"], "ended">, Take> = { lists: readStates, count: countOrders, orders: readOrders };

function ended(context: VisitContext, { data, shop }: Visit, cursor: Cursor, { part }: Payload, writes: readonly unknown[]): Step<Cursor> {
  const now = context.now();
  const { from, to } = cursor;
  const read = part ? data.windowRead(part.run, part.from, now) : data.spanRead("orders", { from, to, pageSizes: shop.pageSizes }, now);
  return { cursor: { ...cursor, phase: "ended" }, writes: [...writes, ...read] };
}

async function splitUp({ siteId, lastDays = firstDays }: Payload, context: VisitContext): Promise<Outcome> {
  const span = (context.cursor as Span | undefined) ?? lastDaysSpan(lastDays, context.now());
  const parts = split(span);
  await context.checkpoint(span, context.shopData.site(context.tenant, siteId).openWindows(context.id, parts));
  for (const [index, { from, to }] of parts.entries()) {
    await context.enqueue(syncOrders, { siteId, part: { run: context.id, from, to } }, { key: `part-${index}` });
    await context.progress(index + 1, parts.length, "parts of the window that have a job of their own");
  }
  return done({ ...resultOf({ ...startOfAll, ...span, orders: 0, changed: 0 }), parts: parts.length });
}

async function dryRun(payload: Payload, context: VisitContext): Promise<Outcome> {
  await context.effect("store", async () => ({ ok: true, value: null }));
  const state = await context.shopData.site(context.tenant, payload.siteId).state();
  const span = spanOf(payload, context.at, state?.orders.readTo ?? null, state?.settings?.timeZone ?? null);
  return done(resultOf({ ...startOfAll, ...span, orders: 0, changed: 0 }));
}

function resultOf({ orders, changed, unreadable, warnings, from, to }: Omit<Cursor, "phase">) {
  return { orders, changed, unreadable, warnings, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
