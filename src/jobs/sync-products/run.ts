import { hasToReadAgain, readAgain } from "../../domain/shop/sync/read-again";
import { readLists } from "../../domain/shop/sync/referenced";
import { readProductPage } from "../../domain/shop/sync/product-page";
import { behind, countRows, entering, expectedOf, inSteps, type Progress, startOfAll, type Step } from "../../domain/shop/sync/steps";
import { isVisit, listsAreOld, visit, type Visit, type VisitContext } from "../../domain/shop/sync/session";
import { compareEvery, lastDaysSpan, nextSpan, type Span } from "../../domain/shop/sync/date-range";
import { ok, type Reply } from "../../queue/effect";
import type { PayloadOf, Run } from "../../queue/job";
import { done, isOutcome } from "../../queue/outcome";
import type { syncProducts } from "./job";

type Payload = PayloadOf<typeof syncProducts>;

interface Cursor extends Progress {
  phase: Phase;
  full: boolean;
  /** When the run began: what it has looked at since is not looked at again. Milliseconds. */
  began: number;
  /** What was changed up to here is stored when the run ends. */
  span: Span;
  products: number;
  deleted: number;
  stock: number;
}

// Products come with their quantities; a run of what changed reads all quantities besides, since they move no date.
type Phase = "again" | "lists" | "ids" | "count" | "products" | "quantities" | "ended";

/** Rows of one run that are looked at again: the others wait for the next. */
const maxAgain = 500;

export const runSyncProducts: Run<typeof syncProducts> = async (payload, context) => {
  if (context.dryRun) {
    await context.effect("store", async () => ({ ok: true, value: null }));
    const state = await context.shopData.site(context.tenant, payload.siteId).state();
    return done({ products: 0, deleted: 0, stock: 0, full: !payload.incremental || !state?.products.readTo, unreadable: [], warnings: [] });
  }
  const cursor = context.cursor as Cursor | undefined;
  if (cursor?.phase === "ended") return done(resultOf(cursor));
  const here = await visit(context, payload.siteId, cursor?.pageSizes);
  if (!isVisit(here)) return here;
  const end = await inSteps(context, here, cursor ?? start(payload, context, here), (at) => steps[at.phase as keyof typeof steps](context, here, at, payload));
  return isOutcome(end) ? end : done(resultOf(end));
};

// Nothing to go on from: what a run of changes would leave out was never read.
function start({ incremental, linkVendors }: Payload, context: VisitContext, here: Visit): Cursor {
  const readTo = here.state?.products.readTo ?? null;
  const full = !incremental || readTo === null;
  const span = full ? { ...lastDaysSpan(1, context.now()), from: 0 } : nextSpan(readTo, here.settings.timeZone, context.now());
  const first = { ...startOfAll, full, began: context.now(), span, products: 0, deleted: 0, stock: 0 };
  return { ...first, phase: hasToReadAgain(here, "products") ? "again" : afterLooks(full, linkVendors, context, here) };
}

function afterLooks(full: boolean, linkVendors: boolean, context: VisitContext, here: Visit): Phase {
  const isOld = listsAreOld(here, "products", context.now());
  return linkVendors && (full || isOld) ? "lists" : afterLists(full, context, here);
}

function afterLists(full: boolean, context: VisitContext, { state }: Visit): Phase {
  return full || context.now() - (state?.products.comparedAt ?? 0) >= compareEvery ? "ids" : "count";
}

type Take = (context: VisitContext, here: Visit, cursor: Cursor, payload: Payload) => Promise<Reply<Step<Cursor>>>;

const lookAgain: Take = async (context, here, cursor, { linkVendors }) => {
  const writes = cursor.read < maxAgain ? await readAgain(context, here, "products", { since: cursor.began, linkVendors }) : ok(null);
  if (!writes.ok) return writes;
  if (writes.value === null) return ok({ cursor: entering(cursor, afterLooks(cursor.full, linkVendors, context, here), null), writes: [] });
  const looked = here.notes.reads[0];
  return ok({ cursor: { ...cursor, read: cursor.read + (looked ? looked.flawed.length + looked.sound.length : 0) }, writes: writes.value });
};

