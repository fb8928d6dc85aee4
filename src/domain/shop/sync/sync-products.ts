import { stockWrites } from "../products/stock";
import { listsRead, siteState, spanRead } from "../site/store";
import { compareEveryMs, lastDaysSpan, nextSpan, type DateRange } from "./date-range";
import { readProductPage } from "./product-page";
import { compareIdsStep, readAgainStep } from "./passes";
import { hasToReadAgain } from "./read-again";
import { readLists } from "./referenced";
import { isSession, listsAreOld, openSyncSession, type SyncContext, type SyncSession } from "./session";
import { cursorAfterPage, countRows, entering, expectedOf, inSteps, type StepProgress, startOfAll, type SyncStep } from "./steps";
import { ok, type Reply } from "../../../queue/effect";
import { done, isOutcome, type Outcome } from "../../../queue/outcome";

interface ProductReading {
  /** Only products that were changed since the last run; all products where there was none. */
  incremental: boolean;
  /** Whether manufacturers and suppliers are read and linked. */
  linkVendors: boolean;
}

interface Cursor extends StepProgress {
  phase: Phase;
  full: boolean;
  /** When the run began: rows that it has read since are not read again. Milliseconds. */
  began: number;
  /** All changes in this range are stored when the run ends. */
  span: DateRange;
  products: number;
  deleted: number;
  stock: number;
}

// Products include their quantities. An incremental run reads all quantities as well, since a new quantity does not change the product's date.
type Phase = "again" | "lists" | "ids" | "count" | "products" | "quantities" | "ended";

/** Reads a shop's products and their quantities, in as many runs as needed. */
export async function syncShopProducts(siteId: string, context: SyncContext, reading: ProductReading): Promise<Outcome> {
  const cursor = context.cursor as Cursor | undefined;
  if (cursor?.phase === "ended") return done(productSyncResult(cursor));
  const session = await openSyncSession(context, siteId, cursor?.pageSizes);
  if (!isSession(session)) return session;
  const end = await inSteps(session, cursor ?? start(reading, session), (at) => steps[at.phase as keyof typeof steps](session, at, reading));
  return isOutcome(end) ? end : done(productSyncResult(end));
}

/** The result of a dry run, which reads nothing. */
export async function dryProductSync(siteId: string, { scope }: SyncContext, { incremental }: ProductReading): Promise<Outcome> {
  const state = await siteState({ ...scope, site: siteId });
  return done({ products: 0, deleted: 0, stock: 0, full: !incremental || !state?.products.readTo, unreadable: [], warnings: [] });
}

// Without an earlier run there are no changes to read: all products are.
function start({ incremental, linkVendors }: ProductReading, session: SyncSession): Cursor {
  const readTo = session.state?.products.readTo ?? null;
  const full = !incremental || readTo === null;
  const span = full ? { ...lastDaysSpan(1, session.now()), from: 0 } : nextSpan(readTo, session.settings.timezone, session.now());
  const first = { ...startOfAll, full, began: session.now(), span, products: 0, deleted: 0, stock: 0 };
  return { ...first, phase: hasToReadAgain(session, "products") ? "again" : afterLooks(full, linkVendors, session) };
}

function afterLooks(full: boolean, linkVendors: boolean, session: SyncSession): Phase {
  const isOld = listsAreOld(session, "products");
  return linkVendors && (full || isOld) ? "lists" : afterLists(full, session);
}

function afterLists(full: boolean, { state, now }: SyncSession): Phase {
  return full || now() - (state?.products.comparedAt ?? 0) >= compareEveryMs ? "ids" : "count";
}

type Take = (session: SyncSession, cursor: Cursor, reading: ProductReading) => Promise<Reply<SyncStep<Cursor>>>;

const lookAgain: Take = async (session, cursor, { linkVendors }) => {
  const step = await readAgainStep(session, "products", cursor, linkVendors);
  if (!step.ok) return step;
  return ok(step.value ?? { cursor: entering(cursor, afterLooks(cursor.full, linkVendors, session), null), writes: [] });
};

const readMakers: Take = async (session, cursor) => {
  const lists = await readLists(session, ["manufacturers", "suppliers"]);
  if (!lists.ok) return lists;
  const phase = afterLists(cursor.full, session);
  return ok({ cursor: entering(cursor, phase, null), writes: [...lists.value, listsRead(session.scope, "products", session.now())] });
};

// Also counts the rows of a full run.
const compareIds: Take = async (session, cursor) => {
  const step = await compareIdsStep(session, "products", cursor);
  if (!step.ok || !step.value.isLast) return step;
  const { cursor: next, writes } = step.value;
  return ok({ cursor: next.full ? entering(next, "products", next.read) : entering(next, "count", null), writes });
};

const countProducts: Take = async (session, cursor) => {
  const count = await countRows(session.shop, "products", cursor.span, session.signal);
  if (!count.ok) return count;
  return ok({ cursor: count.value === 0 ? toQuantities(cursor, session) : entering(cursor, "products", count.value), writes: [] });
};

const readProducts: Take = async (session, cursor, { linkVendors }) => {
  const request = { window: cursor.full ? undefined : cursor.span, afterId: cursor.after, expected: expectedOf(cursor, true) };
  const page = await readProductPage(session, linkVendors, request);
  if (!page.ok) return page;
  const { more, rows, stock, writes } = page.value;
  const next = { ...cursorAfterPage(cursor, page.value), products: cursor.products + rows, stock: cursor.stock + (cursor.full ? stock : 0) };
  if (more) return ok({ cursor: next, writes });
  return ok(cursor.full ? finish(session, next, writes) : { cursor: toQuantities(next, session), writes });
};

function toQuantities(cursor: Cursor, { state }: SyncSession): Cursor {
  return entering(cursor, "quantities", state?.stockRows ?? null);
}

const readQuantities: Take = async (session, cursor) => {
  const readAt = session.now();
  const page = await session.shop.page("stock_availables", { afterId: cursor.after, expected: expectedOf(cursor, false), signal: session.signal });
  if (!page.ok) return page;
  const { rows, missing, more } = page.value;
  const writes = stockWrites(session.scope, rows, readAt, session.now());
  const next = { ...cursorAfterPage(cursor, { ...page.value, rows: rows.length }), stock: cursor.stock + rows.length + missing.length };
  return ok(more ? { cursor: next, writes } : finish(session, next, writes));
};

const steps: Record<Exclude<Phase, "ended">, Take> = {
  again: lookAgain,
  lists: readMakers,
  ids: compareIds,
  count: countProducts,
  products: readProducts,
  quantities: readQuantities,
};

function finish({ scope, shop, now }: SyncSession, cursor: Cursor, writes: readonly unknown[]): SyncStep<Cursor> {
  const span = { ...cursor.span, pageSizes: shop.pageSizes, stockRows: cursor.stock };
  return { cursor: { ...cursor, phase: "ended" }, writes: [...writes, spanRead(scope, "products", span, now())] };
}

function productSyncResult({ products, deleted, stock, full, unreadable, warnings }: Cursor) {
  return { products, deleted, stock, full, unreadable, warnings };
}
