import { readProductPage } from "../../domain/shop/product-page";
import { failedVisit, isVisit, listsAreOld, makesRoom, mended, readLists, visit, type Visit, type VisitContext } from "../../domain/shop/visit";
import { lastDaysSpan, nextSpan, type Span } from "../../domain/shop/window";
import type { PayloadOf, Run } from "../../queue/job";
import type { Failure } from "../../queue/effect";
import { done, type Outcome } from "../../queue/outcome";
import type { syncProducts } from "./job";

type Payload = PayloadOf<typeof syncProducts>;

interface Cursor {
  phase: Phase;
  after: number;
  full: boolean;
  /** What was changed up to here is stored when the run ends. */
  span: Span;
  products: number;
  deleted: number;
  stock: number;
  unreadable: { id: number | null; reason: string }[];
  pageSize?: number;
}

/** Products come with their quantities; a run of what changed reads all quantities besides, since they move no date; a full one looks for what is gone. */
type Phase = "products" | "stock" | "gone" | "ended";

/** What one page of a phase did. */
type Step = { cursor: Cursor; writes: readonly unknown[]; more: boolean } | { failure: Failure };

const mostUnreadable = 50;

export const runSyncProducts: Run<typeof syncProducts> = async (payload, context) => {
  if (context.dryRun) {
    await context.effect("store", async () => ({ ok: true, value: null }));
    return done(resultOf(start(payload, context, undefined)));
  }
  const cursor = context.cursor as Cursor | undefined;
  if (cursor?.phase === "ended") return done(resultOf(cursor));
  const here = await visit(context, payload.siteId, cursor?.pageSize);
  if (!isVisit(here)) return here;
  const failure = await listed(payload, context, here);
  if (failure) return failedVisit(context, here, failure);
  return readOn(payload, context, here, cursor ?? start(payload, context, here));
};

// Nothing to go on from: what a run of changes would leave out was never read.
function start({ incremental }: Payload, context: VisitContext, here: Visit | undefined): Cursor {
  const readTo = here?.state?.products.readTo ?? null;
  const full = !incremental || readTo === null;
  const span = full ? lastDaysSpan(1, context.now()) : nextSpan(readTo, here?.state?.settings?.timeZone ?? null, context.now());
  return { phase: "products", after: 0, full, span: full ? { ...span, from: 0 } : span, products: 0, deleted: 0, stock: 0, unreadable: [] };
}

async function listed({ linkVendors }: Payload, context: VisitContext, here: Visit): Promise<Failure | undefined> {
  const makers = linkVendors ? (["manufacturers", "suppliers"] as const) : [];
  if (context.cursor !== undefined || !(listsAreOld(here, context.now()) || linkVendors)) return undefined;
  const lists = await readLists(context, here, listsAreOld(here, context.now()) ? ["order_states", "currencies", "carriers", ...makers] : makers);
  if (!lists.ok) return lists.failure;
  await context.checkpoint(undefined, lists.value);
  return undefined;
}

async function readOn(payload: Payload, context: VisitContext, here: Visit, from: Cursor): Promise<Outcome> {
  for (let cursor = from; ;) {
    const step = await steps[cursor.phase as keyof typeof steps](payload, context, here, cursor);
    if ("failure" in step) return failedVisit(context, here, step.failure);
    await mended(here);
    cursor = { ...(step.more ? step.cursor : { ...step.cursor, phase: after(cursor), after: 0 }), pageSize: here.shop.pageSize };
    const ended = cursor.phase === "ended";
    const read = ended ? here.data.spanRead("products", cursor.span, context.now()) : [];
    await context.checkpoint(cursor, [...step.writes, ...read]);
    await context.progress(cursor.products, ended ? cursor.products : undefined, notes[cursor.phase]);
    if (ended) return done(resultOf(cursor));
    const room = await makesRoom(context, here, cursor);
    if (room) return room;
  }
}

function after({ phase, full }: Cursor): Phase {
  if (phase === "products") return full ? "gone" : "stock";
  return "ended";
}

const notes: Record<Phase, string> = { products: "products", stock: "quantities", gone: "deleted products", ended: "all read" };

type Read = (payload: Payload, context: VisitContext, here: Visit, cursor: Cursor) => Promise<Step>;

const readProducts: Read = async ({ linkVendors }, context, here, cursor) => {
  const window = cursor.full ? undefined : cursor.span;
  const page = await readProductPage(context, here, linkVendors, { window, afterId: cursor.after });
  if (!page.ok) return page;
  const { writes, lastId, more, products, unreadable } = page.value;
  const all = [...cursor.unreadable, ...unreadable].slice(0, mostUnreadable);
  return { cursor: { ...cursor, after: lastId, products: cursor.products + products, unreadable: all }, writes, more };
};

const readStock: Read = async (_payload, context, { shop, data }, cursor) => {
  const readAt = context.now();
  const page = await shop.page("stock_availables", { afterId: cursor.after, signal: context.signal });
  if (!page.ok) return page;
  const { rows, lastId, more } = page.value;
  return { cursor: { ...cursor, after: lastId, stock: cursor.stock + rows.length }, writes: data.stockWrites(rows, readAt, context.now()), more };
};

const readIds: Read = async (_payload, context, { shop, data }, cursor) => {
  const readAt = context.now();
  const page = await shop.ids("products", { afterId: cursor.after, signal: context.signal });
  if (!page.ok) return page;
  const { ids, lastId, more } = page.value;
  const gone = await data.goneProducts(ids, { after: cursor.after, until: more ? lastId : null }, readAt);
  return { cursor: { ...cursor, after: lastId, deleted: cursor.deleted + gone.length }, writes: data.goneWrites(gone, readAt, context.now()), more };
};

const steps: Record<Exclude<Phase, "ended">, Read> = { products: readProducts, stock: readStock, gone: readIds };

function resultOf({ products, deleted, stock, full, unreadable }: Cursor) {
  return { products, deleted, stock, full, unreadable };
}