const readMakers: Take = async (context, here, cursor) => {
  const lists = await readLists(context, here, ["manufacturers", "suppliers"]);
  if (!lists.ok) return lists;
  const phase = afterLists(cursor.full, context, here);
  return ok({ cursor: entering(cursor, phase, null), writes: [...lists.value, ...here.data.listsRead("products", context.now())] });
};

// Counts, too, what a full run will read. Only the empty page behind all others is the end: what is not listed counts as deleted.
const compareIds: Take = async (context, { shop, data }, cursor) => {
  const readAt = context.now();
  const page = await shop.ids("products", { afterId: cursor.after, signal: context.signal });
  if (!page.ok) return page;
  const { ids, lastId, more } = page.value;
  const gone = await data.goneIds("products", ids, { after: cursor.after, until: more ? lastId : null }, readAt);
  const writes = data.goneWrites("products", gone, readAt, context.now());
  const next = { ...cursor, after: lastId, read: cursor.read + ids.length, deleted: cursor.deleted + gone.length };
  if (more) return ok({ cursor: next, writes });
  const compared = next.full ? entering(next, "products", next.read) : entering(next, "count", null);
  return ok({ cursor: compared, writes: [...writes, ...data.compared("products", readAt)] });
};

const countProducts: Take = async (context, here, cursor) => {
  const count = await countRows(here.shop, "products", cursor.span, context.signal);
  if (!count.ok) return count;
  return ok({ cursor: count.value === 0 ? toQuantities(cursor, here) : entering(cursor, "products", count.value), writes: [] });
};

const readProducts: Take = async (context, here, cursor, { linkVendors }) => {
  const request = { window: cursor.full ? undefined : cursor.span, afterId: cursor.after, expected: expectedOf(cursor, true) };
  const page = await readProductPage(context, here, linkVendors, request);
  if (!page.ok) return page;
  const { more, rows, stock, writes } = page.value;
  const next = { ...behind(cursor, page.value), products: cursor.products + rows, stock: cursor.stock + (cursor.full ? stock : 0) };
  if (more) return ok({ cursor: next, writes });
  return ok(cursor.full ? ended(context, here, next, writes) : { cursor: toQuantities(next, here), writes });
};

function toQuantities(cursor: Cursor, { state }: Visit): Cursor {
  return entering(cursor, "quantities", state?.stockRows ?? null);
}

const readQuantities: Take = async (context, here, cursor) => {
  const readAt = context.now();
  const page = await here.shop.page("stock_availables", { afterId: cursor.after, expected: expectedOf(cursor, false), signal: context.signal });
  if (!page.ok) return page;
  const { rows, missing, more } = page.value;
  const writes = here.data.stockWrites(rows, readAt, context.now());
  const next = { ...behind(cursor, { ...page.value, rows: rows.length }), stock: cursor.stock + rows.length + missing.length };
  return ok(more ? { cursor: next, writes } : ended(context, here, next, writes));
};

const steps: Record<Exclude<Phase, "ended">, Take> = {
  again: lookAgain,
  lists: readMakers,
  ids: compareIds,
  count: countProducts,
  products: readProducts,
  quantities: readQuantities,
};

function ended(context: VisitContext, { data, shop }: Visit, cursor: Cursor, writes: readonly unknown[]): Step<Cursor> {
  const span = { ...cursor.span, pageSizes: shop.pageSizes, stockRows: cursor.stock };
  return { cursor: { ...cursor, phase: "ended" }, writes: [...writes, ...data.spanRead("products", span, context.now())] };
}

function resultOf({ products, deleted, stock, full, unreadable, warnings }: Cursor) {
  return { products, deleted, stock, full, unreadable, warnings };
}
