import type { ShopResource } from "../../../providers/shop/row-types";
import type { Found, Lookup, Shop } from "../../../providers/shop/shop";
import { type Failure, ok, type Reply } from "../../../queue/effect";
import type { FlawedRow, RowsRead } from "./unreadable";

/** What a run records besides the rows. */
export interface Notes {
  /** When the run began. Milliseconds. */
  readonly began: number;
  /** Since the last checkpoint. */
  reads: RowsRead[];
  /** Warnings about answers, since the last checkpoint. */
  readonly warnings: Set<string>;
  /** Resources that the key may not read, with the reason. */
  refused: Map<ShopResource, string>;
  /** Resources that could be read. */
  allowed: Set<ShopResource>;
}

export function noNotes(began: number): Notes {
  return { began, reads: [], warnings: new Set(), refused: new Map(), allowed: new Set() };
}

/** Resources that a sync can omit; without the others there is no sync. */
const secondary: ReadonlySet<ShopResource> = new Set([
  "order_payments",
  "order_carriers",
  "carriers",
  "customers",
  "addresses",
  "countries",
  "currencies",
  "manufacturers",
  "suppliers",
  "product_suppliers",
]);

export function isSecondary(resource: ShopResource): boolean {
  return secondary.has(resource);
}

/** The shop, with records of what cannot be read. A secondary resource that the key may not read returns no rows, `refused`, and is requested once a run. */
export function noteReads(shop: Shop, notes: Notes, now: () => number): Shop {
  const reading = async <Rows extends Found<{ id: number }>>(
    resource: ShopResource,
    nothing: Rows,
    read: () => Promise<Reply<Rows>>,
    requested: readonly (string | number)[] = [],
  ): Promise<Reply<Rows>> => {
    if (notes.refused.has(resource)) return ok(nothing);
    const readAt = now();
    const reply = await read();
    if (!reply.ok && isSecondary(resource) && isPermission(reply.failure)) {
      notes.refused.set(resource, reply.failure.reason);
      return ok(nothing);
    }
    if (!reply.ok) return reply;
    notes.allowed.add(resource);
    notes.reads.push(readOf(resource, readAt, reply.value, requested));
    for (const warning of reply.value.warnings) notes.warnings.add(warning);
    return reply;
  };
  return {
    test: (signal) => shop.test(signal),
    permissions: (resources, signal) => shop.permissions(resources, signal),
    settings: (signal) => shop.settings(signal),
    page: (resource, request) => reading(resource, { ...none, lastId: request.afterId, more: false }, () => shop.page(resource, request)),
    find: (resource, by, signal) => reading(resource, none, () => shop.find(resource, by, signal), idsOf(by)),
    listed: (resource, by, signal) => shop.listed(resource, by, signal),
    ids: (resource, request) => shop.ids(resource, request),
    get pageSizes() {
      return shop.pageSizes;
    },
    resume: (known) => shop.resume(known),
  };
}

const none = { rows: [], unreadable: [], missing: [], warnings: [], refused: true } as const;

/** PrestaShop's error codes for a missing permission on the resource or the method. */
function isPermission({ class: kind, code }: Failure): boolean {
  return kind === "config" && (code === "25" || code === "26");
}

/** Rows of a page or lookup that cannot be read completely, and rows that were not returned. */
export function unreadableIn({ resource, found }: { resource: ShopResource; found: Omit<Found<unknown>, "rows"> }): FlawedRow[] {
  const missing = found.missing.map((id) => ({ id, reason: `the shop failed to load this row of ${resource}` }));
  return [...found.unreadable.map(({ id, reason }) => ({ id, reason })), ...missing];
}

function readOf(resource: ShopResource, readAt: number, found: Found<{ id: number }>, requested: readonly (string | number)[]): RowsRead {
  const flawed = unreadableIn({ resource, found });
  const ids = new Set(flawed.map(({ id }) => id));
  const sound = [...new Set([...found.rows.map(({ id }) => id), ...requested.map(Number)])].filter((id) => !ids.has(id));
  return { resource, readAt, flawed, sound };
}

function idsOf({ field, values }: Lookup<ShopResource>): readonly (string | number)[] {
  return field === "id" ? values : [];
}
