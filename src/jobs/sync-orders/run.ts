import { readOrderPage } from "../../domain/shop/order-page";
import { failedVisit, isVisit, listsAreOld, makesRoom, mended, readLists, visit, type Visit, type VisitContext } from "../../domain/shop/visit";
import { lastDaysSpan, nextSpan, type Span, split } from "../../domain/shop/window";
import type { PayloadOf, Run } from "../../queue/job";
import { done, type Outcome } from "../../queue/outcome";
import { syncOrders } from "./job";

type Payload = PayloadOf<typeof syncOrders>;

interface Cursor extends Span {
  after: number;
  orders: number;
  changed: number;
  unreadable: { id: number | null; reason: string }[];
  pageSize?: number;
  ended?: true;
}

const mostUnreadable = 50;

export const runSyncOrders: Run<typeof syncOrders> = async (payload, context) => {
  if (context.dryRun) return dryRun(payload, context);
  if (payload.bulkMode && !payload.part) return splitUp(payload, context);
  const cursor = context.cursor as Cursor | undefined;
  if (cursor?.ended) return done(resultOf(cursor));
  const here = await visit(context, payload.siteId, cursor?.pageSize);
  if (!isVisit(here)) return here;
  return (await listed(context, here)) ?? readOn(payload, context, here, cursor ?? start(payload, context, here));
};

// The window is fixed before the first page, so that every page of every run is of the same one.
function start(payload: Payload, context: VisitContext, { state }: Visit): Cursor {
  return {
    ...spanOf(payload, context.now(), state?.orders.readTo ?? null, state?.settings?.timeZone ?? null),
    after: 0,
    orders: 0,
    changed: 0,
    unreadable: [],
  };
}

function spanOf({ lastDays, part }: Payload, now: number, readTo: number | null, zone: string | null): Span {
  if (part) return { from: part.from, to: part.to };
  return lastDays === undefined ? nextSpan(readTo, zone, now) : lastDaysSpan(lastDays, now);
}

async function listed(context: VisitContext, here: Visit): Promise<Outcome | undefined> {
  if (!listsAreOld(here, context.now())) return undefined;
  const lists = await readLists(context, here, ["order_states", "currencies", "carriers"]);
  if (!lists.ok) return failedVisit(context, here, lists.failure);
  await context.checkpoint(context.cursor, lists.value);
  return makesRoom(context, here, context.cursor);
}

async function readOn(payload: Payload, context: VisitContext, here: Visit, from: Cursor): Promise<Outcome> {
  for (let cursor = from; ;) {
    const page = await readOrderPage(context, here, { window: { from: cursor.from, to: cursor.to }, afterId: cursor.after });
    if (!page.ok) return failedVisit(context, here, page.failure);
    await mended(here);
    const { writes, lastId, more, orders, changed, unreadable } = page.value;
    cursor = {
      ...cursor,
      after: lastId,
      orders: cursor.orders + orders,
      changed: cursor.changed + changed,
      unreadable: [...cursor.unreadable, ...unreadable].slice(0, mostUnreadable),
      pageSize: here.shop.pageSize,
    };
    if (!more) return finished(payload, context, here, cursor, writes);
    await context.checkpoint(cursor, writes);
    await context.progress(cursor.orders, undefined, `up to order ${lastId}`);
    const room = await makesRoom(context, here, cursor);
    if (room) return room;
  }
}

async function finished({ part }: Payload, context: VisitContext, { data }: Visit, cursor: Cursor, writes: readonly unknown[]): Promise<Outcome> {
  const now = context.now();
  const read = part ? data.windowRead(part.run, part.from, now) : data.spanRead("orders", cursor, now);
  await context.checkpoint({ ...cursor, ended: true }, [...writes, ...read]);
  await context.progress(cursor.orders, cursor.orders, "all read");
  return done(resultOf(cursor));
}

async function splitUp({ siteId, lastDays = 40 }: Payload, context: VisitContext): Promise<Outcome> {
  const span = (context.cursor as Span | undefined) ?? lastDaysSpan(lastDays, context.now());
  const parts = split(span);
  await context.checkpoint(span, context.shopData.site(context.tenant, siteId).openWindows(context.id, parts));
  for (const [index, { from, to }] of parts.entries()) {
    await context.enqueue(syncOrders, { siteId, part: { run: context.id, from, to } }, { key: `part-${index}` });
  }
  return done({ ...resultOf({ ...span, orders: 0, changed: 0, unreadable: [] }), parts: parts.length });
}

async function dryRun(payload: Payload, context: VisitContext): Promise<Outcome> {
  await context.effect("store", async () => ({ ok: true, value: null }));
  const state = await context.shopData.site(context.tenant, payload.siteId).state();
  const span = spanOf(payload, context.at, state?.orders.readTo ?? null, state?.settings?.timeZone ?? null);
  return done(resultOf({ ...span, orders: 0, changed: 0, unreadable: [] }));
}

function resultOf({ orders, changed, unreadable, from, to }: Pick<Cursor, "orders" | "changed" | "unreadable" | "from" | "to">) {
  return { orders, changed, unreadable, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
